#include "service/router/batch_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/router/generate_call.h"
#include "service/router/random_name.h"
#include "service/router/request_check.h"
#include "service/router/result_builder.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"

namespace hekla::service {

namespace {

// There may be room when another item has ended.
bool MayWait(const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  return reason == v1::ERROR_REASON_QUEUE_FULL || reason == v1::ERROR_REASON_QUOTA_EXCEEDED;
}

}  // namespace

// One item and its relay. A relay that found the queue full is replaced by a new one later.
class BatchCall::Item final : public GenerateRelay::Client {
 public:
  Item(BatchCall* batch, int index) : batch_(batch), index_(index) {}

  bool OnResponse(v1::GenerateResponse response) override {
    AddToResult(response, &result_);
    return batch_->OnItemResponse(this, std::move(response));
  }
  void OnDone(absl::Status status) override { batch_->OnItemDone(this, std::move(status)); }

  int index() const { return index_; }
  v1::Result& result() { return result_; }
  std::shared_ptr<GenerateRelay> relay;  // under the batch's mutex, as is the next
  bool started_alone = false;            // no other item of the batch was queued or at a worker

 private:
  BatchCall* const batch_;
  const int index_;
  v1::Result result_;
};

BatchCall::BatchCall(const RelayEnvironment& environment, grpc::CallbackServerContext* context,
                     const v1::BatchGenerateRequest& request, Caller caller)
    : environment_(environment),
      place_(environment.calls),
      request_(request),
      batch_id_(request.batch_id().empty() ? RandomName() : request.batch_id()),
      peer_(context->peer()),
      caller_(std::move(caller)),
      deadline_(DeadlineOf(*context)) {
  if (absl::Status status = CheckBatch(request_); !status.ok()) {
    absl::MutexLock lock(&mutex_);
    end_ = std::move(status);
    WriteOrFinish();
    return;
  }
  for (int i = 0; i < request_.items_size(); ++i) items_.push_back(std::make_unique<Item>(this, i));
  absl::MutexLock lock(&mutex_);
  for (int i = 0; i < request_.items_size(); ++i) to_start_.push_back(i);
  unfinished_ = request_.items_size();
  summary_.set_batch_id(batch_id_);
  summary_.set_items(static_cast<uint32_t>(unfinished_));
  Fill();
}

BatchCall::~BatchCall() = default;

bool BatchCall::TakeNext(std::shared_ptr<GenerateRelay>* relay) {
  if (to_start_.empty() || running_ >= kBatchWindow || (queue_was_full_ && running_ > 0)) return false;
  const int index = to_start_.front();
  to_start_.pop_front();
  ++running_;
  GenerateRelay::Call call{request_.items(index).request(),
                           v1::PRIORITY_BATCH,
                           deadline_,
                           peer_,
                           "BatchGenerate",
                           caller_.grant->tenant,
                           caller_};
  if (call.request.request_id().empty()) call.request.set_request_id(absl::StrCat(batch_id_, "/", index));
  Item* item = items_[index].get();
  item->started_alone = running_ == 1;
  *relay = item->relay = std::make_shared<GenerateRelay>(environment_, std::move(call), item);
  return true;
}

void BatchCall::Fill() {
  // Items may end while they are started here: then the loop that runs goes on, without recursion. Only that
  // loop ends the call, so that this object lives as long as it runs.
  if (is_filling_) {
    fill_again_ = true;
    return;
  }
  is_filling_ = true;
  do {
    fill_again_ = false;
    std::shared_ptr<GenerateRelay> relay;
    while (TakeNext(&relay)) {
      const std::optional<absl::Status> cancelled = cancelled_;
      mutex_.Unlock();
      if (cancelled.has_value()) relay->Cancel(*cancelled);
      relay->Start();
      mutex_.Lock();
    }
  } while (fill_again_);
  is_filling_ = false;
  if (unfinished_ == 0) Summarize();
}

bool BatchCall::OnItemResponse(Item* item, v1::GenerateResponse response) {
  if (!request_.stream_deltas() || response.has_finished()) return true;  // Finished comes with the result
  absl::MutexLock lock(&mutex_);
  if (is_broken_) return true;
  v1::BatchGenerateResponse::ItemDelta& delta = *waiting_.emplace_back().mutable_item_delta();
  delta.set_index(static_cast<uint32_t>(item->index()));
  delta.set_tag(request_.items(item->index()).tag());
  *delta.mutable_response() = std::move(response);
  WriteOrFinish();
  if (waiting_.size() < kMaxWaitingMessages) return true;
  behind_.push_back(item);
  return false;
}

void BatchCall::OnItemDone(Item* item, absl::Status status) {
  // One lock to the end: once the last item is reported another thread may end the call.
  absl::MutexLock lock(&mutex_);
  --running_;
  // Its turn comes when another item has ended; for one alone there is nothing to wait for.
  if (MayWait(status) && !item->started_alone && !cancelled_.has_value()) {
    to_start_.push_front(item->index());
    queue_was_full_ = true;
    if (running_ > 0) return;
  } else {
    Report(item, status);
  }
  Fill();
}

void BatchCall::Report(Item* item, const absl::Status& status) {
  v1::BatchGenerateResponse::ItemFinished& finished = *waiting_.emplace_back().mutable_item_finished();
  finished.set_index(static_cast<uint32_t>(item->index()));
  finished.set_tag(request_.items(item->index()).tag());
  *finished.mutable_status() = ToRpc(status);
  finished.mutable_result()->Swap(&item->result());
  if (status.ok()) {
    summary_.set_succeeded(summary_.succeeded() + 1);
  } else {
    summary_.set_failed(summary_.failed() + 1);
  }
  summary_.set_prompt_tokens(summary_.prompt_tokens() + finished.result().started().prompt_tokens());
  for (const v1::Result::Sample& sample : finished.result().samples()) {
    summary_.set_output_tokens(summary_.output_tokens() + sample.finished().usage().output_tokens());
  }
  --unfinished_;
  queue_was_full_ = false;
  WriteOrFinish();
}

void BatchCall::Summarize() {
  if (end_.has_value()) return;
  *summary_.mutable_elapsed() = ToProto(absl::Now() - arrived_);
  *waiting_.emplace_back().mutable_summary() = summary_;
  end_ = cancelled_.value_or(absl::OkStatus());
  WriteOrFinish();
}

void BatchCall::WriteOrFinish() {
  if (is_writing_ || is_finished_) return;
  if (!waiting_.empty() && !is_broken_) {
    written_ = std::move(waiting_.front());
    waiting_.pop_front();
    is_writing_ = true;
    StartWrite(&written_);
  } else if (end_.has_value()) {
    is_finished_ = true;
    Finish(ToGrpc(*end_));
  }
}

void BatchCall::OnWriteDone(bool ok) {
  std::vector<std::shared_ptr<GenerateRelay>> to_read;
  {
    absl::MutexLock lock(&mutex_);
    is_writing_ = false;
    is_broken_ |= !ok;
    if (is_broken_) waiting_.clear();
    if (waiting_.size() < kMaxWaitingMessages) {
      for (Item* item : behind_) to_read.push_back(item->relay);
      behind_.clear();
    }
    WriteOrFinish();
  }
  for (const std::shared_ptr<GenerateRelay>& relay : to_read) relay->ReadMore();
}

void BatchCall::OnCancel() {
  const absl::Status why = CancelReason(deadline_);
  std::vector<std::shared_ptr<GenerateRelay>> relays;
  {
    absl::MutexLock lock(&mutex_);
    is_broken_ = true;
    cancelled_ = why;
    for (const std::unique_ptr<Item>& item : items_) {
      if (item->relay != nullptr) relays.push_back(item->relay);
    }
  }
  for (const std::shared_ptr<GenerateRelay>& relay : relays) {
    if (absl::IsCancelled(why) && !relay->ended()) environment_.metrics->ClientCancelled(PhaseLabel(*relay));
    relay->Cancel(why);
  }
}

void BatchCall::OnDone() {
  // Whoever called Finish() did so under the lock and may hold it still.
  { absl::MutexLock lock(&mutex_); }
  delete this;
}

}  // namespace hekla::service
