// One request's way from token ids to messages: detokenizer, stop strings, deltas with absolute offsets, the
// end and its reason. The text sent up to a delta's end is a function of the ids up to there, so a resumed
// request replays its ids in silence and goes on as the unbroken one would. Pure; one thread at a time.
#ifndef HEKLA_WORKER_GENERATION_H_
#define HEKLA_WORKER_GENERATION_H_

#include <string>

#include "absl/status/status.h"
#include "worker/engine/engine_interface.h"
#include "worker/request_reader.h"
#include "worker/text/detokenizer.h"
#include "worker/text/stop_matcher.h"

namespace hekla::worker {

class Generation {
 public:
  // Replays the resumed ids; ended() may be true at once, when they hold the end already. The prompt's log
  // probabilities, if the request asks for them, come with sample 0. `request` and `model` outlive it.
  Generation(const ReadRequest* request, const ServedModel* model, int sample = 0);

  // Takes what the engine said; events after the end are ignored. INTERNAL: a gap or repeat in the offsets,
  // too many log probabilities of the prompt, or the engine's error; CANCELLED and DEADLINE_EXCEEDED as the
  // engine ended it. After an error the text up to it can still be taken.
  absl::Status OnEvent(const engine::TokenEvent& event);

  bool ended() const { return reason_ != v1::FINISH_REASON_UNSPECIFIED; }
  // The engine has not said so: the end was found in the text, and the request must be cancelled there.
  bool ended_by_text() const { return reason_ == v1::FINISH_REASON_STOP_STRING; }

  int pending_tokens() const { return static_cast<int>(delta_.token_count()); }
  bool has_delta() const {
    return delta_.token_count() > 0 || (request_->want_text && !delta_.text().empty());
  }
  // All tokens and text since the last delta. Afterwards has_delta() is false.
  void TakeDelta(v1::Delta* out);

  void FillStarted(absl::Duration queue_time, int cached_tokens, v1::Started* out) const;
  // Nothing of the Prompt is still to come from the engine.
  bool prompt_is_whole() const { return prompt_logprobs_to_come_ == 0; }
  // Once, when it is whole.
  void TakePrompt(v1::Prompt* out);
  // Only when ended(). CHECKs it.
  void FillFinished(v1::Finished* out) const;

  int output_tokens() const { return output_tokens_; }
  int cached_tokens() const { return cached_tokens_; }

 private:
  bool IsEos(schedule::TokenId token) const;
  bool IsStopToken(schedule::TokenId token) const;
  // Text of one id into delta_; ends the generation if a stop string is complete.
  void PushText(schedule::TokenId token);
  void Accept(schedule::TokenId token);
  void End(v1::FinishReason reason);
  absl::Status EndOf(const engine::TokenEvent& event);
  absl::Status AddPromptLogprobs(const engine::TokenEvent& event);
  void Replay();

  const ReadRequest* request_;
  const ServedModel* model_;
  text::Detokenizer detokenizer_;
  text::StopMatcher stops_;
  v1::Prompt prompt_;  // its log probabilities, as they come
  int prompt_logprobs_to_come_ = 0;
  v1::Delta delta_;
  int output_tokens_ = 0;
  int cached_tokens_ = 0;
  v1::FinishReason reason_ = v1::FINISH_REASON_UNSPECIFIED;
  int matched_token_ = -1;
  std::string trailing_;
  absl::Duration queue_time_, prefill_time_, decode_time_;
};

// A duration as protobuf, rounded to nanoseconds.
void SetDuration(absl::Duration duration, google::protobuf::Duration* out);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_GENERATION_H_
