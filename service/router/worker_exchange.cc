#include "service/router/worker_exchange.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "hekla/v1/dispatch.grpc.pb.h"
#include "service/router/worker_stream.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"

namespace hekla::service {

namespace {

// What the end of an exchange means for its streams. It is never an error of theirs: a worker of another version or one that
// does not accept the router's credential is at fault.
absl::Status EndOfAll(const absl::Status& status) {
  if (status.ok()) return absl::UnavailableError("it ended the stream of all requests");
  if (absl::IsUnavailable(status) || absl::IsCancelled(status)) return status;
  return absl::InternalError(absl::StrCat("it ended the stream of all requests: ", Describe(status)));
}

}  // namespace

// Holds itself until gRPC's OnDone.
class WorkerExchange::Link final : public grpc::ClientBidiReactor<v1::DispatchCommands, v1::DispatchEvents> {
 public:
  Link(std::weak_ptr<WorkerExchange> exchange, const std::shared_ptr<grpc::Channel>& channel)
      : exchange_(std::move(exchange)), stub_(v1::Dispatch::NewStub(channel)) {}

  void Open(std::shared_ptr<Link> self) {
    self_ = std::move(self);
    stub_->async()->Exchange(&context_, this);
    AddHold();  // writes come from outside of reactions, until the first read that fails
    StartRead(&events_);
    StartCall();
  }

  void Close() { context_.TryCancel(); }

  uint64_t Add(std::shared_ptr<WorkerStream> stream) {
    absl::MutexLock lock(&mutex_);
    streams_.emplace(++last_id_, std::move(stream));
    return last_id_;
  }

  void Remove(uint64_t call_id) {
    absl::MutexLock lock(&mutex_);
    streams_.erase(call_id);
    CloseIfUnused();
  }

  void Send(v1::DispatchCommand command) {
    absl::MutexLock lock(&mutex_);
    if (is_broken_) return;
    const size_t bytes = command.ByteSizeLong();
    if (waiting_.empty() || waiting_bytes_ + bytes > kMaxCommandBytes) {
      waiting_.emplace_back();
      waiting_bytes_ = 0;
    }
    waiting_bytes_ += bytes;
    *waiting_.back().add_commands() = std::move(command);
    WriteNext();
  }

 private:
  using Delivery = std::pair<std::shared_ptr<WorkerStream>, v1::DispatchEvent>;

  void OnReadDone(bool ok) override {
    if (!ok) {
      {
        absl::MutexLock lock(&mutex_);
        is_broken_ = true;
        waiting_.clear();
      }
      if (const auto exchange = exchange_.lock()) exchange->Drop(this);
      return RemoveHold();
    }
    if (events_.closing() || events_.has_load()) {
      if (const auto exchange = exchange_.lock()) {
        if (events_.closing()) exchange->Drop(this);
        if (events_.has_load()) exchange->OnLoad(events_.load());
      }
    }
    for (auto& [stream, event] : TakeEvents()) {
      if (event.has_end()) {
        stream->OnEnd(FromRpc(event.end()));
      } else {
        stream->OnResponse(std::move(*event.mutable_response()));
      }
    }
    StartRead(&events_);
  }

  std::vector<Delivery> TakeEvents() {
    std::vector<Delivery> deliveries;
    deliveries.reserve(events_.events_size());
    absl::MutexLock lock(&mutex_);
    is_closing_ |= events_.closing();
    for (v1::DispatchEvent& event : *events_.mutable_events()) {
      const auto found = streams_.find(event.call_id());
      if (found == streams_.end()) continue;  // it was left
      const bool is_end = event.has_end();
      deliveries.emplace_back(found->second, std::move(event));
      if (is_end) streams_.erase(found);
    }
    CloseIfUnused();
    return deliveries;
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    is_writing_ = false;
    if (ok && !is_broken_) WriteNext();
  }

  void OnDone(const grpc::Status& status) override {
    absl::flat_hash_map<uint64_t, std::shared_ptr<WorkerStream>> streams;
    {
      absl::MutexLock lock(&mutex_);
      streams.swap(streams_);
    }
    const absl::Status end = EndOfAll(FromGrpc(status));
    for (const auto& [call_id, stream] : streams) stream->OnEnd(end);
    const std::shared_ptr<Link> self = std::move(self_);
  }

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_writing_ || waiting_.empty()) return;
    written_ = std::move(waiting_.front());
    waiting_.pop_front();
    is_writing_ = true;
    StartWrite(&written_);
  }

  void CloseIfUnused() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (is_closing_ && streams_.empty()) Close();
  }

  const std::weak_ptr<WorkerExchange> exchange_;
  const std::unique_ptr<v1::Dispatch::Stub> stub_;
  grpc::ClientContext context_;
  v1::DispatchEvents events_;      // of the read in flight
  std::shared_ptr<Link> self_;

  absl::Mutex mutex_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<WorkerStream>> streams_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<v1::DispatchCommands> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of the last one that waits
  v1::DispatchCommands written_ ABSL_GUARDED_BY(mutex_);
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_closing_ ABSL_GUARDED_BY(mutex_) = false;
};

WorkerExchange::~WorkerExchange() {
  absl::MutexLock lock(&mutex_);
  if (link_ != nullptr) link_->Close();
}

std::shared_ptr<WorkerExchange::Link> WorkerExchange::OpenLink() {
  if (link_ != nullptr) return link_;
  link_ = std::make_shared<Link>(weak_from_this(), channel_);
  link_->Open(link_);
  if (load_interval_ > absl::ZeroDuration()) {
    v1::DispatchCommand command;
    *command.mutable_want_load()->mutable_interval() = ToProto(load_interval_);
    link_->Send(std::move(command));
  }
  return link_;
}

WorkerExchange::Line WorkerExchange::Start(std::shared_ptr<WorkerStream> stream, v1::DispatchCommand::Start start) {
  // Numbers must reach the worker in order: numbered and sent under one lock.
  absl::MutexLock lock(&mutex_);
  Line line;
  line.link = OpenLink();
  line.call_id = line.link->Add(std::move(stream));
  v1::DispatchCommand command;
  *command.mutable_start() = std::move(start);
  Send(line, std::move(command));
  return line;
}

void WorkerExchange::Send(const Line& line, v1::DispatchCommand command) {
  command.set_call_id(line.call_id);
  line.link->Send(std::move(command));
}

void WorkerExchange::Leave(const Line& line) { line.link->Remove(line.call_id); }

void WorkerExchange::WantLoads(absl::Duration interval, std::function<void(const v1::Load&)> on_load) {
  {
    absl::MutexLock lock(&load_mutex_);
    on_load_ = std::move(on_load);
  }
  absl::MutexLock lock(&mutex_);
  load_interval_ = interval;
  OpenLink();
}

void WorkerExchange::StopLoads() {
  {
    absl::MutexLock lock(&mutex_);
    load_interval_ = absl::ZeroDuration();
  }
  absl::MutexLock lock(&load_mutex_);
  on_load_ = nullptr;
}

void WorkerExchange::KeepLoads() {
  absl::MutexLock lock(&mutex_);
  if (load_interval_ > absl::ZeroDuration()) OpenLink();
}

void WorkerExchange::Drop(const Link* link) {
  absl::MutexLock lock(&mutex_);
  if (link_.get() == link) link_.reset();
}

void WorkerExchange::OnLoad(const v1::Load& load) {
  absl::MutexLock lock(&load_mutex_);
  if (on_load_ != nullptr) on_load_(load);
}

}  // namespace hekla::service
