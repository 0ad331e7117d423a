// Tests of the router's behaviour event by event. One fault opens a breaker here, and it stays open.
#ifndef HEKLA_TESTS_SUPPORT_SERVICE_FAULT_TABLE_H_
#define HEKLA_TESTS_SUPPORT_SERVICE_FAULT_TABLE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "service/router/breaker.h"
#include "service/runtime/status.h"
#include "tests/support/service/fake_worker.h"
#include "tests/support/service/router_fixture.h"

namespace hekla::service {

inline RouterConfig OneFaultOpens() {
  RouterConfig config;
  config.breaker.faults = 1;
  config.breaker.first_pause = absl::Hours(1);
  return config;
}

// Starts, sends `tokens`, and goes on only when it is cancelled.
inline FakeScript HangAfter(uint32_t tokens) {
  return [tokens](FakeStream& stream) {
    stream.Start();
    stream.Tokens(tokens);
    Eventually([&] { return stream.cancelled(); });
    return grpc::Status::CANCELLED;
  };
}

class FaultTable : public testing::Test {
 protected:
  using State = Breaker::State;

  void Start(RouterConfig config = OneFaultOpens()) { fixture_ = std::make_unique<RouterFixture>(config); }

  State BreakerOf(const std::string& id) {
    const auto worker = fixture_->router().registry().Find(id);
    return worker.ok() ? (*worker)->breaker_state() : State::kClosed;
  }

  // A request begins at worker "bad", alone there, with `script`; then "good" comes, `event` happens, and the
  // script ends or goes on with `after`.
  GeneratedStream BeginAtBad(FakeScript script, const std::function<void()>& event,
                             const v1::GenerateRequest& request = RouterFixture::Request(30),
                             FakeScript after = nullptr) {
    const auto go_on = std::make_shared<absl::Notification>();  // the script may outlive this call
    bad_ = fixture_->AddWorker("bad", [go_on, script, after](FakeStream& stream) {
      const grpc::Status status = script(stream);
      go_on->WaitForNotification();
      return after ? after(stream) : status;
    });
    GeneratedStream stream;
    std::thread client([&] { stream = fixture_->Generate(request); });
    EXPECT_TRUE(bad_->Await([](const FakeWorker& worker) { return worker.running() == 1; }));
    good_ = fixture_->AddWorker("good");
    go_on->Notify();
    event();
    client.join();
    return stream;
  }

  void ExpectRefused(const v1::GenerateRequest& request, absl::StatusCode code, v1::ErrorReason reason) {
    const GeneratedStream stream = fixture_->Generate(request);
    last_ = stream.status;
    EXPECT_EQ(stream.status.code(), code) << stream.status;
    EXPECT_EQ(ReasonOf(stream.status), reason) << stream.status;
  }

  std::unique_ptr<RouterFixture> fixture_;
  std::unique_ptr<FakeWorker> bad_, good_;
  absl::Status last_;
};

}  // namespace hekla::service

#endif  // HEKLA_TESTS_SUPPORT_SERVICE_FAULT_TABLE_H_
