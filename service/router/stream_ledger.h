// PURE: what a client has been sent of one Generate stream, over all workers that produced it. It lets each
// token through exactly once, whatever the workers do: a gap or a repeat in a worker's offsets is that
// worker's fault and never reaches the client.
#ifndef HEKLA_SERVICE_ROUTER_STREAM_LEDGER_H_
#define HEKLA_SERVICE_ROUTER_STREAM_LEDGER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "hekla/v1/inference.pb.h"

namespace hekla::service {

class StreamLedger {
 public:
  // `request` as the client sent it. Workers must be asked for token ids whatever the client wants: see
  // WorkerRequest.
  explicit StreamLedger(const v1::GenerateRequest& request);

  // Takes a worker's response and appends what the client is to get now: nothing, it, or what was held back
  // and it. A delta without tokens (the text released by the end of the output) is held until the end is
  // certain, so that another worker may still produce it. DATA_LOSS: the worker broke the protocol; nothing
  // is appended.
  absl::Status Accept(v1::GenerateResponse response, std::vector<v1::GenerateResponse>* forward);

  // Of the present worker's model: an id at or above it is the worker's fault. 0: not known.
  void SetVocabulary(uint32_t vocabulary) { vocabulary_ = vocabulary; }

  // A new worker takes over: it sends Started again and its offsets go on after what was sent.
  void TakeOver();

  // `request` so that a worker goes on where the client's stream is.
  v1::GenerateRequest WorkerRequest(const v1::GenerateRequest& request) const;

  bool complete() const;  // every sample is finished
  bool started() const { return started_.has_value(); }
  bool has_tokens() const { return sent_tokens_ > 0; }
  bool resumable() const { return samples_.size() == 1; }
  int64_t sent_tokens() const { return sent_tokens_; }  // all samples, without what the client resumed from
  const v1::Started& started_event() const { return *started_; }
  v1::FinishReason finish_reason() const { return finish_reason_; }  // of the last finished sample
  const v1::Usage& usage() const { return usage_; }                  // of the last finished sample

 private:
  struct SampleLedger {
    std::vector<uint32_t> ids;      // the client has, resumed ones included
    std::optional<v1::Delta> tail;  // held back
    bool finished = false;
  };
  absl::Status AcceptStarted(v1::GenerateResponse response, std::vector<v1::GenerateResponse>* forward);
  absl::Status AcceptDelta(v1::GenerateResponse response, std::vector<v1::GenerateResponse>* forward);
  absl::Status AcceptFinished(v1::GenerateResponse response, std::vector<v1::GenerateResponse>* forward);
  void ReleaseTail(SampleLedger& sample, std::vector<v1::GenerateResponse>* forward);

  const bool wants_ids_;
  uint32_t vocabulary_ = 0;
  std::vector<SampleLedger> samples_;
  std::optional<v1::Started> started_;
  bool prompt_sent_ = false;
  bool worker_started_ = false;  // the present worker has sent Started
  int64_t sent_tokens_ = 0;
  int takeovers_with_tokens_ = 0;
  v1::FinishReason finish_reason_ = v1::FINISH_REASON_UNSPECIFIED;
  v1::Usage usage_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_STREAM_LEDGER_H_
