#include "service/runtime/health_service.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace hekla::service {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// One Watch stream: at most one write in flight; of changes that come meanwhile only the last one is sent.
// All of it runs under the service's mutex.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  Watcher(HealthService* service, std::string name) : service_(service), name_(std::move(name)) {}

  const std::string& name() const { return name_; }

  void Update(Status status) {
    wanted_ = status;
    WriteOrFinish();
  }

  void End() {
    ending_ = true;
    WriteOrFinish();
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&service_->mutex_);
    writing_ = false;
    if (!ok) ending_ = true, wanted_ = sent_;
    WriteOrFinish();
  }
  void OnCancel() override {
    absl::MutexLock lock(&service_->mutex_);
    wanted_ = sent_;
    End();
  }
  void OnDone() override {
    {
      absl::MutexLock lock(&service_->mutex_);
      service_->watchers_.erase(this);
    }
    delete this;
  }

 private:
  void WriteOrFinish() {
    if (writing_ || finished_) return;
    if (wanted_ != sent_) {
      sent_ = wanted_;
      writing_ = true;
      response_.set_status(static_cast<Status>(sent_));
      StartWrite(&response_);
    } else if (ending_) {
      finished_ = true;
      Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the server ends the watch"));
    }
  }

  HealthService* const service_;
  const std::string name_;
  HealthCheckResponse response_;
  int wanted_ = -1, sent_ = -1;  // a Status; -1 = none yet
  bool writing_ = false, ending_ = false, finished_ = false;
};

HealthService::Status HealthService::StatusOf(const std::string& name) const {
  const auto found = serving_.find(name);
  if (found == serving_.end()) return HealthCheckResponse::SERVICE_UNKNOWN;
  return found->second && !shut_down_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

void HealthService::Notify(const std::string& name) {
  for (Watcher* watcher : watchers_) {
    if (watcher->name() == name) watcher->Update(StatusOf(name));
  }
}

void HealthService::Set(const std::string& name, bool serving) {
  absl::MutexLock lock(&mutex_);
  const auto [entry, is_new] = serving_.try_emplace(name, serving);
  if (!is_new && entry->second == serving) return;
  entry->second = serving;
  Notify(name);
}

void HealthService::Shutdown() {
  absl::MutexLock lock(&mutex_);
  shut_down_ = true;
  for (Watcher* watcher : watchers_) {
    watcher->Update(StatusOf(watcher->name()));
    watcher->End();
  }
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::MutexLock lock(&mutex_);
  const Status status = StatusOf(request->service());
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND,
                                 absl::StrCat("service '", request->service(), "' is not known here")));
  } else {
    response->set_status(status);
    reactor->Finish(grpc::Status::OK);
  }
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(grpc::CallbackServerContext*,
                                                                    const HealthCheckRequest* request) {
  auto* watcher = new Watcher(this, request->service());
  absl::MutexLock lock(&mutex_);
  watchers_.insert(watcher);
  watcher->Update(StatusOf(request->service()));
  if (shut_down_) watcher->End();
  return watcher;
}

}  // namespace hekla::service
