// A client's Generate stream at the router: writes what its relay brings, one write in flight. What comes
// meanwhile is merged, delta to delta; when too much waits the relay stops reading, which holds up the
// worker.
#ifndef HEKLA_SERVICE_ROUTER_GENERATE_CALL_H_
#define HEKLA_SERVICE_ROUTER_GENERATE_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "service/router/generate_relay.h"

namespace hekla::service {

// Tokens that may wait for a slow client before its worker is held up.
inline constexpr uint32_t kMaxWaitingTokens = 256;

// Deletes itself when gRPC is done with it.
class GenerateCall final : public grpc::ServerWriteReactor<v1::GenerateResponse>,
                           public GenerateRelay::Client {
 public:
  GenerateCall(const RelayEnvironment& environment, grpc::CallbackServerContext* context,
               const v1::GenerateRequest& request, const Caller& caller);

 private:
  bool OnResponse(v1::GenerateResponse response) override;
  void OnDone(absl::Status status) override;  // of the relay
  void OnKeepalive(const v1::GenerateResponse& response) override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;  // of gRPC

  void Append(v1::GenerateResponse response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteOrFinish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const OpenCalls::Place place_;
  RouterMetrics* const metrics_;
  const absl::Time deadline_;
  const std::shared_ptr<GenerateRelay> relay_;

  absl::Mutex mutex_;
  std::deque<v1::GenerateResponse> waiting_ ABSL_GUARDED_BY(mutex_);
  uint32_t waiting_tokens_ ABSL_GUARDED_BY(mutex_) = 0;
  v1::GenerateResponse written_ ABSL_GUARDED_BY(mutex_);
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_behind_ ABSL_GUARDED_BY(mutex_) = false;    // the relay waits for ReadMore()
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;    // nothing reaches the client any more
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;  // Finish() has been called
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

// The call's deadline, for ever ahead if it has none.
absl::Time DeadlineOf(const grpc::CallbackServerContext& context);

// Why a call was cancelled: its deadline or its client.
absl::Status CancelReason(absl::Time deadline);

// "queued", "prefill", "decode".
std::string PhaseLabel(const GenerateRelay& relay);

// Puts `next` behind `last` if both are deltas of one sample and it follows without a gap.
bool MergeDelta(const v1::GenerateResponse& next, v1::GenerateResponse* last);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_GENERATE_CALL_H_
