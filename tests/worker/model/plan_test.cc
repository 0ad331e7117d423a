#include "worker/model/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/model/model_file.h"

namespace hekla::model {
namespace {

using test::ModelFile;
using testing::HasSubstr;

absl::StatusOr<Plan> Build(const ModelFile& file, std::unique_ptr<Gguf>* keep) {
  auto opened = file.Open();
  if (!opened.ok()) return opened.status();
  *keep = *std::move(opened);
  return BuildPlan(**keep);
}

void ExpectError(const ModelFile& file, absl::StatusCode code, const std::string& text) {
  std::unique_ptr<Gguf> keep;
  const auto plan = Build(file, &keep);
  EXPECT_EQ(plan.status().code(), code) << plan.status();
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr(text));
}

TEST(PlanTest, OpsOfEveryFamily) {
  for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
    std::unique_ptr<Gguf> keep;
    const auto plan = Build(ModelFile::Tiny(architecture), &keep);
    ASSERT_TRUE(plan.ok()) << plan.status();
    ASSERT_EQ(plan->ops.size(), 7u);
    EXPECT_TRUE(std::holds_alternative<EmbedOp>(plan->ops[0]));
    const auto& qkv = std::get<QkvOp>(plan->ops[1]);
    EXPECT_EQ(qkv.q.rows, 32);
    EXPECT_EQ(qkv.k.rows, 16);
    EXPECT_EQ(qkv.q_norm.empty(), std::string(architecture) != "qwen3");
    EXPECT_EQ(std::get<AttentionOp>(plan->ops[2]).scale, 0.25f);
    EXPECT_EQ(std::get<AttentionOutputOp>(plan->ops[3]).weight.columns, 32);
    EXPECT_EQ(std::get<GateUpOp>(plan->ops[4]).up.rows, 64);
    EXPECT_EQ(std::get<DownOp>(plan->ops[5]).weight.columns, 64);
    const auto& head = std::get<HeadOp>(plan->ops[6]);
    EXPECT_EQ(head.weight.data, std::get<EmbedOp>(plan->ops[0]).table.data) << "tied head";
    EXPECT_EQ(plan->weight_bytes, 4u * (32 * 10 + 32 * 32 * 2 + 32 * 16 * 2 + 32 * 64 * 3))
        << "each tensor once";
  }
}

TEST(PlanTest, SeparateHead) {
  ModelFile file = ModelFile::Tiny("llama");
  file.tensors["output.weight"] = {{32, 10}, TensorType::kQ8_0, {}};
  std::unique_ptr<Gguf> keep;
  const auto plan = Build(file, &keep);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(std::get<HeadOp>(plan->ops.back()).weight.type, TensorType::kQ8_0);
}

TEST(PlanTest, FusedQkvIsThreeViews) {
  ModelFile file = ModelFile::Tiny("qwen2");
  for (const char* name : {"q", "k", "v"}) file.tensors.erase(std::string("blk.0.attn_") + name + ".weight");
  file.tensors["blk.0.attn_qkv.weight"] = {{32, 64}, TensorType::kQ8_0, {}};
  std::vector<float> bias(64);
  for (int i = 0; i < 64; ++i) bias[i] = float(i);
  file.tensors["blk.0.attn_qkv.bias"] = {{64}, TensorType::kF32, bias};
  std::unique_ptr<Gguf> keep;
  const auto plan = Build(file, &keep);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto& op = std::get<QkvOp>(plan->ops[1]);
  const uint8_t* start = keep->Find("blk.0.attn_qkv.weight")->data;
  EXPECT_EQ(op.q.data, start);
  EXPECT_EQ(op.k.data, start + 32 * 34);
  EXPECT_EQ(op.v.data, start + 48 * 34);
  EXPECT_EQ(op.v.rows, 16);
  EXPECT_EQ(op.q_bias.size(), 32u);
  EXPECT_EQ(op.k_bias.front(), 32);
  EXPECT_EQ(op.v_bias.back(), 63);
}

// Which optional vectors a family may have; one it may not have is a tensor left over.
TEST(PlanTest, OptionalBiasesByFamily) {
  const std::pair<const char*, std::string> biases[] = {
      {"blk.0.attn_q", "llama qwen2 qwen3"}, {"blk.0.attn_k", "llama qwen2 qwen3"},
      {"blk.0.attn_v", "llama qwen2 qwen3"}, {"blk.0.attn_output", "llama"},
      {"blk.0.ffn_gate", "llama"},           {"blk.0.ffn_up", "llama"},
      {"blk.0.ffn_down", "llama"},           {"output", "qwen2"}};
  for (const auto& [stem, families] : biases) {
    for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
      ModelFile file = ModelFile::Tiny(architecture);
      file.tensors["output.weight"] = {{32, 10}, {}, {}};
      const std::string name = std::string(stem) + ".bias";
      file.tensors[name] = {{file.tensors.at(std::string(stem) + ".weight").shape[1]}, {}, {}};
      std::unique_ptr<Gguf> keep;
      const auto plan = Build(file, &keep);
      if (families.find(architecture) != std::string::npos) {
        EXPECT_TRUE(plan.ok()) << architecture << " " << plan.status();
      } else {
        EXPECT_EQ(plan.status().code(), absl::StatusCode::kDataLoss) << architecture << " " << name;
        EXPECT_THAT(std::string(plan.status().message()), HasSubstr(name));
      }
    }
  }
}

TEST(PlanTest, EveryTensorIsRequiredAndNamed) {
  const ModelFile whole = ModelFile::Tiny("qwen3");
  for (const auto& [name, tensor] : whole.tensors) {
    ModelFile file = whole;
    file.tensors.erase(name);
    ExpectError(file, absl::StatusCode::kNotFound, name);
  }
}

TEST(PlanTest, EveryShapeIsChecked) {
  const ModelFile whole = ModelFile::Tiny("qwen3");
  for (const auto& [name, tensor] : whole.tensors) {
    if (name == "token_embd.weight") continue;  // its rows define the vocabulary
    ModelFile file = whole;
    file.tensors[name].shape.back() += 8;
    ExpectError(file, absl::StatusCode::kDataLoss, name + " has shape {");
    file = whole;
    file.tensors[name].shape.push_back(2);
    ExpectError(file, absl::StatusCode::kDataLoss, name + " has shape {");
  }
  ModelFile file = whole;
  file.tensors["token_embd.weight"].shape[0] = 24;
  ExpectError(file, absl::StatusCode::kDataLoss, "token_embd.weight has shape {24, 10}, expected {32, 10}");
}

TEST(PlanTest, UnknownTensorsAreRefused) {
  ModelFile file = ModelFile::Tiny("llama");
  file.tensors["blk.1.attn_q.weight"] = {{32, 32}, {}, {}};
  ExpectError(file, absl::StatusCode::kDataLoss,
              "blk.1.attn_q.weight {32, 32} has no place in a llama model of 1 layers");
  file = ModelFile::Tiny("qwen2");
  file.tensors["rope_freqs.weight"] = {{8}, {}, {}};
  ExpectError(file, absl::StatusCode::kDataLoss, "rope_freqs.weight");
}

TEST(PlanTest, NormsMustNotBeQuantised) {
  for (const TensorType type : {TensorType::kQ8_0, TensorType::kBF16}) {
    ModelFile file = ModelFile::Tiny("llama");
    file.tensors["blk.0.ffn_norm.weight"].type = type;
    ExpectError(file, absl::StatusCode::kUnimplemented, "blk.0.ffn_norm.weight");
  }
  ModelFile file = ModelFile::Tiny("llama");
  file.tensors["blk.0.ffn_norm.weight"].type = TensorType::kF16;
  std::unique_ptr<Gguf> keep;
  EXPECT_TRUE(Build(file, &keep).ok());
}

}  // namespace
}  // namespace hekla::model
