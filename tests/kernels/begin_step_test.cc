// begin_step on batches packed as the engine packs them: rows, samples and slot changes of every entry of the ring, and
// ids that come from the history.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/support/kernels/kernel_fixture.h"
#include "worker/engine/step_input.h"

namespace hekla::test {
namespace {

using engine::StepInputLayout;
using schedule::Batch;

constexpr uint32_t kSeed = 61;
constexpr uint32_t kMaxRows = 304;  // more than the workgroup's threads

engine::Limits SmallLimits() {
  engine::Limits limits;
  limits.vocabulary = 1000;
  limits.max_rows = 300;
  limits.max_samples = 290;
  limits.max_sequences = 301;
  limits.max_context = 70;
  limits.kv_blocks = 2000;
  return limits;
}

class BeginStepTest : public KernelFixture {
 protected:
  void SetUp() override {
    KernelFixture::SetUp();
    input_ = Buffer(kernels::kRing * layout_.entry_words);
    state_ = Buffer(4 + 4 * (kMaxRows + limits_.max_samples));
    slots_ = Buffer(limits_.max_sequences * layout_.slot_stride);
    history_ = Buffer(limits_.max_sequences * layout_.history_stride);
    counter_ = Buffer(std::vector<uint32_t>{0});
    expected_slots_.assign(Content<uint32_t>(slots_).begin(), Content<uint32_t>(slots_).end());
    for (uint32_t i = 0; i < Content<uint32_t>(history_).size(); ++i) Content<uint32_t>(history_)[i] = i % 1000;
    expected_history_.assign(Content<uint32_t>(history_).begin(), Content<uint32_t>(history_).end());
  }
  uint32_t* Entry(uint32_t step) { return &Content<uint32_t>(input_)[step % kernels::kRing * layout_.entry_words]; }
  void Step() {
    vulkan::Specialization specialization;
    specialization.max_rows = kMaxRows;
    using Arguments = kernels::BeginStepArguments<BufferRange>;
    Launch(Arguments::kId, specialization, Arguments{input_, state_, slots_, history_, counter_},
           {layout_.entry_words, layout_.samples_offset, layout_.pokes_offset, layout_.history_stride}, {1, 1, 1});
  }
  // A random batch: distinct slots and some of their blocks, rows with and without ids, samples.
  Batch RandomBatch(std::mt19937& random, uint32_t rows) {
    Batch batch;
    for (uint32_t i = 0; i < rows; ++i) {
      const int slot = static_cast<int>(i * 11 % limits_.max_sequences);
      const bool known = random() % 2 == 0;
      batch.rows.push_back({slot, static_cast<int>(random() % limits_.max_context),
                            known ? static_cast<int>(random() % limits_.vocabulary) : schedule::kFromDevice});
      if (random() % 3 != 0 && batch.samples.size() < size_t(limits_.max_samples)) {
        batch.samples.push_back({static_cast<int>(random() % (i + 1)), static_cast<int>(random() % 301),
                                 known ? static_cast<int>(random() % limits_.vocabulary) : schedule::kDrawn});
      }
      if (random() % 4 == 0) batch.blocks.push_back({slot, static_cast<int>(random() % 3), int(random() % 2000)});
    }
    schedule::SlotAssignment slot;
    slot.slot = 5;
    slot.sampling.temperature = 0.5f + static_cast<float>(rows);
    slot.sampling.logit_bias = {{7, 1.5f}, {9, -2.0f}};
    slot.suppressed_tokens = {1, 2, 3};
    batch.slots.push_back(slot);
    return batch;
  }
  // Takes what the entry pokes and what the rows write into the expected state.
  void Apply(const Batch& batch, uint32_t step) {
    const uint32_t* entry = Entry(step);
    for (uint32_t i = 0; i < entry[kernels::kInputPokes]; ++i) {
      const uint32_t* poke = &entry[layout_.pokes_offset + 2 * i];
      expected_slots_[poke[0]] = poke[1];
    }
    for (const schedule::BatchRow& row : batch.rows) {
      if (row.token >= 0) expected_history_[row.slot * layout_.history_stride + row.position] = row.token;
    }
  }
  void Compare(const Batch& batch, uint32_t step) {
    const auto state = Content<uint32_t>(state_);
    ASSERT_EQ(state[0], batch.rows.size());
    ASSERT_EQ(state[1], batch.samples.size());
    ASSERT_EQ(state[2], step);
    for (uint32_t i = 0; i < batch.rows.size(); ++i) {
      const schedule::BatchRow& row = batch.rows[i];
      const uint32_t* got = &state[4 + 4 * i];
      const uint32_t id = expected_history_[row.slot * layout_.history_stride + row.position];
      ASSERT_EQ(std::vector(got, got + 3), (std::vector<uint32_t>{uint32_t(row.slot), uint32_t(row.position), id}))
          << "row " << i;
    }
    for (uint32_t i = 0; i < batch.samples.size(); ++i) {
      const schedule::BatchSample& sample = batch.samples[i];
      const uint32_t* got = &state[4 + 4 * (kMaxRows + i)];
      ASSERT_EQ(std::vector(got, got + 4),
                (std::vector<uint32_t>{uint32_t(sample.row), uint32_t(sample.slot),
                                       uint32_t(batch.rows[sample.row].position), uint32_t(sample.token)}))
          << "sample " << i;
    }
    const auto slots = Content<uint32_t>(slots_), history = Content<uint32_t>(history_);
    ASSERT_TRUE(std::equal(slots.begin(), slots.end(), expected_slots_.begin()));
    ASSERT_TRUE(std::equal(history.begin(), history.end(), expected_history_.begin()));
    ASSERT_EQ(Content<uint32_t>(counter_)[0], step + 1);
  }

  const engine::Limits limits_ = SmallLimits();
  const StepInputLayout layout_{limits_};
  BufferRange input_, state_, slots_, history_, counter_;
  std::vector<uint32_t> expected_slots_, expected_history_;
};

TEST_F(BeginStepTest, OpensEveryStepOfTheRing) {
  std::mt19937 random(kSeed);
  for (uint32_t step = 0; step < 2 * kernels::kRing + 1; ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step << ", seed " << kSeed);
    const Batch batch = RandomBatch(random, step % 3 == 2 ? 300 : std::min(300u, 1 + 20 * step));
    ASSERT_TRUE(engine::PackStepInput(batch, limits_, layout_, Entry(step)).ok());
    Apply(batch, step);
    ASSERT_NO_FATAL_FAILURE(Step());
    ASSERT_NO_FATAL_FAILURE(Compare(batch, step));
  }
}

TEST_F(BeginStepTest, TheCounterWrapsWithTheRing) {
  std::mt19937 random(kSeed);
  Content<uint32_t>(counter_)[0] = 0xffffffffu;
  for (const uint32_t step : {0xffffffffu, 0u}) {
    const Batch batch = RandomBatch(random, 3);
    ASSERT_TRUE(engine::PackStepInput(batch, limits_, layout_, Entry(step)).ok());
    Apply(batch, step);
    ASSERT_NO_FATAL_FAILURE(Step());
    ASSERT_NO_FATAL_FAILURE(Compare(batch, step));
  }
}

// A slot with all a request may ask for at once: more words than the workgroup has threads.
TEST_F(BeginStepTest, TakesTheLargestSlotChange) {
  Batch batch;
  batch.rows.push_back({3, 69, 12});
  schedule::SlotAssignment slot;
  slot.slot = 300;
  slot.sampling.seed = 0x123456789abcdef0u;
  slot.sampling.logprobs = 20;
  slot.sampling.prompt_logprobs = 7;
  for (int i = 0; i < schedule::kMaxLogitBias; ++i) slot.sampling.logit_bias.emplace_back(i % 1000, 0.5f * i);
  for (int i = 0; i < schedule::kMaxStopTokens; ++i) slot.suppressed_tokens.push_back(i);
  batch.slots.push_back(slot);
  ASSERT_TRUE(engine::PackStepInput(batch, limits_, layout_, Entry(0)).ok());
  Apply(batch, 0);
  ASSERT_NO_FATAL_FAILURE(Step());
  ASSERT_NO_FATAL_FAILURE(Compare(batch, 0));
  const uint32_t* got = &Content<uint32_t>(slots_)[300 * layout_.slot_stride];
  EXPECT_EQ(got[kernels::kSlotSeedLow], 0x9abcdef0u);
  EXPECT_EQ(got[kernels::kSlotSeedHigh], 0x12345678u);
  EXPECT_EQ(got[kernels::kSlotLogprobs], 21u);
  EXPECT_EQ(got[kernels::kSlotPromptLogprobs], 8u);
  EXPECT_EQ(got[kernels::kSlotBiasCount], 1024u);
  EXPECT_EQ(got[layout_.bias_offset + 2 * 1023], 23u);
  EXPECT_EQ(got[kernels::kSlotSuppress + 15], 15u);
}

}  // namespace
}  // namespace hekla::test
