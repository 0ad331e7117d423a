// A router in the test's process on free ports, and a client's calls to it.
#ifndef HEKLA_TESTS_SUPPORT_SERVICE_ROUTER_FIXTURE_H_
#define HEKLA_TESTS_SUPPORT_SERVICE_ROUTER_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "hekla/v1/admin.grpc.pb.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/router/router.h"
#include "tests/support/runtime/test_files.h"
#include "tests/support/service/fake_worker.h"

namespace hekla::service {

// A Generate call from its beginning to its end.
struct GeneratedStream {
  absl::Status status;
  v1::Started started;
  v1::Finished finished;
  std::string text;
  std::vector<uint32_t> ids;
  int deltas = 0;
  std::vector<v1::Keepalive> keepalives;
  std::vector<v1::Prompt> prompts;
  bool prompts_in_place = true;  // after Started and before the first delta
  bool offsets_ok = true;        // every delta began where the one before ended
};

class RouterFixture {
 public:
  // All addresses are replaced by free ones.
  explicit RouterFixture(RouterConfig config = {});

  Router& router() { return *router_; }
  v1::Inference::Stub& stub() { return *stub_; }
  v1::Admin::Stub& admin() { return *admin_; }
  std::shared_ptr<grpc::Channel> channel() { return channel_; }
  std::string address() const;
  std::string admin_address() const;

  // A worker that is attached when this returns.
  std::unique_ptr<FakeWorker> AddWorker(const std::string& id, FakeScript script = UsualScript,
                                        FakeWorkerOptions options = {});
  GeneratedStream Generate(const v1::GenerateRequest& request,
                           absl::Duration timeout = absl::InfiniteDuration());
  // What the router's health service says of `service` now.
  bool IsServing(const std::string& service) const;
  // Waits until the router's page of metrics has this line; false after 20 s.
  bool AwaitMetric(const std::string& line) const;

  // "prompt", `tokens` long, with a seed.
  static v1::GenerateRequest Request(uint32_t tokens, uint64_t seed = 1);

 private:
  std::unique_ptr<Router> router_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Inference::Stub> stub_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

// Waits at the prompt until the call is cancelled.
grpc::Status SilentScript(FakeStream& stream);
// Sends `tokens` and breaks with `code`.
FakeScript BreakAfter(uint32_t tokens, grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE);

// The stream is OK, whole and what the seed says.
void ExpectWhole(const GeneratedStream& stream, uint32_t tokens, uint64_t seed = 1);

}  // namespace hekla::service

#endif  // HEKLA_TESTS_SUPPORT_SERVICE_ROUTER_FIXTURE_H_
