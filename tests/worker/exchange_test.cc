#include "worker/exchange.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hekla/v1/dispatch.grpc.pb.h"
#include "service/runtime/secret.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"
#include "tests/support/engine_fake/service_fixture.h"
#include "tests/support/runtime/test_files.h"

namespace hekla::worker {
namespace {

using engine::FakeEngineOptions;
using service::ReasonOf;
using testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);  // a failure, not a pace

// A router's side of the stream.
class Peer {
 public:
  struct Received {
    std::vector<v1::GenerateResponse> responses;
    std::optional<absl::Status> end;
    std::vector<uint32_t> ids() const {
      std::vector<uint32_t> all;
      for (const v1::GenerateResponse& each : responses) {
        EXPECT_TRUE(!each.has_delta() || each.delta().token_offset() == all.size());
        all.insert(all.end(), each.delta().token_ids().begin(), each.delta().token_ids().end());
      }
      return all;
    }
  };

  explicit Peer(const ServiceFixture& fixture, const std::string& token = "")
      : stub_(v1::Dispatch::NewStub(fixture.NewChannel())) {
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
    stream_ = stub_->Exchange(&context_);
  }

  v1::DispatchCommand Command(uint64_t id) const {
    v1::DispatchCommand command;
    command.set_call_id(id);
    return command;
  }
  void Send(const v1::DispatchCommand& command) {
    v1::DispatchCommands commands;
    *commands.add_commands() = command;
    stream_->Write(commands);
  }
  void Start(uint64_t id, const v1::GenerateRequest& request, absl::Duration timeout = kPatience) {
    v1::DispatchCommand command = Command(id);
    *command.mutable_start()->mutable_request() = request;
    *command.mutable_start()->mutable_timeout() = service::ToProto(timeout);
    Send(command);
  }
  void StartPaused(uint64_t id, const v1::GenerateRequest& request) {
    v1::DispatchCommands commands;
    *commands.add_commands() = Command(id);
    *commands.mutable_commands(0)->mutable_start()->mutable_request() = request;
    *commands.add_commands() = Command(id);
    commands.mutable_commands(1)->mutable_pause();
    stream_->Write(commands);
  }
  void Cancel(uint64_t id) {
    v1::DispatchCommand command = Command(id);
    command.mutable_cancel();
    Send(command);
  }
  void Resume(uint64_t id) {
    v1::DispatchCommand command = Command(id);
    command.mutable_resume();
    Send(command);
  }

  bool Read() {
    v1::DispatchEvents events;
    if (!stream_->Read(&events)) return false;
    ++messages;
    is_closing |= events.closing();
    if (events.has_load()) loads.push_back(events.load());
    for (const v1::DispatchEvent& event : events.events()) {
      Received& request = received[event.call_id()];
      EXPECT_FALSE(request.end.has_value()) << "after the end of " << event.call_id();
      if (event.has_end()) {
        request.end = service::FromRpc(event.end());
      } else {
        request.responses.push_back(event.response());
      }
    }
    return true;
  }
  Received& ReadToEnd(uint64_t id) {
    while (!received[id].end.has_value() && Read()) {
    }
    return received[id];
  }
  void Break() { context_.TryCancel(); }
  absl::Status Finish() {
    while (Read()) {
    }
    return service::FromGrpc(stream_->Finish());
  }

  std::map<uint64_t, Received> received;
  std::vector<v1::Load> loads;
  int messages = 0;
  bool is_closing = false;

 private:
  const std::unique_ptr<v1::Dispatch::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::DispatchCommands, v1::DispatchEvents>> stream_;
};

v1::GenerateRequest Seeded(int i, int tokens = 50) {
  v1::GenerateRequest request = TextRequest(absl::StrCat("prompt ", i), tokens);
  request.mutable_sampling()->set_seed(i);
  return request;
}

// More than the engine makes before a pause that follows the start.
constexpr int kMany = 50'000;
FakeEngineOptions LongContext() {
  FakeEngineOptions options;
  options.max_context = 1 << 20;
  return options;
}

TEST(ExchangeTest, ManyRequestsShareAStreamAndEqualTheirOwnCalls) {
  ServiceFixture fixture;
  Peer peer(fixture);
  for (int i = 1; i <= 40; ++i) peer.Start(i, Seeded(i));
  for (int i = 1; i <= 40; ++i) {
    const Peer::Received& received = peer.ReadToEnd(i);
    ASSERT_TRUE(received.end.has_value() && received.end->ok()) << i << ": " << *received.end;
    EXPECT_TRUE(received.responses.front().has_started());
    EXPECT_TRUE(received.responses.back().has_finished());
    EXPECT_EQ(received.ids(), fixture.Generate(Seeded(i)).ids());
  }
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(ExchangeTest, TheTokensOfAStepTravelTogether) {
  FakeEngineOptions options;
  options.gated = true;
  options.max_sequences = 32;
  ServiceFixture fixture(options);
  Peer peer(fixture);
  for (int i = 1; i <= 32; ++i) peer.Start(i, Seeded(i, 20));
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(32, kPatience));
  for (int step = 0; step < 20; ++step) {
    fixture.engine().Grant(1);
    const auto has_all = [&] {
      for (int i = 1; i <= 32; ++i) {
        if (peer.received[i].ids().size() < static_cast<size_t>(step + 1)) return false;
      }
      return true;
    };
    while (!has_all()) ASSERT_TRUE(peer.Read());
  }
  for (int i = 1; i <= 32; ++i) EXPECT_TRUE(peer.ReadToEnd(i).end->ok());
  EXPECT_LT(peer.messages, 32 * 20 / 2) << "for 640 tokens";
}

TEST(ExchangeTest, CancelEndsOneRequestAndNoOther) {
  FakeEngineOptions options;
  options.tokens_per_second = 1000;
  ServiceFixture fixture(options);
  Peer peer(fixture);
  peer.Start(1, Seeded(1, 2000));
  peer.Start(2, Seeded(2, 100));
  while (peer.received[1].ids().empty()) ASSERT_TRUE(peer.Read());
  peer.Cancel(1);
  peer.Cancel(7);  // there is none
  EXPECT_EQ(ReasonOf(*peer.ReadToEnd(1).end), v1::ERROR_REASON_CANCELLED);
  EXPECT_TRUE(peer.ReadToEnd(2).end->ok());
  EXPECT_EQ(peer.received[2].ids().size(), 100u);
  peer.Cancel(1);  // it has ended
  peer.Start(3, Seeded(3));
  EXPECT_TRUE(peer.ReadToEnd(3).end->ok());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
}

TEST(ExchangeTest, APausedRequestIsParkedAndGoesOnWithoutAGap) {
  StreamLimits limits;
  limits.max_tokens = 64;
  ServiceFixture fixture(LongContext(), limits);
  Peer peer(fixture);
  peer.StartPaused(1, Seeded(1, kMany));
  ASSERT_TRUE(fixture.engine().AwaitParked(1, kPatience));
  peer.Start(2, Seeded(2));  // others are not held up
  EXPECT_TRUE(peer.ReadToEnd(2).end->ok());
  EXPECT_FALSE(peer.received[1].end.has_value());
  EXPECT_TRUE(fixture.engine().AwaitParked(1, kPatience));
  peer.Resume(1);
  EXPECT_TRUE(peer.ReadToEnd(1).end->ok());
  EXPECT_EQ(peer.received[1].ids(), fixture.Generate(Seeded(1, kMany)).ids());
}

TEST(ExchangeTest, APausedRequestCanBeCancelled) {
  StreamLimits limits;
  limits.max_tokens = 64;
  ServiceFixture fixture(LongContext(), limits);
  Peer peer(fixture);
  peer.StartPaused(1, Seeded(1, kMany));
  ASSERT_TRUE(fixture.engine().AwaitParked(1, kPatience));
  peer.Cancel(1);
  EXPECT_EQ(ReasonOf(*peer.ReadToEnd(1).end), v1::ERROR_REASON_CANCELLED);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(ExchangeTest, ARequestThatStaysPausedFreesTheEngineAndEnds) {
  StreamLimits limits;
  limits.max_tokens = 64;
  limits.grace = limits.cut_off = absl::Milliseconds(20);
  ServiceFixture fixture(LongContext(), limits);
  Peer peer(fixture);
  peer.StartPaused(1, Seeded(1, kMany));
  EXPECT_EQ(ReasonOf(*peer.ReadToEnd(1).end), v1::ERROR_REASON_SLOW_CONSUMER);
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 1u);
}

TEST(ExchangeTest, ABrokenStreamCancelsItsRequests) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  Peer peer(fixture);
  for (int i = 1; i <= 12; ++i) peer.Start(i, Seeded(i, 1000));
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(12, kPatience));
  peer.Break();
  EXPECT_TRUE(fixture.AwaitIdle());
  EXPECT_EQ(fixture.engine().Status().cancelled_total, 12u);
}

TEST(ExchangeTest, DeadlinesAreThoseOfTheRequests) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  Peer peer(fixture);
  peer.Start(1, Seeded(1, 1000), absl::Milliseconds(50));
  EXPECT_EQ(ReasonOf(*peer.ReadToEnd(1).end), v1::ERROR_REASON_DEADLINE);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(ExchangeTest, ABadRequestEndsAlone) {
  ServiceFixture fixture;
  Peer peer(fixture);
  v1::GenerateRequest bad = Seeded(1);
  bad.mutable_sampling()->set_top_p(1.5);
  peer.Start(1, bad);
  peer.Start(2, Seeded(2));
  EXPECT_THAT(peer.ReadToEnd(1).end->message(), HasSubstr("sampling.top_p"));
  EXPECT_TRUE(peer.received[1].responses.empty());
  EXPECT_TRUE(peer.ReadToEnd(2).end->ok());
}

TEST(ExchangeTest, AResponseBeyondTheMessageLimitEndsItsRequestOnly) {
  StreamLimits limits;
  limits.max_message_bytes = 4096;
  ServiceFixture fixture({}, limits);
  Peer peer(fixture);
  v1::GenerateRequest large = Seeded(1, 4);
  large.set_text(std::string(1000, 'x'));
  large.mutable_output()->set_prompt_logprobs(20);
  peer.Start(1, large);
  peer.Start(2, Seeded(2, 1000));
  EXPECT_THAT(std::string(peer.ReadToEnd(1).end->message()),
              testing::ContainsRegex("output: asks for a response of [0-9]+ bytes, the limit of a message is 4096"));
  EXPECT_TRUE(peer.ReadToEnd(2).end->ok());
  EXPECT_EQ(peer.received[2].ids().size(), 1000u);
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(ExchangeTest, APeerThatReadsLateGetsEveryEnd) {
  StreamLimits limits;
  limits.max_message_bytes = 4096;  // its commands wait soon
  ServiceFixture fixture({}, limits);
  Peer peer(fixture);
  constexpr uint64_t kRequests = 5000;
  v1::GenerateRequest bad = Seeded(1);
  bad.mutable_sampling()->set_top_p(1.5);
  std::thread writer([&] {
    for (uint64_t i = 1; i <= kRequests; ++i) peer.Start(i, bad);
  });
  EXPECT_TRUE(peer.ReadToEnd(kRequests).end.has_value());
  writer.join();
  EXPECT_EQ(peer.received.size(), kRequests);
  for (const auto& [id, request] : peer.received) EXPECT_TRUE(request.end.has_value()) << id;
}

TEST(ExchangeTest, ABrokenProtocolEndsTheStream) {
  ServiceFixture fixture;
  Peer again(fixture), unknown(fixture);
  again.Start(2, Seeded(1, 5));
  again.Start(2, Seeded(1, 5));
  EXPECT_EQ(again.Finish().message(), "call_id: 2 is not above the last one, 2");
  unknown.Send(unknown.Command(1));
  EXPECT_EQ(unknown.Finish().message(), "command: is missing or not known here");
  EXPECT_TRUE(fixture.AwaitIdle());
}

TEST(ExchangeTest, LoadsComeWhenTheyAreWanted) {
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options);
  Peer peer(fixture);
  v1::DispatchCommand command = peer.Command(0);
  *command.mutable_want_load()->mutable_interval() = service::ToProto(absl::Milliseconds(20));
  peer.Send(command);
  while (peer.loads.size() < 3) ASSERT_TRUE(peer.Read());
  EXPECT_EQ(peer.loads.back().running(), 0u);
  peer.Start(1, Seeded(1));
  while (peer.loads.back().running() != 1) ASSERT_TRUE(peer.Read());
}

TEST(ExchangeTest, CredentialsAreLookedAtAgainForEachRequest) {
  const std::string token = "token-of-a-router-012345", other = "token-of-another-012345";
  const auto line = [](const std::string& of) { return absl::StrCat("sha256:", service::Sha256Hex(of), " tenant=r"); };
  const service::TestFolder folder;
  const std::string file = folder.Write("tokens", line(token));
  const auto authenticator = service::Authenticator::Create(file, service::TokenUse::kWorker);
  ASSERT_TRUE(authenticator.ok()) << authenticator.status();
  FakeEngineOptions options;
  options.gated = true;
  ServiceFixture fixture(options, {}, *authenticator);
  EXPECT_EQ(ReasonOf(Peer(fixture).Finish()), v1::ERROR_REASON_NO_CREDENTIAL);
  EXPECT_EQ(ReasonOf(Peer(fixture, other).Finish()), v1::ERROR_REASON_NO_CREDENTIAL);

  Peer peer(fixture, token);
  peer.Start(1, Seeded(1, 3));
  ASSERT_TRUE(fixture.engine().AwaitSubmitted(1, kPatience));
  folder.Write("tokens", line(other));
  ASSERT_TRUE(service::Eventually([&] { return !authenticator->CheckValue(nullptr).ok(); }));
  const std::string value = "Bearer " + token;
  ASSERT_TRUE(service::Eventually([&] { return !authenticator->CheckValue(&value).ok(); }));
  peer.Start(2, Seeded(2));
  EXPECT_EQ(ReasonOf(*peer.ReadToEnd(2).end), v1::ERROR_REASON_DRAINING) << "it can be tried on a new stream";
  EXPECT_TRUE(peer.is_closing);
  fixture.engine().Grant(1000);
  EXPECT_TRUE(peer.ReadToEnd(1).end->ok()) << "what runs goes on";
  Peer next(fixture, other);
  next.Start(1, Seeded(2));
  EXPECT_TRUE(next.ReadToEnd(1).end->ok());
}

}  // namespace
}  // namespace hekla::worker
