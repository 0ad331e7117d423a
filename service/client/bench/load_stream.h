// One Generate call of a load, read as its plan says, with everything about it recorded.
//
// Thread rule: Start() once; then gRPC's threads drive it, ReadOn() and Cancel() may come from any thread.
// Lifetime: it deletes itself after Owner::OnEnded().
#ifndef HEKLA_SERVICE_CLIENT_BENCH_LOAD_STREAM_H_
#define HEKLA_SERVICE_CLIENT_BENCH_LOAD_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include "absl/time/time.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/client/bench/offset_check.h"
#include "service/client/bench/request_record.h"
#include "service/client/bench/workload.h"

namespace hekla::bench {

class LoadStream final : public grpc::ClientReadReactor<v1::GenerateResponse> {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnTokens(uint32_t count) = 0;
    // A slow reader pauses: the owner calls ReadOn() once, when it is time.
    virtual void OnPause(LoadStream* stream) = 0;
    // The last call; `record` is complete.
    virtual void OnEnded(LoadStream* stream, RequestRecord record) = 0;
  };

  // `record` has what is known before the call: index, times, earlier attempts.
  LoadStream(PlannedRequest plan, RequestRecord record, Owner* owner);

  // `deadline` of the call; infinite: none.
  void Start(v1::Inference::Stub& stub, absl::Time deadline);
  void ReadOn() { StartRead(&response_); }
  void Cancel() { context_.TryCancel(); }  // not planned: ends as a failure

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void Take(const v1::Delta& delta);

  const PlannedRequest plan_;
  RequestRecord record_;
  Owner* const owner_;
  grpc::ClientContext context_;
  v1::GenerateResponse response_;
  OffsetCheck offsets_;
  uint64_t text_hash_ = 0xcbf29ce484222325u, ids_hash_ = 0xcbf29ce484222325u;
  bool finished_ = false;  // Finished came
  bool cancelled_as_planned_ = false;
};

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_LOAD_STREAM_H_
