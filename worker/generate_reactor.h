// The stream of one Generate call on a worker.
#ifndef HEKLA_WORKER_GENERATE_REACTOR_H_
#define HEKLA_WORKER_GENERATE_REACTOR_H_

#include <memory>

#include "worker/stream_reactor.h"

namespace hekla::worker {

class GenerateReactor : public StreamReactor<v1::GenerateResponse> {
 public:
  GenerateReactor(const ServiceContext* context, grpc::CallbackServerContext* call,
                  const v1::GenerateRequest* request)
      : StreamReactor(context, call), request_(request) {}

 protected:
  void Begin() override;
  Next NextMessage(absl::Time now, v1::GenerateResponse* out, absl::Status* status,
                   absl::Time* wake_at) override;
  void StopAll() override;
  bool Parked() const override;

 private:
  absl::StatusOr<std::shared_ptr<RunningRequest>> Read();
  // The next delta or end of any sample, in turn; kNothing if none is due.
  Next NextOfSamples(absl::Time now, v1::GenerateResponse* out);
  Next NextKeepalive(absl::Time now, v1::GenerateResponse* out, absl::Time* wake_at);

  const v1::GenerateRequest* const request_;  // gRPC's, lives as long as the call
  std::shared_ptr<RunningRequest> run_;       // null when the request was refused
  absl::Status error_;                        // the end, after the text before it
  bool started_sent_ = false;
  size_t turn_ = 0;  // the sample that may write next
  absl::Time last_message_;
};

// A name for a request or batch whose client gave none.
std::string MakeRequestId();

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_GENERATE_REACTOR_H_
