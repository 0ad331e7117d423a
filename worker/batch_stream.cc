#include "worker/batch_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/generate_stream.h"

namespace hekla::worker {
namespace {

constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxOutbox = 64;  // messages made and not yet written; then events wait in their queues
constexpr absl::Duration kRetryInterval = absl::Milliseconds(50);

}  // namespace

absl::Status BatchStream::Check() const {
  if (request_->batch_id().size() > kMaxNameBytes) {
    return service::InvalidField("batch_id", absl::StrCat("has ", request_->batch_id().size(),
                                                          " bytes, the limit is ", kMaxNameBytes));
  }
  if (request_->items_size() < 1 || request_->items_size() > kMaxBatchItems) {
    return service::InvalidField(
        "items", absl::StrCat("has ", request_->items_size(), " entries, not 1 .. ", kMaxBatchItems));
  }
  for (int i = 0; i < request_->items_size(); ++i) {
    const size_t bytes = request_->items(i).tag().size();
    if (bytes <= kMaxNameBytes) continue;
    return service::InvalidField(absl::StrCat("items[", i, "].tag"),
                                 absl::StrCat("has ", bytes, " bytes, the limit is ", kMaxNameBytes));
  }
  return absl::OkStatus();
}

void BatchStream::BeginRequest() {
  began_ = absl::Now();
  error_ = origin().caller;
  if (error_.ok()) error_ = Check();
  batch_id_ = request_->batch_id().empty() ? MakeRequestId() : request_->batch_id();
  if (error_.ok() && context().draining) {
    error_ =
        service::WithRetryAfter(service::MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING,
                                                   "this worker takes no new requests"),
                                absl::Seconds(1));
  }
}

absl::StatusOr<ReadRequest> BatchStream::Read(int index) const {
  const v1::GenerateRequest& request = request_->items(index).request();
  HEKLA_RETURN_IF_ERROR(service::CheckPromptBytes(request, context().limits.max_prompt_bytes));
  HEKLA_ASSIGN_OR_RETURN(ReadRequest read, ReadGenerateRequest(request, context().model, v1::PRIORITY_BATCH));
  read.trace = origin().trace;
  if (read.request_id.empty()) read.request_id = absl::StrCat(batch_id_, "/", index);
  return read;
}

void BatchStream::Fill(absl::Time now, absl::Time* retry_at) {
  const size_t window = 2 * std::max<size_t>(1, context().model.description.limits().max_sequences());
  while (next_ < request_->items_size() && running_.size() < window && outbox_.size() < kMaxOutbox) {
    absl::Status status;
    if (!waiting_.has_value()) {
      absl::StatusOr<ReadRequest> read = Read(next_);
      if (read.ok()) waiting_ = *std::move(read);
      status = read.status();
    }
    if (status.ok()) {
      absl::StatusOr<std::shared_ptr<RunningRequest>> run =
          RunningRequest::Start(&context(), *waiting_, origin().deadline, weak_from_this());
      status = run.status();
      if (service::ReasonOf(status) == v1::ERROR_REASON_QUEUE_FULL) {
        *retry_at = now + kRetryInterval;
        return;
      }
      waiting_.reset();
      if (run.ok()) {
        running_.push_back(std::make_unique<Item>());
        running_.back()->index = next_;
        running_.back()->run = *std::move(run);
      }
    }
    if (!status.ok()) {
      LogRefusal(request_->items(next_).request().request_id(), origin().trace, status);
      AddFinished(next_, status, v1::Result());
    }
    ++next_;
  }
}

v1::GenerateResponse* BatchStream::AddResponse(const Item& item) {
  v1::BatchGenerateResponse::ItemDelta* delta = outbox_.emplace_back().mutable_item_delta();
  delta->set_index(item.index);
  delta->set_tag(request_->items(item.index).tag());
  return delta->mutable_response();
}

void BatchStream::AddStarted(Item* item) {
  if (item->run->started() && !item->started_sent) {
    item->started_sent = true;
    item->run->FillStarted(item->result.mutable_started());
    if (request_->stream_deltas()) *AddResponse(*item)->mutable_started() = item->result.started();
  }
  if (item->started_sent && item->run->PromptIsDue()) {
    item->run->TakePrompt(item->result.mutable_prompt());
    if (request_->stream_deltas()) *AddResponse(*item)->mutable_prompt() = item->result.prompt();
  }
}

void BatchStream::AddDeltas(Item* item, absl::Time now) {
  if (request_->stream_deltas() && item->run->awaits_prompt()) return;
  for (const std::unique_ptr<RunningSample>& running : item->run->samples()) {
    if (!running->generation().has_delta() || (request_->stream_deltas() && !running->DeltaIsDue(now)))
      continue;
    v1::Delta delta;
    running->TakeDelta(&delta);
    v1::Result::Sample* sample = item->result.mutable_samples(static_cast<int>(delta.sample_index()));
    sample->mutable_text()->append(delta.text());
    sample->mutable_token_ids()->MergeFrom(delta.token_ids());
    sample->mutable_logprobs()->MergeFrom(delta.logprobs());
    if (request_->stream_deltas()) *AddResponse(*item)->mutable_delta() = std::move(delta);
  }
}

bool BatchStream::Collect(Item* item, absl::Time now) {
  const auto& samples = item->run->samples();
  while (item->result.samples_size() < static_cast<int>(samples.size())) item->result.add_samples();
  absl::Status status;
  for (bool took = true; took && status.ok();) {
    status = item->run->Poll(now, true, &took);
    AddStarted(item);
  }
  AddDeltas(item, now);
  if (status.ok() && !item->run->ended()) return false;
  for (size_t i = 0; i < samples.size() && status.ok(); ++i) {
    samples[i]->TakeFinished(item->result.mutable_samples(static_cast<int>(i))->mutable_finished());
  }
  summary_.set_prompt_tokens(summary_.prompt_tokens() + item->run->request().prompt_tokens());
  summary_.set_output_tokens(summary_.output_tokens() + item->run->output_tokens());
  item->run->Stop();
  AddFinished(item->index, status, std::move(item->result));
  return true;
}

void BatchStream::AddFinished(int index, const absl::Status& status, v1::Result result) {
  v1::BatchGenerateResponse::ItemFinished* finished = outbox_.emplace_back().mutable_item_finished();
  finished->set_index(index);
  finished->set_tag(request_->items(index).tag());
  *finished->mutable_status() = service::ToRpc(status);
  *finished->mutable_result() = std::move(result);
  if (status.ok()) {
    summary_.set_succeeded(summary_.succeeded() + 1);
  } else {
    summary_.set_failed(summary_.failed() + 1);
  }
}

BatchStream::Next BatchStream::NextMessage(absl::Time now, v1::BatchGenerateResponse* out,
                                             absl::Status* status, absl::Time* wake_at) {
  if (!error_.ok()) {
    *status = error_;
    return Next::kFail;
  }
  // An item that ends makes room for the next one, which may end at once as well.
  for (bool progress = true; progress && outbox_.size() < kMaxOutbox;) {
    *wake_at = absl::InfiniteFuture();
    const int before = next_;
    Fill(now, wake_at);
    const size_t ended =
        std::erase_if(running_, [&](const std::unique_ptr<Item>& item) { return Collect(item.get(), now); });
    progress = ended > 0 || next_ > before;
  }
  if (!outbox_.empty()) {
    *out = std::move(outbox_.front());
    outbox_.pop_front();
    return Next::kWrite;
  }
  for (const std::unique_ptr<Item>& item : running_) *wake_at = std::min(*wake_at, item->run->NextDue());
  if (next_ < request_->items_size() || !running_.empty()) return Next::kNothing;
  *out->mutable_summary() = summary_;
  out->mutable_summary()->set_batch_id(batch_id_);
  out->mutable_summary()->set_items(request_->items_size());
  SetDuration(now - began_, out->mutable_summary()->mutable_elapsed());
  return Next::kWriteLast;
}

void BatchStream::StopAll() {
  for (const std::unique_ptr<Item>& item : running_) item->run->Stop();
}

bool BatchStream::Parked() const {
  return std::any_of(running_.begin(), running_.end(),
                     [](const std::unique_ptr<Item>& item) { return item->run->parked(); });
}

}  // namespace hekla::worker
