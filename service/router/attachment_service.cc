#include "service/router/attachment_service.h"

#include <grpcpp/server_context.h>

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "service/router/random_name.h"
#include "service/router/request_check.h"
#include "service/router/stream_end.h"
#include "service/runtime/log.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"
#include "worker/base/status_macros.h"

namespace hekla::service {
absl::Status CheckRegistration(const v1::Registration& registration) {
  const std::string& id = registration.worker_id();
  if (id.empty() || id.size() > static_cast<size_t>(kMaxNameBytes)) {
    return InvalidField("registration.worker_id",
                        absl::StrCat(id.size(), " bytes, 1 to ", kMaxNameBytes, " are required"));
  }
  for (const char c : id) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::StrContains("._:-", absl::string_view(&c, 1))) {
      continue;
    }
    return InvalidField("registration.worker_id",
                        absl::StrCat("'", id, "' has a character other than A-Za-z0-9._:-"));
  }
  if (registration.model().name().empty()) return InvalidField("registration.model.name", "is empty");
  return absl::OkStatus();
}

absl::StatusOr<std::string> WorkerEndpoint(const std::string& endpoint, const std::string& peer) {
  const size_t colon = endpoint.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(endpoint.substr(colon + 1), &port) ||
      port < 1 || port > 65535) {
    return InvalidField("registration.endpoint", absl::StrCat("'", endpoint, "' is not HOST:PORT"));
  }
  const std::string host = endpoint.substr(0, colon);
  if (host != "0.0.0.0" && host != "[::]") return endpoint;
  // gRPC writes a peer as ipv4:1.2.3.4:5 or ipv6:%5B::1%5D:5.
  std::string from = absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}});
  absl::string_view address = from;
  if (!absl::ConsumePrefix(&address, "ipv4:") && !absl::ConsumePrefix(&address, "ipv6:")) {
    return InvalidField("registration.endpoint",
                        absl::StrCat("'", endpoint, "' has no host, nor has the peer ", peer));
  }
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

// One Attach stream. Reads reports, writes commands, one at a time; deletes itself. The worker is a member
// from its first report to the end of the stream.
class AttachmentService::Lease final : public grpc::ServerBidiReactor<v1::WorkerReport, v1::RouterCommand> {
 public:
  // Where commands go as long as the lease lives; shared with the Worker.
  struct Line {
    absl::Mutex mutex;
    Lease* lease ABSL_GUARDED_BY(mutex) = nullptr;
  };

  Lease(AttachmentService* service, std::string peer) : service_(service), peer_(std::move(peer)) {
    absl::MutexLock lock(&line_->mutex);
    line_->lease = this;
  }

  void Begin() { StartRead(&report_); }

  // Ends the stream; the first call counts.
  void End(const absl::Status& status) {
    absl::MutexLock lock(&line_->mutex);
    if (!end_.has_value()) end_ = status;
    WriteOrFinish();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Leave(absl::OkStatus());
    std::shared_ptr<Worker> worker = CurrentWorker();
    if (worker == nullptr) {
      absl::StatusOr<std::shared_ptr<Worker>> registered = Register();
      if (!registered.ok()) {
        Log(LogLevel::kWarning, "worker_refused",
            {{"worker", report_.registration().worker_id()},
             {"peer", peer_},
             {"error", Describe(registered.status())}});
        return End(registered.status());
      }
      worker = *std::move(registered);
    }
    if (report_.has_load()) service_->registry_->Report(*worker, report_.load());
    StartRead(&report_);
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&line_->mutex);
    is_writing_ = false;
    if (!ok) commands_.clear();
    WriteOrFinish();
  }

  void OnCancel() override { Leave(DrainingError()); }

  void OnDone() override {
    {
      absl::MutexLock lock(&line_->mutex);
      line_->lease = nullptr;
    }
    {
      absl::MutexLock lock(&service_->mutex_);
      service_->leases_.erase(this);
    }
    Leave(absl::OkStatus());
    delete this;
  }

  std::shared_ptr<Worker> CurrentWorker() {
    absl::MutexLock lock(&line_->mutex);
    return worker_;
  }

  absl::StatusOr<std::shared_ptr<Worker>> Register() {
    if (!report_.has_registration()) return InvalidField("registration", "is missing in the first report");
    v1::Registration registration = report_.registration();
    HEKLA_RETURN_IF_ERROR(CheckRegistration(registration));
    ChannelOptions options = service_->to_worker_;
    HEKLA_ASSIGN_OR_RETURN(options.address, WorkerEndpoint(registration.endpoint(), peer_));
    registration.set_endpoint(options.address);
    HEKLA_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, OpenChannel(options));
    channel->GetState(/*try_to_connect=*/true);
    auto send = [line = line_](const v1::RouterCommand& command) {
      absl::MutexLock lock(&line->mutex);
      if (line->lease != nullptr) line->lease->Push(command);
    };
    auto worker =
        std::make_shared<Worker>(std::move(registration), /*is_static=*/false, channel, std::move(send));
    if (report_.has_load()) worker->Report(report_.load());
    worker->OnLoss([line = line_](WorkerLoss loss) {  // replaced or removed by an operator
      if (loss != WorkerLoss::kLeaseEnded) return;
      absl::MutexLock lock(&line->mutex);
      if (line->lease == nullptr) return;
      if (!line->lease->end_.has_value()) line->lease->end_ = absl::AbortedError("the lease has been ended");
      line->lease->WriteOrFinish();
    });
    HEKLA_RETURN_IF_ERROR(service_->registry_->Add(worker));
    {
      absl::MutexLock lock(&line_->mutex);
      worker_ = worker;
    }
    v1::RouterCommand attached;
    attached.mutable_attached()->set_router_id(service_->router_id_);
    *attached.mutable_attached()->mutable_report_interval() = ToProto(kReportInterval);
    worker->Send(attached);
    return worker;
  }

  // The worker is a member no more.
  void Leave(const absl::Status& status) {
    std::shared_ptr<Worker> worker;
    {
      absl::MutexLock lock(&line_->mutex);
      if (!end_.has_value()) end_ = status;
      worker.swap(worker_);
    }
    if (worker != nullptr) service_->registry_->Remove(worker, "lease");
    absl::MutexLock lock(&line_->mutex);
    WriteOrFinish();
  }

  void Push(const v1::RouterCommand& command) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    commands_.push_back(command);
    WriteOrFinish();
  }

  void WriteOrFinish() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (is_writing_ || is_finished_) return;
    if (end_.has_value()) {
      is_finished_ = true;
      Finish(ToGrpc(*end_));
    } else if (!commands_.empty()) {
      written_ = std::move(commands_.front());
      commands_.pop_front();
      is_writing_ = true;
      StartWrite(&written_);
    }
  }

  AttachmentService* const service_;
  const std::string peer_;
  const std::shared_ptr<Line> line_ = std::make_shared<Line>();
  v1::WorkerReport report_;
  // Under line_->mutex.
  std::shared_ptr<Worker> worker_;
  std::deque<v1::RouterCommand> commands_;
  v1::RouterCommand written_;
  bool is_writing_ = false, is_finished_ = false;
  std::optional<absl::Status> end_;
};

AttachmentService::AttachmentService(WorkerRegistry* registry, const Authenticator* authenticator,
                                     ChannelOptions to_worker)
    : registry_(registry),
      authenticator_(authenticator),
      to_worker_(std::move(to_worker)),
      router_id_(RandomName()) {}

grpc::ServerBidiReactor<v1::WorkerReport, v1::RouterCommand>* AttachmentService::Attach(
    grpc::CallbackServerContext* context) {
  auto* lease = new Lease(this, context->peer());
  absl::Status status = authenticator_->Check(*context).status();
  {
    absl::MutexLock lock(&mutex_);
    if (shut_down_ && status.ok()) status = DrainingError();
    leases_.insert(lease);
  }
  if (status.ok()) {
    lease->Begin();
  } else {
    lease->End(status);
  }
  return lease;
}

void AttachmentService::Shutdown() {
  absl::MutexLock lock(&mutex_);
  shut_down_ = true;
  for (Lease* lease : leases_) lease->End(DrainingError());
}

}  // namespace hekla::service
