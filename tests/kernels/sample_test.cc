// sample against the sampler of the processor, which is the definition: the same ids for the same seeds, the same log
// probabilities, and nothing written but what it says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "tests/support/kernels/kernel_fixture.h"
#include "worker/cpu/sampler.h"
#include "worker/engine/stage_lowering.h"
#include "worker/engine/step_input.h"

namespace hekla::test {
namespace {

using schedule::SampleResult;
using schedule::SamplingParams;
using schedule::TokenId;

constexpr uint32_t kSeed = 101, kMaxRows = 4;
constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

// One sampled row: the tokens up to it, its logits, and how to draw.
struct Sampled {
  SamplingParams params;
  std::vector<float> logits;
  std::vector<TokenId> tokens = {0};
  std::vector<TokenId> suppressed = {};
  int suppress_until = 0;
  TokenId known = schedule::kDrawn;   // the next token, where it is

  int position() const { return static_cast<int>(tokens.size()); }  // of the new token
  SampleResult Expected() const {
    if (known != schedule::kDrawn) return cpu::ScoreToken(logits, known, params.prompt_logprobs);
    const bool suppress = position() < suppress_until;
    return cpu::SampleToken(logits, tokens, params, suppress ? suppressed : std::vector<TokenId>{}, position());
  }
};

class SampleTest : public KernelFixture {
 protected:
  // Draws all of them in one step, sample i in slot n - 1 - i.
  std::vector<SampleResult> Draw(const std::vector<Sampled>& samples, uint32_t step = 3) {
    const uint32_t count = samples.size(), vocabulary = samples[0].logits.size();
    engine::Limits limits;
    limits.vocabulary = static_cast<int>(vocabulary);
    limits.max_rows = 1;
    limits.max_samples = static_cast<int>(count) + 1;
    limits.max_sequences = static_cast<int>(count);
    limits.max_context = 96;
    limits.kv_blocks = 1;
    const engine::StepInputLayout layout(limits);
    std::vector<uint32_t> slots(count * layout.slot_stride, 0), entry(layout.entry_words, 0);
    std::vector<uint32_t> history(count * layout.history_stride, kGuardWord);
    std::vector<float> logits;
    schedule::Batch batch;
    std::vector<StepSample> of_step;
    for (uint32_t i = 0; i < count; ++i) {
      const Sampled& sample = samples[i];
      const uint32_t slot = count - 1 - i;
      of_step.push_back({0, slot, static_cast<uint32_t>(sample.position()) - 1, static_cast<uint32_t>(sample.known)});
      batch.slots.push_back({static_cast<int>(slot), sample.params, sample.suppressed, sample.suppress_until});
      std::copy(sample.tokens.begin(), sample.tokens.end(), &history[slot * layout.history_stride]);
      logits.insert(logits.end(), sample.logits.begin(), sample.logits.end());
    }
    EXPECT_TRUE(engine::PackStepInput(batch, limits, layout, entry.data()).ok());
    for (uint32_t i = 0; i < entry[kernels::kInputPokes]; ++i) {
      slots[entry[layout.pokes_offset + 2 * i]] = entry[layout.pokes_offset + 2 * i + 1];
    }
    const auto threads = engine::SampleThreads(device_->limits(), vocabulary, limits.max_context);
    EXPECT_TRUE(threads.ok()) << threads.status();
    vulkan::Specialization specialization;
    specialization.max_rows = kMaxRows;
    specialization.threads = *threads;
    const BufferRange history_buffer = Buffer(history), counts = Buffer(std::vector<uint32_t>(logits.size(), 0));
    const BufferRange results = Buffer(kernels::kRing * limits.max_samples * kernels::kResultWords);
    using Arguments = kernels::SampleArguments<BufferRange>;
    Launch(Arguments::kId, specialization,
           Arguments{StepState(std::vector<StepRow>(1), of_step, kMaxRows, step), Buffer(logits), counts, Buffer(slots), history_buffer,
                     results},
           {vocabulary, layout.slot_stride, layout.bias_offset, layout.history_stride,
            static_cast<uint32_t>(limits.max_samples)},
           {count + 1, 1, 1});
    for (const uint32_t word : Content<uint32_t>(counts)) EXPECT_EQ(word, 0u) << "counts are left over";
    std::vector<SampleResult> got(count);
    const uint32_t first = step % kernels::kRing * limits.max_samples * kernels::kResultWords;
    for (uint32_t i = 0; i < count; ++i) {
      got[i] = ResultAt(&Content<uint32_t>(results)[first + i * kernels::kResultWords]);
      if (samples[i].known != schedule::kDrawn) continue;
      history[(count - 1 - i) * layout.history_stride + samples[i].position()] = got[i].token;
    }
    EXPECT_TRUE(std::ranges::equal(history, Content<uint32_t>(history_buffer)));
    for (uint32_t i = 0; i < Content<uint32_t>(results).size(); ++i) {
      if (i >= first && i < first + count * kernels::kResultWords) continue;
      EXPECT_EQ(Content<uint32_t>(results)[i], kGuardWord) << "result word " << i;
    }
    return got;
  }
  static SampleResult ResultAt(const uint32_t* words) {
    SampleResult result;
    result.token = static_cast<TokenId>(words[0]);
    result.logprob = std::bit_cast<float>(words[1]);
    EXPECT_LE(words[2], kernels::kMaxTop);
    for (uint32_t i = 0; i < std::min(words[2], kernels::kMaxTop); ++i) {
      result.top.push_back({static_cast<TokenId>(words[4 + 2 * i]), std::bit_cast<float>(words[5 + 2 * i])});
    }
    return result;
  }

  void ExpectSame(const std::vector<Sampled>& samples) {
    const std::vector<SampleResult> got = Draw(samples);
    for (size_t i = 0; i < samples.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "sample " << i);
      const SampleResult expected = samples[i].Expected();
      EXPECT_EQ(got[i].token, expected.token);
      const bool known = samples[i].known != schedule::kDrawn;
      const int logprobs = known ? samples[i].params.prompt_logprobs : samples[i].params.logprobs;
      if (logprobs >= 0 && got[i].token == expected.token) ExpectSameLogprobs(got[i], expected);
    }
  }
  static void ExpectNear(float got, float expected) {
    if (std::isinf(expected)) {
      EXPECT_EQ(got, expected);
    } else {
      EXPECT_NEAR(got, expected, 1e-4 * (1 + std::abs(expected)));
    }
  }
  static void ExpectSameLogprobs(const SampleResult& got, const SampleResult& expected) {
    ExpectNear(got.logprob, expected.logprob);
    ASSERT_EQ(got.top.size(), expected.top.size());
    for (size_t i = 0; i < got.top.size(); ++i) {
      EXPECT_EQ(got.top[i].token, expected.top[i].token) << "place " << i;
      ExpectNear(got.top[i].logprob, expected.top[i].logprob);
    }
  }

  std::vector<float> RandomLogits(uint32_t vocabulary) {
    std::normal_distribution<float> normal(0, 3);
    std::vector<float> logits(vocabulary);
    for (float& each : logits) each = normal(random_);
    return logits;
  }
  SamplingParams Warm(float temperature = 1) {
    SamplingParams params;
    params.temperature = temperature;
    params.seed = uint64_t{random_()} << 32 | random_();
    params.sample_index = random_() % 4;
    return params;
  }
  bool Chance(double p) { return std::uniform_real_distribution<double>()(random_) < p; }
  float Between(float low, float high) { return std::uniform_real_distribution<float>(low, high)(random_); }

  // Everything a request may ask for.
  Sampled RandomSample(uint32_t vocabulary) {
    Sampled s{Chance(0.2) ? SamplingParams{} : Warm(Between(0.2f, 3)), RandomLogits(vocabulary)};
    if (Chance(0.5)) s.params.top_k = 1 + static_cast<int>(random_() % (vocabulary + 5));
    if (Chance(0.5)) s.params.top_p = Between(0.05f, 1);
    if (Chance(0.4)) s.params.min_p = Between(0.001f, 0.5f);
    if (Chance(0.4)) s.params.repetition_penalty = Between(0.5f, 2);
    if (Chance(0.4)) s.params.presence_penalty = Between(-2, 2);
    if (Chance(0.4)) s.params.frequency_penalty = Between(-1, 1);
    s.params.penalty_last_n = static_cast<int>(random_() % 100);
    s.tokens.resize(1 + random_() % 90);
    for (TokenId& token : s.tokens) token = static_cast<TokenId>(random_() % std::min(vocabulary, 40u));
    for (uint32_t i = 0; Chance(0.5) && i < 30; ++i) {
      const TokenId id = static_cast<TokenId>(i * vocabulary / 30);
      if (s.params.logit_bias.empty() || s.params.logit_bias.back().first != id) {
        s.params.logit_bias.emplace_back(id, Between(-8, 8));
      }
    }
    for (uint32_t i = 0; i < random_() % 17; ++i) s.suppressed.push_back(static_cast<TokenId>(random_() % vocabulary));
    s.suppress_until = static_cast<int>(random_() % 90);
    s.params.logprobs = static_cast<int>(random_() % 22) - 1;
    return s;
  }

  std::mt19937 random_{kSeed};
};

TEST_F(SampleTest, DrawsWhatTheProcessorDraws) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  for (const uint32_t vocabulary : {1u, 7u, 61u, 64u, 257u, 1009u, 5003u}) {
    SCOPED_TRACE(testing::Message() << "vocabulary " << vocabulary);
    std::vector<Sampled> samples;
    for (int i = 0; i < 60; ++i) samples.push_back(RandomSample(vocabulary));
    ExpectSame(samples);
  }
}

TEST_F(SampleTest, LargeVocabularies) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  for (const uint32_t vocabulary : {32003u, 128256u, 151936u}) {
    SCOPED_TRACE(testing::Message() << "vocabulary " << vocabulary);
    std::vector<Sampled> samples;
    for (int i = 0; i < 3; ++i) {
      Sampled s = RandomSample(vocabulary);
      if (s.params.temperature == 0) s.params = Warm();
      s.params.top_k = 50 * (i + 1);
      s.params.top_p = 0.9f;
      s.params.min_p = 0.01f;
      s.params.logprobs = 20;
      samples.push_back(s);
    }
    samples.push_back({Warm(), RandomLogits(vocabulary)});
    samples.push_back({Warm(2), RandomLogits(vocabulary)});
    samples.back().params.top_p = 0.95f;
    ExpectSame(samples);
  }
}

TEST_F(SampleTest, GreedyTakesTheLowestIdAmongEquals) {
  std::vector<float> tied(300, 1.0f);
  tied[123] = tied[124] = tied[299] = 2;
  std::vector<float> equal(300, -7.0f), hidden(300, kNan);
  hidden[200] = -1e30f;
  std::vector<float> infinite(300, 1.0f);
  infinite[77] = infinite[78] = kInf;
  infinite[5] = -kInf;
  const std::vector<SampleResult> got = Draw({{{}, tied}, {{}, equal}, {{}, hidden}, {{}, infinite}});
  EXPECT_EQ(got[0].token, 123);
  EXPECT_EQ(got[1].token, 0);
  EXPECT_EQ(got[2].token, 200);
  EXPECT_EQ(got[3].token, 77);
}

TEST_F(SampleTest, NanAndInfinityAreAsOnTheProcessor) {
  std::vector<Sampled> samples;
  for (const float temperature : {0.0f, 1.0f, 0.01f, 100.0f}) {
    std::vector<float> nothing(70, -kInf), some(70, kNan), infinite(70, 3.0f), two(70, -kInf);
    nothing[3] = kNan;
    some[40] = -5, some[41] = -6, some[42] = -kInf;
    infinite[9] = infinite[60] = kInf, infinite[2] = kNan;
    two[1] = 1, two[69] = 1;
    for (const std::vector<float>& logits : {nothing, some, infinite, two}) {
      Sampled s{Warm(temperature), logits};
      s.params.logprobs = 5;
      samples.push_back(s);
      s.params.top_p = 0.5f;
      samples.push_back(s);
      s.params.top_k = 3;
      s.params.min_p = 0.1f;
      samples.push_back(s);
    }
  }
  ExpectSame(samples);
}

TEST_F(SampleTest, SuppressingEverythingLeavesIdZero) {
  Sampled s{Warm(), RandomLogits(5)};
  s.suppressed = {0, 1, 2, 3, 4};
  s.suppress_until = 100;
  s.params.logprobs = 3;
  ExpectSame({s});
}

TEST_F(SampleTest, ListsNoTokenThatCannotBeDrawn) {
  Sampled s{{}, RandomLogits(9)};
  s.suppressed = {1, 2, 3, 4, 8};
  s.suppress_until = 2;
  s.params.logprobs = 20;
  ExpectSame({s});
  EXPECT_EQ(Draw({s})[0].top.size(), 4u);
  s.suppress_until = 1;  // the new token's position: no longer suppressed
  ExpectSame({s});
  EXPECT_EQ(Draw({s})[0].top.size(), 9u);
}

// Ties at the last place of top_k and top_p stay, all of them.
TEST_F(SampleTest, KeepsTiesAtTheBorder) {
  std::vector<float> logits(50, 0.0f);
  logits[10] = 2, logits[20] = logits[30] = logits[49] = 1;
  for (int which = 0; which < 3; ++which) {
    std::vector<Sampled> samples;
    for (int i = 0; i < 64; ++i) {
      Sampled s{Warm(), logits};
      if (which == 0) s.params.top_k = 2;
      if (which == 1) s.params.top_p = 0.15f;
      if (which == 2) s.params.min_p = 0.36f;
      samples.push_back(s);
    }
    ExpectSame(samples);
    std::map<TokenId, int> drawn;
    for (const SampleResult& result : Draw(samples)) ++drawn[result.token];
    EXPECT_EQ(drawn.size(), 4u) << "filter " << which;
  }
}

// The narrowest filters leave the likeliest.
TEST_F(SampleTest, SmallestTopPAndSharpestTemperature) {
  std::vector<Sampled> samples;
  for (int i = 0; i < 8; ++i) {
    samples.push_back({Warm(), RandomLogits(333)});
    samples.back().params.top_p = std::numeric_limits<float>::denorm_min();
    samples.push_back({Warm(std::numeric_limits<float>::min()), RandomLogits(333)});
    samples.push_back({Warm(100), RandomLogits(333)});
    samples.back().params.min_p = std::nextafter(1.0f, 0.0f);
    samples.push_back({Warm(), RandomLogits(333)});
    samples.back().params.top_k = 1;
  }
  ExpectSame(samples);
}

TEST_F(SampleTest, TakesAsMuchBiasAsARequestMayHave) {
  Sampled s{Warm(), RandomLogits(3000)};
  for (int i = 0; i < schedule::kMaxLogitBias; ++i) s.params.logit_bias.emplace_back(2999 - 2 * i, Between(-9, 9));
  s.params.logprobs = 20;
  Sampled banned = s;
  banned.params.logit_bias = {{5, -1e30f}, {6, std::numeric_limits<float>::max()}, {7, -3e38f}};
  ExpectSame({s, banned});
}

// Of a token that is known: penalties, bias, suppression and temperature do nothing to it.
TEST_F(SampleTest, ScoresAKnownTokenByTheLogitsAsTheyAre) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  for (const uint32_t vocabulary : {1u, 7u, 61u, 64u, 257u, 1009u, 5003u, 151936u}) {
    SCOPED_TRACE(testing::Message() << "vocabulary " << vocabulary);
    std::vector<Sampled> samples;
    for (int i = 0; i < (vocabulary > 10000 ? 4 : 42); ++i) {
      samples.push_back(RandomSample(vocabulary));
      if (i % 3 == 2) continue;   // between those that are drawn
      samples.back().known = static_cast<TokenId>(random_() % vocabulary);
      samples.back().params.prompt_logprobs = i / 2;
    }
    ExpectSame(samples);
  }
}

TEST_F(SampleTest, ScoresAKnownTokenThatCannotBeDrawn) {
  std::vector<Sampled> samples;
  for (const float never : {-kInf, kNan}) {
    std::vector<float> nothing(70, never), some(70, never), infinite(70, 3.0f);
    some[3] = 1, some[4] = 2;
    infinite[9] = kInf, infinite[40] = never;
    for (const std::vector<float>& logits : {nothing, some, infinite}) {
      for (const TokenId known : {0, 3, 9, 40}) {
        samples.push_back({{}, logits});
        samples.back().known = known;
        samples.back().params.prompt_logprobs = 5;
      }
    }
  }
  ExpectSame(samples);
}

// Frequencies over many draws against the exact probabilities of what the filters keep.
TEST_F(SampleTest, DrawsByProbability) {
  const std::vector<float> logits = {0.5f, 2, -1, 1.5f, 0, -3, 1};
  SamplingParams params;
  params.temperature = 0.8f;
  params.top_k = 5;  // leaves 1, 3, 6, 0, 4
  std::map<TokenId, int> drawn;
  constexpr int kRounds = 40, kDraws = 100;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Sampled> samples;
    for (int i = 0; i < kDraws; ++i) {
      Sampled s{params, logits};
      s.params.seed = 7;
      s.params.sample_index = round;
      s.tokens.resize(1 + i % 95);
      s.params.seed += i / 95;
      samples.push_back(s);
    }
    for (const SampleResult& result : Draw(samples, round)) ++drawn[result.token];
  }
  double total = 0, chi = 0;
  const std::vector<TokenId> kept = {0, 1, 3, 4, 6};
  for (const TokenId id : kept) total += std::exp(logits[id] / params.temperature);
  for (const TokenId id : kept) {
    const double expected = kRounds * kDraws * std::exp(logits[id] / params.temperature) / total;
    chi += (drawn[id] - expected) * (drawn[id] - expected) / expected;
  }
  EXPECT_EQ(drawn.size(), kept.size());
  EXPECT_LT(chi, 23.5) << "4 degrees of freedom: a right sampler exceeds it once in 10,000 seeds";
}

}  // namespace
}  // namespace hekla::test
