// Llama 1/2/3, TinyLlama, SmolLM, Mistral and their derivatives: pre-norm, grouped-query attention,
// interleaved RoPE (the file's q and k rows are permuted for it), SwiGLU. Every linear layer but the head may
// have a bias.
#include <utility>

#include "worker/base/status_macros.h"
#include "worker/model/plan_builder.h"

namespace hekla::model {

absl::StatusOr<Plan> BuildLlamaPlan(const Gguf& file, ModelConfig config) {
  PlanBuilder builder(file, std::move(config));
  builder.MarkUsed("rope_freqs.weight");
  HEKLA_RETURN_IF_ERROR(builder.AddEmbed());
  for (int layer = 0; layer < builder.config().layers; ++layer) {
    HEKLA_RETURN_IF_ERROR(builder.AddQkv(layer, /*head_norms=*/false));
    HEKLA_RETURN_IF_ERROR(builder.AddAttention(layer, /*may_have_bias=*/true));
    HEKLA_RETURN_IF_ERROR(builder.AddFeedForward(layer, /*may_have_bias=*/true));
  }
  HEKLA_RETURN_IF_ERROR(builder.AddHead(/*may_have_bias=*/false));
  return builder.Finish();
}

}  // namespace hekla::model
