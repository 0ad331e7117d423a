// Hyper-parameters of a model, read from GGUF metadata and range-checked. Plain data.
// Source of every key and rule: the metadata of llama.cpp's architectures llama, qwen2 and qwen3.
#ifndef HEKLA_WORKER_MODEL_MODEL_CONFIG_H_
#define HEKLA_WORKER_MODEL_MODEL_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/gguf.h"

namespace hekla::model {

// Which two elements of a head RoPE turns together: interleaved (2i, 2i+1), or halves (i, i + n/2).
enum class RopePairing { kInterleaved, kHalves };
enum class RopeScaling { kNone, kLinear, kYarn };

struct RopeConfig {
  RopePairing pairing = RopePairing::kInterleaved;
  double freq_base = 10000;
  RopeScaling scaling = RopeScaling::kLinear;
  double factor = 1;                     // positions are divided by it
  int original_context = 0;              // YaRN
  double attention_factor = 1;           // multiplies cos and sin
  std::vector<float> freq_factors;       // rope_freqs.weight: [head_dim / 2] or empty
};

struct ModelConfig {
  std::string architecture;              // "llama", "qwen2", "qwen3"
  std::string name;                      // general.name, or the file's name
  int layers = 0;
  int embedding = 0;                     // E, width of the residual stream
  int head_dim = 0;                      // d of q, k and v; even
  int vocabulary = 0;                    // rows of token_embd.weight
  int context_length = 0;                // trained context
  float rms_epsilon = 0;
  std::vector<int> heads, kv_heads, feed_forward;   // by layer
  RopeConfig rope;
};

// NOT_FOUND / DATA_LOSS / UNIMPLEMENTED name the key, the value and the limit.
absl::StatusOr<ModelConfig> ReadModelConfig(const Gguf& file);

// cos and sin of every position, computed in double: out[(position * head_dim / 2 + pair) * 2 + {0: cos, 1: sin}].
std::vector<float> RopeTable(const ModelConfig& config, int positions);

}  // namespace hekla::model

#endif  // HEKLA_WORKER_MODEL_MODEL_CONFIG_H_
