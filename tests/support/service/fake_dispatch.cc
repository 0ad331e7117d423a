#include "tests/support/service/fake_dispatch.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"
#include "tests/support/service/fake_worker.h"

namespace hekla::service {
namespace {

using Stream = grpc::ServerReaderWriter<v1::DispatchEvents, v1::DispatchCommands>;

// The writing side of an exchange, for all its requests.
class Output {
 public:
  explicit Output(Stream* stream) : stream_(stream) {}
  bool Write(v1::DispatchEvent event) {
    v1::DispatchEvents events;
    *events.add_events() = std::move(event);
    return Write(events);
  }
  bool Write(const v1::DispatchEvents& events) {
    absl::MutexLock lock(&mutex_);
    return stream_->Write(events);
  }

 private:
  absl::Mutex mutex_;
  Stream* const stream_ ABSL_GUARDED_BY(mutex_);
};

class DispatchedCall final : public FakeCall {
 public:
  DispatchedCall(uint64_t id, const v1::DispatchCommand::Start& start, Output* output,
                 const FakeDispatch::Run& run)
      : id_(id), start_(start), output_(output), thread_([this, run] { EndAs(run(start_.request(), this)); }) {}
  ~DispatchedCall() override { thread_.join(); }

  void Cancel() {
    {
      absl::MutexLock lock(&mutex_);
      if (is_cancelled_ || is_ended_) return;
      is_cancelled_ = true;
    }
    End(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled"));  // the script may take its time to notice
  }
  void SetPaused(bool paused) {
    absl::MutexLock lock(&mutex_);
    is_paused_ = paused;
  }

  bool Write(const v1::GenerateResponse& response) override {
    absl::MutexLock lock(&mutex_);
    const auto moves = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !is_paused_ || is_cancelled_; };
    mutex_.Await(absl::Condition(&moves));
    if (is_cancelled_) return false;
    v1::DispatchEvent event;
    event.set_call_id(id_);
    *event.mutable_response() = response;
    return output_->Write(std::move(event));
  }
  bool cancelled() const override {
    absl::MutexLock lock(&mutex_);
    return is_cancelled_ || absl::Now() >= deadline();
  }
  absl::Time deadline() const override {
    return start_.has_timeout() ? began_ + FromProto(start_.timeout()) : absl::InfiniteFuture();
  }
  std::string metadata(const std::string& key) const override {
    return key == "traceparent" ? start_.traceparent() : key == "tracestate" ? start_.tracestate() : "";
  }

 private:
  // As gRPC has it, a script that ran into the deadline ends with it, whatever it says.
  void EndAs(const grpc::Status& status) {
    const bool is_late = absl::Now() >= deadline();
    End(is_late ? grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "the deadline is past") : status);
  }
  void End(const grpc::Status& status) {
    v1::DispatchEvent event;
    event.set_call_id(id_);
    // As it is: a status without details is what a broken connection looks like.
    event.mutable_end()->ParseFromString(status.error_details());
    event.mutable_end()->set_code(status.error_code());
    event.mutable_end()->set_message(status.error_message());
    absl::MutexLock lock(&mutex_);
    if (std::exchange(is_ended_, true)) return;
    output_->Write(std::move(event));
  }

  const uint64_t id_;
  const v1::DispatchCommand::Start start_;
  Output* const output_;
  const absl::Time began_ = absl::Now();
  mutable absl::Mutex mutex_;
  bool is_cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

// Reports until it is destroyed.
class Reporter {
 public:
  Reporter(absl::Duration interval, const FakeDispatch::ReadLoad& read_load, Output* output)
      : thread_([=, this] {
          while (!stop_.WaitForNotificationWithTimeout(interval)) {
            v1::DispatchEvents events;
            const std::optional<v1::Load> load = read_load();
            if (!load.has_value()) continue;
            *events.mutable_load() = *load;
            output->Write(events);
          }
        }) {}
  ~Reporter() {
    stop_.Notify();
    thread_.join();
  }

 private:
  absl::Notification stop_;
  std::thread thread_;
};

v1::DispatchEvents Refusal(uint64_t id) {
  v1::DispatchEvents events;
  events.set_closing(true);
  events.add_events()->set_call_id(id);
  *events.mutable_events(0)->mutable_end() = ToRpc(
      MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING, "the stream's credential is in force no more"));
  return events;
}

}  // namespace

void FakeDispatch::BreakExchanges() {
  absl::MutexLock lock(&mutex_);
  for (grpc::ServerContext* context : open_) context->TryCancel();
}

grpc::Status FakeDispatch::Exchange(grpc::ServerContext* context, Stream* stream) {
  ++exchanges_;
  {
    absl::MutexLock lock(&mutex_);
    open_.insert(context);
  }
  Output output(stream);
  std::unique_ptr<Reporter> reporter;
  std::map<uint64_t, std::unique_ptr<DispatchedCall>> calls;
  v1::DispatchCommands commands;
  while (stream->Read(&commands)) {
    for (const v1::DispatchCommand& command : commands.commands()) {
      if (command.has_want_load()) {
        reporter = std::make_unique<Reporter>(FromProto(command.want_load().interval()), read_load_, &output);
      } else if (command.has_start() && close_at_next_.exchange(false)) {
        output.Write(Refusal(command.call_id()));
      } else if (command.has_start()) {
        calls[command.call_id()] =
            std::make_unique<DispatchedCall>(command.call_id(), command.start(), &output, run_);
        continue;
      }
      const auto found = calls.find(command.call_id());
      if (found == calls.end()) continue;
      if (command.has_cancel()) found->second->Cancel();
      if (command.has_pause() || command.has_resume()) found->second->SetPaused(command.has_pause());
    }
  }
  for (const auto& [id, call] : calls) call->Cancel();
  absl::MutexLock lock(&mutex_);
  open_.erase(context);
  return grpc::Status::OK;  // the calls' destructors wait for their scripts
}

}  // namespace hekla::service
