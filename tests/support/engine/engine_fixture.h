// An Engine over a ScriptedExecutor, with the checks that every test of it makes.
#ifndef HEKLA_TESTS_SUPPORT_ENGINE_ENGINE_FIXTURE_H_
#define HEKLA_TESTS_SUPPORT_ENGINE_ENGINE_FIXTURE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/support/engine/recording_sink.h"
#include "tests/support/engine/scripted_executor.h"
#include "worker/engine/engine.h"

namespace hekla::test {

inline constexpr schedule::TokenId kEos = 2;

inline schedule::Request Ask(uint64_t seed, int prompt_tokens, int max_tokens) {
  schedule::Request request;
  for (int i = 0; i < prompt_tokens; ++i)
    request.prompt.push_back(static_cast<int>((seed * 13 + i * 7) % 90) + 5);
  request.stop.max_tokens = max_tokens;
  request.sampling.seed = seed;
  return request;
}

class EngineTest : public testing::Test {
 protected:
  void Start(engine::Limits limits = SmallLimits(), int max_waiting = 64, int prefill_chunk = 0) {
    limits_ = limits;
    engine::Engine::Options options;
    options.executor = std::make_unique<ScriptedExecutor>(limits, script_);
    options.eos_tokens = {kEos};
    options.max_waiting = max_waiting;
    options.prefill_chunk = prefill_chunk;
    options.on_fatal = [this](const absl::Status& status) {
      absl::MutexLock lock(&mutex_);
      fatal_ = status;
    };
    options.now_us = [this] {
      return fixed_us_ != 0 ? fixed_us_.load() : absl::GetCurrentTimeNanos() / 1000;
    };
    auto engine = engine::Engine::Create(std::move(options));
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
  }

  uint64_t Submit(const schedule::Request& request, const std::shared_ptr<RecordingSink>& sink) {
    const absl::StatusOr<uint64_t> id = engine_->Submit(request, sink);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(0);
  }

  void ExpectAlone(const schedule::Request& request, const RecordingSink::Record& record) {
    const ExpectedOutput alone = OutputAlone(request, OptionsOf(limits_, {kEos}));
    EXPECT_EQ(record.disorder, "");
    EXPECT_EQ(record.last.finish, alone.finish);
    EXPECT_EQ(record.tokens, alone.tokens);
  }

  // Steps planned ahead may outlive the requests by a moment; then everything must be zero.
  void ExpectCountersReturnToZero() {
    engine::EngineStatus status = engine_->Status();
    const absl::Time limit = absl::Now() + absl::Seconds(20);
    while (status.kv_blocks_used != 0 && absl::Now() < limit) {
      std::this_thread::yield();
      status = engine_->Status();
    }
    EXPECT_EQ(status.kv_blocks_used, 0);
    EXPECT_EQ(status.running, 0);
    EXPECT_EQ(status.waiting, 0);
    EXPECT_EQ(status.queued_uncached_tokens, 0);
    EXPECT_EQ(status.last_step_age, absl::ZeroDuration());
  }

  absl::Status Fatal() {
    absl::MutexLock lock(&mutex_);
    return fatal_;
  }

  engine::Limits limits_;
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::atomic<int64_t> fixed_us_ = 0;  // the engine's clock; 0 = real time
  absl::Mutex mutex_;
  absl::Status fatal_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_ENGINE_ENGINE_FIXTURE_H_
