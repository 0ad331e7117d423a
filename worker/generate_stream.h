// The responses of one Generate request.
#ifndef HEKLA_WORKER_GENERATE_STREAM_H_
#define HEKLA_WORKER_GENERATE_STREAM_H_

#include <memory>
#include <utility>

#include "worker/response_stream.h"

namespace hekla::worker {

class GenerateStream : public ResponseStream<v1::GenerateResponse> {
 public:
  // `request` lives until Released().
  GenerateStream(const ServiceContext* context, CallOrigin origin, const v1::GenerateRequest* request)
      : ResponseStream(context, std::move(origin)), request_(request) {}

 protected:
  void BeginRequest() override;
  Next NextMessage(absl::Time now, v1::GenerateResponse* out, absl::Status* status,
                   absl::Time* wake_at) override;
  void StopAll() override;
  bool Parked() const override;

 private:
  absl::StatusOr<std::shared_ptr<RunningRequest>> Read();
  // The next delta or end of any sample, in turn; kNothing if none is due.
  Next NextOfSamples(absl::Time now, v1::GenerateResponse* out);
  Next NextKeepalive(absl::Time now, v1::GenerateResponse* out, absl::Time* wake_at);

  const v1::GenerateRequest* const request_;
  std::shared_ptr<RunningRequest> run_;       // null when the request was refused
  absl::Status error_;                        // the end, after the text before it
  bool started_sent_ = false;
  size_t turn_ = 0;  // the sample that may write next
  absl::Time last_message_;
};

// A name for a request or batch whose client gave none.
std::string MakeRequestId();

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_GENERATE_STREAM_H_
