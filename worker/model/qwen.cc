// Qwen2, Qwen2.5 and Qwen3: as llama, but RoPE turns halves of a head. Qwen2 has biases on q, k and v and may
// have one on the head; Qwen3 norms every head of q and k before RoPE.
#include <utility>

#include "worker/base/status_macros.h"
#include "worker/model/plan_builder.h"

namespace hekla::model {

absl::StatusOr<Plan> BuildQwenPlan(const Gguf& file, ModelConfig config) {
  PlanBuilder builder(file, std::move(config));
  const bool third = builder.config().architecture == "qwen3";
  HEKLA_RETURN_IF_ERROR(builder.AddEmbed());
  for (int layer = 0; layer < builder.config().layers; ++layer) {
    HEKLA_RETURN_IF_ERROR(builder.AddQkv(layer, /*head_norms=*/third));
    HEKLA_RETURN_IF_ERROR(builder.AddAttention(layer, /*may_have_bias=*/false));
    HEKLA_RETURN_IF_ERROR(builder.AddFeedForward(layer, /*may_have_bias=*/false));
  }
  HEKLA_RETURN_IF_ERROR(builder.AddHead(/*may_have_bias=*/!third));
  return builder.Finish();
}

}  // namespace hekla::model
