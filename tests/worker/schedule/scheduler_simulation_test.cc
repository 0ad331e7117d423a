// Seeded simulation: thousands of arrivals with cancels, deadlines, parks, samples of one prompt and tiny block
// pools against a device model that checks the contract of batch.h. Everyone finishes exactly once with the output
// it has alone, and nothing leaks.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/schedule/step_model.h"
#include "worker/schedule/scheduler.h"

namespace hekla::schedule {
namespace {

constexpr int kSeeds = 100;
constexpr int kAdmittedPerSeed = 500;

class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : random_(seed),
        options_(RandomOptions()),
        crowd_(1 + Below(6)),
        scheduler_(options_),
        model_(options_) {}

  void Run() {
    while (admitted_ < kAdmittedPerSeed || !scheduler_.idle()) {
      now_us_ += 1 + Below(20);
      const int arrivals = Chance(crowd_) ? Below(2 * options_.max_sequences + 1) : 0;
      for (int i = 0; i < arrivals && admitted_ < kAdmittedPerSeed; ++i) Arrive();
      if (Chance(4)) CancelOne();
      if (Chance(8)) ParkOne();
      if (Chance(crowd_ > 3 ? 8 : 3)) UnparkOne();
      std::vector<SequenceEvent> events;
      scheduler_.Expire(now_us_, &events);
      Take(events);
      Plan();
      if (model_.in_flight() > 0 && Chance(60)) FinishOne();
      const absl::Status invariants = scheduler_.CheckInvariants();
      ASSERT_TRUE(invariants.ok()) << invariants;
      if (testing::Test::HasFatalFailure()) return;
    }
    const SchedulerCounts counts = scheduler_.counts();
    EXPECT_TRUE(live_.empty());
    EXPECT_EQ(counts.running, 0);
    EXPECT_EQ(counts.waiting, 0);
    EXPECT_EQ(counts.parked, 0);
    EXPECT_EQ(counts.blocks_held, 0);
    EXPECT_EQ(counts.uncomputed_prompt_tokens, 0);
    EXPECT_EQ(finished_, admitted_);
  }

  std::map<FinishReason, int> reasons;
  uint64_t preemptions() const { return scheduler_.counts().preemptions_total; }
  int refused() const { return refused_; }
  int parks() const { return parks_; }
  int scores() const { return scores_; }
  uint64_t shared() const { return scheduler_.counts().shared_tokens_total; }

 private:
  struct Live {
    Request request;
    std::vector<TokenId> tokens;
    std::vector<float> prompt_logprobs;
    bool started = false;
    bool cancelled = false;
    bool parked = false;
    int tokens_to_come = 0;  // while parked: of the steps planned before
  };

  int Below(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }
  bool Chance(int percent) { return Below(100) < percent; }

  SchedulerOptions RandomOptions() {
    SchedulerOptions options;
    options.max_sequences = 1 + Below(8);
    options.max_context = 20 + Below(200);
    options.max_rows = 1 + Below(64);
    options.max_samples = 1 + Below(8);
    options.kv_blocks = std::max(1, BlocksFor(options.max_context) * (2 + Below(8)) / 4);
    options.max_in_flight = 1 + Below(4);
    options.vocabulary = 20 + Below(60);
    options.prefill_chunk = Chance(50) ? 1 + Below(options.max_rows) : 0;
    options.max_waiting = 4 + Below(40);
    options.eos_tokens = {0};
    if (Chance(30)) options.eos_tokens.push_back(1);
    return options;
  }

  Request RandomRequest() {
    Request request;
    request.id = ++last_id_;
    const int prompt = 1 + Below(Chance(20) ? options_.max_context : options_.max_context / 3);
    for (int i = 0; i < prompt; ++i) request.prompt.push_back(Below(options_.vocabulary));
    if (Chance(20)) request.resumed_tokens = Below(prompt);
    request.stop.max_tokens = request.resumed_tokens + 1 + Below(options_.max_context / 2);
    if (Chance(15)) {
      request.stop.max_tokens = std::max(1, options_.max_context - prompt) + request.resumed_tokens;
      request.stop.ignore_eos = true;
    }
    if (Chance(20)) request.stop.min_tokens = Below(request.stop.max_tokens + 1);
    if (Chance(30)) request.stop.ignore_eos = true;
    if (Chance(30)) request.stop.stop_token_ids = {Below(options_.vocabulary), Below(options_.vocabulary)};
    request.sampling.seed = random_();
    if (Chance(30)) request.sampling.frequency_penalty = 0.5f;
    request.sampling.penalty_last_n = Below(80);
    if (Chance(25)) request.sampling.prompt_logprobs = Below(3);
    request.priority = Below(3);
    if (Chance(10)) request.deadline_us = now_us_ + 1 + Below(3000);
    return request;
  }

  void Arrive() {
    const Request request = RandomRequest();
    const int samples = Chance(20) ? 2 + Below(4) : 1;
    for (int i = 0; i < samples && admitted_ < kAdmittedPerSeed; ++i) {
      Request sample = request;
      sample.id = request.id + i;
      sample.sampling.sample_index = i;
      if (samples > 1) sample.group = request.id;
      last_id_ = sample.id;
      Arrive(sample);
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  void Arrive(const Request& request) {
    const int64_t total =
        static_cast<int64_t>(request.prompt.size()) - request.resumed_tokens + request.stop.max_tokens;
    const bool fits =
        total <= options_.max_context && BlocksFor(static_cast<int>(total) - 1) <= options_.kv_blocks;
    const absl::Status status = scheduler_.Add(request);
    ASSERT_EQ(absl::IsInvalidArgument(status), !fits) << status;
    if (!status.ok()) {
      ASSERT_TRUE(!fits || absl::IsResourceExhausted(status)) << status;
      ++refused_;
      return;
    }
    ++admitted_;
    live_[request.id].request = request;
  }

  void CancelOne() {
    if (live_.empty()) return;
    auto victim = live_.begin();
    std::advance(victim, Below(static_cast<int>(live_.size())));
    victim->second.cancelled = true;
    std::vector<SequenceEvent> events;
    const uint64_t id = victim->first;
    ASSERT_TRUE(scheduler_.Cancel(id, FinishReason::kCancelled, &events));
    Take(events);
    ASSERT_FALSE(scheduler_.Cancel(id, FinishReason::kCancelled, &events));
  }

  void ParkOne() {
    if (live_.empty()) return;
    auto victim = live_.begin();
    std::advance(victim, Below(static_cast<int>(live_.size())));
    ASSERT_EQ(scheduler_.Park(victim->first), !victim->second.parked);
    if (victim->second.parked) return;
    victim->second.parked = true;
    victim->second.tokens_to_come = model_.in_flight();
    ++parks_;
  }

  void UnparkOne() {
    for (auto& [id, live] : live_) {
      if (!live.parked || Chance(50)) continue;
      live.parked = false;
      ASSERT_TRUE(scheduler_.Unpark(id));
      ASSERT_FALSE(scheduler_.Unpark(id));
      return;
    }
  }

  // Plans one step, sometimes as many as may be in flight. With nothing in flight there must be progress.
  void Plan() {
    if (model_.in_flight() > 0 && Chance(30)) return;
    const bool must = model_.in_flight() == 0 && !scheduler_.resting();
    bool planned = false;
    const int steps = Chance(50) ? options_.max_in_flight : 1;
    for (int i = 0; i < steps && scheduler_.NextBatch(&batch_); ++i) {
      planned = true;
      for (const auto& [id, cached_tokens] : scheduler_.started()) {
        ASSERT_LT(cached_tokens, static_cast<int>(live_[id].request.prompt.size()));
        ASSERT_TRUE(live_.contains(id));
        ASSERT_FALSE(live_[id].started);
        ASSERT_FALSE(live_[id].parked);
        live_[id].started = true;
      }
      const absl::Status status = model_.Submit(batch_);
      ASSERT_TRUE(status.ok()) << status;
    }
    ASSERT_TRUE(planned || !must) << "work is present and nothing is planned";
  }

  void FinishOne() {
    std::vector<SequenceEvent> events;
    const BatchResult result = model_.Take();
    const absl::Status status = scheduler_.Finish(result, &events);
    ASSERT_TRUE(status.ok()) << status;
    for (const SequenceEvent& event : events) {
      for (int i = 0; i < event.prompt_logprobs; ++i)
        live_[event.id].prompt_logprobs.push_back(result.samples[event.sample + i].logprob);
      if (event.prompt_logprobs > 0) {
        ASSERT_EQ(event.token, -1);
        ++scores_;
      } else {
        ASSERT_EQ(event.token, result.samples[event.sample].token);
      }
    }
    Take(events);
  }

  void Take(const std::vector<SequenceEvent>& events) {
    for (const SequenceEvent& event : events) {
      ASSERT_TRUE(live_.contains(event.id)) << "news of " << event.id << ", which has ended";
      Live& live = live_[event.id];
      ASSERT_EQ(event.token_offset, static_cast<int>(live.tokens.size()) + live.request.resumed_tokens);
      if (event.token >= 0) {
        ASSERT_TRUE(live.started);
        ASSERT_TRUE(!live.parked || live.tokens_to_come-- > 0) << event.id << " is parked and computed";
        live.tokens.push_back(event.token);
        if (live.tokens.size() == 1) {
          ASSERT_EQ(live.prompt_logprobs, test::OutputAlone(live.request, options_).prompt_logprobs);
        }
      }
      if (event.finish == FinishReason::kNone) continue;
      CheckOutput(live, event.finish);
      live_.erase(event.id);
      ++finished_;
      ++reasons[event.finish];
    }
  }

  void CheckOutput(const Live& live, FinishReason finish) {
    const test::ExpectedOutput alone = test::OutputAlone(live.request, options_);
    ASSERT_LE(live.prompt_logprobs.size(), alone.prompt_logprobs.size());
    ASSERT_TRUE(std::equal(live.prompt_logprobs.begin(), live.prompt_logprobs.end(), alone.prompt_logprobs.begin()));
    if (finish == FinishReason::kCancelled || finish == FinishReason::kDeadline) {
      ASSERT_EQ(finish == FinishReason::kCancelled, live.cancelled);
      if (!live.cancelled) {
        ASSERT_LE(live.request.deadline_us, now_us_);
      }
      ASSERT_LT(live.tokens.size(), alone.tokens.size());
      ASSERT_TRUE(std::equal(live.tokens.begin(), live.tokens.end(), alone.tokens.begin()));
      return;
    }
    ASSERT_EQ(finish, alone.finish);
    ASSERT_EQ(live.tokens, alone.tokens);
    ASSERT_EQ(live.prompt_logprobs, alone.prompt_logprobs);
  }

  std::mt19937_64 random_;
  SchedulerOptions options_;
  int crowd_;  // percent of rounds with arrivals
  Scheduler scheduler_;
  test::StepModel model_;
  Batch batch_;
  std::map<uint64_t, Live> live_;
  uint64_t last_id_ = 0;
  int64_t now_us_ = 1;
  int admitted_ = 0, refused_ = 0, finished_ = 0, parks_ = 0, scores_ = 0;
};

TEST(SchedulerSimulation, EveryoneFinishesOnceWithTheirOwnOutput) {
  std::map<FinishReason, int> reasons;
  uint64_t preemptions = 0, shared = 0;
  int refused = 0, parks = 0, scores = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Simulation simulation(seed);
    simulation.Run();
    if (HasFatalFailure()) return;
    for (const auto& [reason, count] : simulation.reasons) reasons[reason] += count;
    preemptions += simulation.preemptions();
    refused += simulation.refused();
    parks += simulation.parks();
    scores += simulation.scores();
    shared += simulation.shared();
  }
  // The simulation must have been to every corner it is for.
  static_assert(kSeeds * kAdmittedPerSeed >= 10000);
  for (FinishReason reason :
       {FinishReason::kEos, FinishReason::kStopToken, FinishReason::kMaxTokens, FinishReason::kContextLimit,
        FinishReason::kCancelled, FinishReason::kDeadline}) {
    EXPECT_GT(reasons[reason], 20) << "reason " << static_cast<int>(reason);
  }
  std::printf("seeds 1..%d: %d refused, %d preemptions, %d parks, %d shared tokens\n", kSeeds, refused,
              static_cast<int>(preemptions), parks, static_cast<int>(shared));
  EXPECT_GT(preemptions, 1000u);
  EXPECT_GT(refused, 200);
  EXPECT_GT(parks, 1000);
  EXPECT_GT(scores, 10000) << "steps with log probabilities of a prompt";
  EXPECT_GT(shared, 1000u);
}

}  // namespace
}  // namespace hekla::schedule
