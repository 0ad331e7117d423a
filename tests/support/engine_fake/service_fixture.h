// The worker's service on a real gRPC server on loopback, over a FakeEngine and the byte vocabulary, with a
// client stub.
#ifndef HEKLA_TESTS_SUPPORT_ENGINE_FAKE_SERVICE_FIXTURE_H_
#define HEKLA_TESTS_SUPPORT_ENGINE_FAKE_SERVICE_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/runtime/grpc_server.h"
#include "tests/support/engine_fake/fake_engine.h"
#include "worker/inference_service.h"

namespace hekla::worker {

// A finished Generate call, with the rules of the stream checked on the way.
struct Outcome {
  absl::Status status;
  v1::Started started;
  std::vector<v1::Delta> deltas;
  v1::Finished finished;
  bool has_started = false, has_finished = false;
  std::string broken_rule;  // empty: offsets without gap or repeat, order kept, every text whole characters

  std::string text() const;
  std::vector<uint32_t> ids() const;
};

class ServiceFixture {
 public:
  explicit ServiceFixture(engine::FakeEngineOptions engine_options = {}, StreamLimits limits = {},
                          service::Authenticator authenticator = {});
  ~ServiceFixture();

  engine::FakeEngine& engine() { return *engine_; }
  InferenceService& service() { return *service_; }
  v1::Inference::Stub& stub() { return *stub_; }
  std::string address() const;
  // Another connection.
  std::unique_ptr<v1::Inference::Stub> NewStub() const;
  std::shared_ptr<grpc::Channel> NewChannel() const;

  // The whole call; `resumed` is the first offset expected.
  Outcome Generate(const v1::GenerateRequest& request, absl::Duration deadline = absl::Seconds(30));
  // True once nothing is in flight in service and engine; a time-out is a failure of the test.
  bool AwaitIdle();

 private:
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::unique_ptr<engine::FakeEngine> engine_;
  std::unique_ptr<InferenceService> service_;
  std::unique_ptr<service::GrpcServer> server_;
  std::unique_ptr<v1::Inference::Stub> stub_;
};

// A model of bytes with these limits.
ServedModel MakeByteModel(const text::Tokenizer& tokenizer, const engine::Limits& limits, int max_queue);
v1::GenerateRequest TextRequest(const std::string& text, int max_tokens);

}  // namespace hekla::worker

#endif  // HEKLA_TESTS_SUPPORT_ENGINE_FAKE_SERVICE_FIXTURE_H_
