// A worker without an engine, in the test's own process: a real gRPC server and, if told a router, a real
// lease. What a generation does is a script; the usual one sends the tokens of FakeToken(). It reports like a
// real worker: what runs, and a step more each time unless it was told to stall.
#ifndef HEKLA_TESTS_SUPPORT_SERVICE_FAKE_WORKER_H_
#define HEKLA_TESTS_SUPPORT_SERVICE_FAKE_WORKER_H_

#include <grpcpp/support/sync_stream.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "hekla/v1/worker.grpc.pb.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/health_service.h"

namespace hekla::service {

// Token `offset` of a generation, and its text: one letter a token. A function of seed and offset only.
uint32_t FakeToken(uint64_t seed, uint32_t offset);
std::string FakeText(uint64_t seed, uint32_t first, uint32_t end);
// The log probability of token `index` of every prompt, which has three tokens.
float FakePromptLogprob(int index);

// A generation that was asked for, and the way of what it writes.
class FakeCall {
 public:
  virtual ~FakeCall() = default;
  virtual bool Write(const v1::GenerateResponse& response) = 0;
  virtual bool cancelled() const = 0;
  virtual absl::Time deadline() const = 0;
  virtual std::string metadata(const std::string& key) const = 0;  // "" if it was not given
};

// What a script writes with. Every function returns false once the call is cancelled or broken.
class FakeStream {
 public:
  FakeStream(const v1::GenerateRequest& request, const std::string& weights_hash, FakeCall* call);
  bool Start();
  bool Prompt();                // if the request asks for it
  bool Tokens(uint32_t count);  // the next ones, a delta each
  bool Write(const v1::GenerateResponse& response);
  bool Finish();  // MAX_TOKENS
  bool cancelled() const { return call_->cancelled(); }
  uint32_t next() const { return next_; }
  uint32_t max_tokens() const { return request_.stop().max_tokens(); }
  const v1::GenerateRequest& request() const { return request_; }
  const FakeCall& call() const { return *call_; }

 private:
  const v1::GenerateRequest& request_;
  const std::string weights_hash_;
  FakeCall* const call_;
  uint32_t next_;  // token offset
};

using FakeScript = std::function<grpc::Status(FakeStream&)>;

// Start, Prompt, all tokens, Finish.
grpc::Status UsualScript(FakeStream& stream);

struct FakeWorkerOptions {
  std::string id = "w0";
  std::string model = "fake";
  std::string weights_hash = "hash";
  uint32_t sequences = 8;
  uint32_t context = 4096;
  uint32_t vocabulary = 1000;
  uint32_t max_message_bytes = 0;
  bool serves_dispatch = true;  // false: a worker of another version
  uint64_t incarnation = 1;
  std::string listen = "127.0.0.1:0";
  int router_admin_port = 0;      // 0: no lease
  std::string router_token_path = "";  // shown to the router
  FakeScript script = UsualScript;
  absl::Duration report_interval = absl::Milliseconds(50);
};

class FakeWorker {
 public:
  explicit FakeWorker(FakeWorkerOptions options);
  ~FakeWorker();

  std::string address() const;
  // As kill -9 does: the lease and all calls break at once.
  void Kill();
  // Ends the lease only.
  void Detach();
  void SetServing(bool serving) { health_.Set("", serving); }
  // Reports `load` now, and from then on with the counts that are true.
  void Report(const v1::Load& load);
  void SetLoad(const v1::Load& load);  // of the next reports
  void Stall(bool stalled);    // reports go on, steps do not
  void Silence();              // no more reports

  // The next generation is refused as if the stream's credential had ended.
  void CloseExchange();
  void BreakExchanges();  // the lease stays
  int exchanges() const;  // streams of routers that were opened

  int calls() const;      // generations that came in
  int running() const;    // scripts that have not returned
  int cancelled() const;  // scripts that returned with the call cancelled
  std::vector<v1::GenerateRequest> requests() const;
  std::vector<v1::RouterCommand> commands() const;
  // Waits for `condition` on this worker's counts; false after 20 s.
  bool Await(const std::function<bool(const FakeWorker&)>& condition) const;

 private:
  class Service;
  class DispatchService;
  // Runs the script of a generation that came in.
  grpc::Status RunScript(const v1::GenerateRequest& request, FakeCall* call);
  void FollowLease();
  void ReportLoop();
  void WriteReport() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lease_mutex_);
  v1::Load ReadLoad() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lease_mutex_);
  std::optional<v1::Load> LoadForExchange();

  const FakeWorkerOptions options_;
  HealthService health_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<DispatchService> dispatch_;
  std::unique_ptr<GrpcServer> server_;
  int port_ = 0;

  mutable absl::Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  int cancelled_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<v1::GenerateRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::RouterCommand> commands_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<grpc::ClientContext> lease_context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerReport, v1::RouterCommand>> lease_;
  std::unique_ptr<v1::Attachment::Stub> lease_stub_;
  std::thread lease_thread_, report_thread_;
  absl::Mutex lease_mutex_;  // of what is written to the lease
  absl::CondVar report_changed_;
  v1::Load load_ ABSL_GUARDED_BY(lease_mutex_);
  bool stalled_ ABSL_GUARDED_BY(lease_mutex_) = false;
  bool silent_ ABSL_GUARDED_BY(lease_mutex_) = false;
  bool detaching_ ABSL_GUARDED_BY(lease_mutex_) = false;
};

}  // namespace hekla::service

#endif  // HEKLA_TESTS_SUPPORT_SERVICE_FAKE_WORKER_H_
