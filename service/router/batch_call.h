// A client's BatchGenerate call at the router: a relay for each item, a window of them at a time, over all
// workers; a message for each finished item in the order of completion, then the summary.
#ifndef HEKLA_SERVICE_ROUTER_BATCH_CALL_H_
#define HEKLA_SERVICE_ROUTER_BATCH_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "service/router/generate_relay.h"

namespace hekla::service {

// Items of one batch that are in the queue or at workers; the rest takes no place in the queue.
inline constexpr int kBatchWindow = 256;
// Messages that may wait for a slow client before the workers are held up.
inline constexpr size_t kMaxWaitingMessages = 256;

// Deletes itself when gRPC is done with it.
class BatchCall final : public grpc::ServerWriteReactor<v1::BatchGenerateResponse> {
 public:
  BatchCall(const RelayEnvironment& environment, grpc::CallbackServerContext* context,
            const v1::BatchGenerateRequest& request, Caller caller);
  ~BatchCall() override;

 private:
  class Item;

  // Starts what the window allows; lets the lock go while it starts an item.
  void Fill() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool TakeNext(std::shared_ptr<GenerateRelay>* relay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // From items.
  bool OnItemResponse(Item* item, v1::GenerateResponse response);
  void OnItemDone(Item* item, absl::Status status);
  void Report(Item* item, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Summarize() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void WriteOrFinish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const RelayEnvironment environment_;
  const OpenCalls::Place place_;
  const v1::BatchGenerateRequest request_;
  const std::string batch_id_;
  const std::string peer_;
  const Caller caller_;
  const absl::Time deadline_;
  const absl::Time arrived_ = absl::Now();
  std::vector<std::unique_ptr<Item>> items_;

  absl::Mutex mutex_;
  std::deque<int> to_start_ ABSL_GUARDED_BY(mutex_);  // indices
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  int unfinished_ ABSL_GUARDED_BY(mutex_) = 0;
  bool queue_was_full_ ABSL_GUARDED_BY(mutex_) = false;  // since the last item ended
  bool is_filling_ ABSL_GUARDED_BY(mutex_) = false;
  bool fill_again_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> cancelled_ ABSL_GUARDED_BY(mutex_);
  v1::BatchGenerateResponse::Summary summary_ ABSL_GUARDED_BY(mutex_);

  std::deque<v1::BatchGenerateResponse> waiting_ ABSL_GUARDED_BY(mutex_);
  v1::BatchGenerateResponse written_ ABSL_GUARDED_BY(mutex_);
  std::vector<Item*> behind_ ABSL_GUARDED_BY(mutex_);  // wait for ReadMore()
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;  // Finish() has been called
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_BATCH_CALL_H_
