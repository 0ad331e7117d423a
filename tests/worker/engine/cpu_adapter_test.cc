#include "worker/engine/cpu_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/golden_model.h"
#include "worker/engine/make_executor.h"

namespace hekla::engine {
namespace {

using schedule::Batch;
using schedule::BatchResult;

class CpuAdapterTest : public testing::Test {
 protected:
  CpuAdapterTest() : golden_("llama-plain") {
    auto made = MakeExecutor(golden_.plan, "cpu", ExecutorOptions());
    EXPECT_TRUE(made.ok()) << made.status();
    executor_ = *std::move(made);
  }
  Batch Step(uint64_t step) {
    Batch batch;
    batch.step = step;
    batch.slots.push_back({0, {}, {}, 0});
    batch.blocks.push_back({0, 0, 0});
    batch.rows.push_back({0, int(step) - 1, 7});
    batch.samples.push_back({0, 0});
    return batch;
  }
  test::GoldenModel golden_;
  std::unique_ptr<Executor> executor_;
};

TEST_F(CpuAdapterTest, LimitsComeFromOptionsAndPlan) {
  EXPECT_EQ(executor_->limits().max_context, 512);
  EXPECT_EQ(executor_->limits().kv_blocks, 16);
  EXPECT_EQ(executor_->limits().vocabulary, 97);
  EXPECT_GE(executor_->limits().max_in_flight, 2);
}

TEST_F(CpuAdapterTest, ResultsComeInOrderAndNotBeyondTheDepth) {
  const int depth = executor_->limits().max_in_flight;
  for (int step = 1; step <= depth; ++step) ASSERT_TRUE(executor_->Submit(Step(step)).ok());
  EXPECT_EQ(executor_->Submit(Step(depth + 1)).code(), absl::StatusCode::kFailedPrecondition);
  BatchResult result;
  for (int step = 1; step <= depth; ++step) {
    ASSERT_TRUE(executor_->Await(&result).ok());
    EXPECT_EQ(result.step, uint64_t(step));
    EXPECT_EQ(result.samples.size(), 1u);
    EXPECT_TRUE(result.logits.empty());
  }
  EXPECT_EQ(executor_->Await(&result).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_GT(executor_->phase_seconds().execute, 0);
}

TEST_F(CpuAdapterTest, BytesReadCountWeightsAndKv) {
  ASSERT_TRUE(executor_->Submit(Step(1)).ok());
  // All matrices but the embedding table, of which one row is read; k and v of one token in f16.
  const uint64_t table = 97 * 40 * 4, kv = 2 * 2 * 8 * 2;
  EXPECT_EQ(executor_->device_bytes_read(), golden_.plan.weight_bytes - table + 40 * 4 + kv);
}

TEST_F(CpuAdapterTest, ErrorsComeFromSubmit) {
  Batch batch = Step(1);
  batch.rows[0].token = 97;
  EXPECT_EQ(executor_->Submit(batch).code(), absl::StatusCode::kInvalidArgument);
  BatchResult result;
  EXPECT_EQ(executor_->Await(&result).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(MakeExecutorTest, UnknownDevice) {
  const test::GoldenModel golden("llama-plain");
  const auto made = MakeExecutor(golden.plan, "cuda:0", ExecutorOptions());
  EXPECT_EQ(made.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(made.status().message()), testing::HasSubstr("cuda:0"));
}

TEST(MakeExecutorTest, ReportsTheWeightsAsLoaded) {
  const test::GoldenModel golden("qwen2");
  ExecutorOptions options;
  uint64_t done = 0, total = 1;
  options.weight_progress = [&](uint64_t d, uint64_t t) { done = d, total = t; };
  ASSERT_TRUE(MakeExecutor(golden.plan, "cpu", options).ok());
  EXPECT_EQ(done, total);
  EXPECT_EQ(total, golden.plan.weight_bytes);
}

}  // namespace
}  // namespace hekla::engine
