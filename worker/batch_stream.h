// The responses of one BatchGenerate request. A window of items is in the engine at a time; the next
// one goes in when one ends, and waits while the engine's queue is full. Items finish in the order of
// completion.
#ifndef HEKLA_WORKER_BATCH_STREAM_H_
#define HEKLA_WORKER_BATCH_STREAM_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/response_stream.h"

namespace hekla::worker {

inline constexpr int kMaxBatchItems = 1024;

class BatchStream : public ResponseStream<v1::BatchGenerateResponse> {
 public:
  // `request` lives until Released().
  BatchStream(const ServiceContext* context, CallOrigin origin, const v1::BatchGenerateRequest* request)
      : ResponseStream(context, std::move(origin)), request_(request) {}

 protected:
  void BeginRequest() override;
  Next NextMessage(absl::Time now, v1::BatchGenerateResponse* out, absl::Status* status,
                   absl::Time* wake_at) override;
  void StopAll() override;
  bool Parked() const override;

 private:
  struct Item {
    int index = 0;
    std::shared_ptr<RunningRequest> run;
    v1::Result result;
    bool started_sent = false;
  };

  absl::Status Check() const;
  // Submits items while the window has room. *retry_at: the engine's queue is full.
  void Fill(absl::Time now, absl::Time* retry_at);
  absl::StatusOr<ReadRequest> Read(int index) const;
  // Takes in an item's events; true when it has ended.
  bool Collect(Item* item, absl::Time now);
  void AddDeltas(Item* item, absl::Time now);
  void AddStarted(Item* item);
  v1::GenerateResponse* AddResponse(const Item& item);
  void AddFinished(int index, const absl::Status& status, v1::Result result);

  const v1::BatchGenerateRequest* const request_;
  std::string batch_id_;
  absl::Time began_;
  absl::Status error_;                  // of the call as a whole
  int next_ = 0;                        // item to be submitted
  std::optional<ReadRequest> waiting_;  // item next_, read, while the engine's queue is full
  std::vector<std::unique_ptr<Item>> running_;
  std::deque<v1::BatchGenerateResponse> outbox_;
  v1::BatchGenerateResponse::Summary summary_;
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_BATCH_STREAM_H_
