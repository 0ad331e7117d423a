#include "worker/router_link.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "hekla/v1/worker.grpc.pb.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"
#include "worker/load_report.h"

namespace hekla::worker {

// The reactor of one lease. Lives on Hold()'s stack until OnDone.
class RouterLink::Stream : public grpc::ClientBidiReactor<v1::WorkerReport, v1::RouterCommand> {
 public:
  Stream(RouterLink* link, const std::shared_ptr<grpc::Channel>& channel)
      : link_(link), stub_(v1::Attachment::NewStub(channel)) {
    stub_->async()->Attach(&context_, this);
    AddHold();  // writes come from the link's thread, not only from reactions
    StartRead(&command_);
    StartCall();
  }

  void Report(v1::WorkerReport report) {
    report_ = std::move(report);
    StartWrite(&report_);
  }

  // No more calls of Report; the stream ends and OnDone follows.
  void Close() {
    context_.TryCancel();
    RemoveHold();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      absl::MutexLock lock(&link_->mutex_);
      link_->broken_ = true;
      link_->changed_.SignalAll();
      return;
    }
    link_->Obey(command_);
    StartRead(&command_);
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&link_->mutex_);
    link_->write_in_flight_ = false;
    if (!ok) link_->broken_ = true;
    link_->changed_.SignalAll();
  }

  void OnDone(const grpc::Status& status) override {
    absl::MutexLock lock(&link_->mutex_);
    link_->end_ = service::FromGrpc(status);
    link_->done_ = true;
    link_->changed_.SignalAll();
  }

 private:
  RouterLink* const link_;
  const std::unique_ptr<v1::Attachment::Stub> stub_;
  grpc::ClientContext context_;
  v1::RouterCommand command_;
  v1::WorkerReport report_;
};

absl::StatusOr<std::unique_ptr<RouterLink>> RouterLink::Start(RouterLinkOptions options) {
  const absl::Status opened = service::OpenChannel(options.channel).status();
  if (!opened.ok()) return opened;
  return std::unique_ptr<RouterLink>(new RouterLink(std::move(options)));
}

RouterLink::RouterLink(RouterLinkOptions options)
    : options_(std::move(options)), interval_(options_.report_interval), jitter_(std::random_device{}()) {
  thread_ = std::thread([this] { Run(); });
}

RouterLink::~RouterLink() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

bool RouterLink::attached() const {
  absl::MutexLock lock(&mutex_);
  return attached_;
}

bool RouterLink::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

void RouterLink::ReportNow() {
  absl::MutexLock lock(&mutex_);
  report_now_ = true;
  changed_.SignalAll();
}

void RouterLink::Run() {
  absl::Duration backoff = options_.min_backoff;
  bool complained = false;
  while (!stopping()) {
    const bool accepted = Hold();
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
    if (accepted) {
      backoff = options_.min_backoff;
      complained = false;
    }
    if (!complained) {
      service::Log(service::LogLevel::kWarning, accepted ? "router_lost" : "router_unreachable",
                   {{"router", options_.channel.address}, {"error", service::Describe(end_)}});
    }
    complained = !accepted;  // once until it is reached again
    const absl::Duration pause = backoff * std::uniform_real_distribution<double>(0.5, 1.0)(jitter_);
    const absl::Time until = absl::Now() + pause;
    while (!stopping_ && absl::Now() < until) changed_.WaitWithDeadline(&mutex_, until);
    backoff = std::min(2 * backoff, options_.max_backoff);
  }
}

bool RouterLink::Hold() {
  {
    absl::MutexLock lock(&mutex_);
    attached_ = write_in_flight_ = broken_ = done_ = false;
    interval_ = options_.report_interval;
  }
  // A new channel each time: the back-off between attempts is ours alone, and renewed TLS files are read.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = service::OpenChannel(options_.channel);
  if (!channel.ok()) {
    absl::MutexLock lock(&mutex_);
    end_ = channel.status();
    return false;
  }
  Stream stream(this, *channel);
  v1::WorkerReport report;
  *report.mutable_registration() = options_.registration;
  v1::Load sent;
  absl::Time sent_at = absl::InfinitePast();
  bool accepted = false;
  for (;;) {
    const v1::Load load = options_.read_load();
    const absl::Time now = absl::Now();
    {
      absl::MutexLock lock(&mutex_);
      accepted = accepted || attached_;
      if (stopping_ || broken_) break;
      const bool due = report_now_ || now >= sent_at + interval_ || DiffersMuch(load, sent);
      if (write_in_flight_ || !due) {
        changed_.WaitWithTimeout(&mutex_, std::min(options_.change_interval, interval_));
        continue;
      }
      report_now_ = false;
      write_in_flight_ = true;
    }
    *report.mutable_load() = load;
    stream.Report(report);
    report.clear_registration();
    sent = load;
    sent_at = now;
  }
  stream.Close();
  absl::MutexLock lock(&mutex_);
  while (!done_) changed_.Wait(&mutex_);
  attached_ = false;
  return accepted;
}

void RouterLink::Obey(const v1::RouterCommand& command) {
  switch (command.command_case()) {
    case v1::RouterCommand::kAttached: {
      absl::MutexLock lock(&mutex_);
      attached_ = true;
      const google::protobuf::Duration& interval = command.attached().report_interval();
      const absl::Duration asked = absl::Seconds(interval.seconds()) + absl::Nanoseconds(interval.nanos());
      if (asked > absl::ZeroDuration()) interval_ = std::max(asked, absl::Milliseconds(10));
      service::Log(service::LogLevel::kInfo, "router_attached",
                   {{"router", options_.channel.address}, {"router_id", command.attached().router_id()}});
      changed_.SignalAll();
      return;
    }
    case v1::RouterCommand::kDrain: {
      std::optional<absl::Duration> limit;
      if (command.drain().has_limit()) {
        limit = absl::Seconds(command.drain().limit().seconds()) +
                absl::Nanoseconds(command.drain().limit().nanos());
      }
      options_.on_drain(limit);
      return ReportNow();
    }
    case v1::RouterCommand::kUndrain:
      options_.on_undrain();
      return ReportNow();
    case v1::RouterCommand::kCancel:
      return options_.on_cancel(command.cancel().request_id());
    case v1::RouterCommand::COMMAND_NOT_SET:
      return;
  }
}

}  // namespace hekla::worker
