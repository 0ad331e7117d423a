// Keys and values of every layer, by block: token t of a sequence lies in block table[t / kBlockTokens] at
// offset t % kBlockTokens. Stored as f16 (what devices do) or as float32 (to tell rounding from mistakes).
// Thread rule: concurrent Append to distinct (layer, block, offset) and concurrent Load are fine.
#ifndef HEKLA_WORKER_CPU_KV_CACHE_H_
#define HEKLA_WORKER_CPU_KV_CACHE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/model_config.h"
#include "worker/schedule/batch.h"

namespace hekla::cpu {

class KvCache {
 public:
  // RESOURCE_EXHAUSTED if it would not fit in this machine's memory.
  static absl::StatusOr<KvCache> Create(const model::ModelConfig& config, int blocks, bool float32);

  // Stores k and v, both [kv_heads * head_dim].
  void Append(int layer, int block, int offset, const float* k, const float* v);
  // One head of one token as float32: out [head_dim].
  void LoadKey(int layer, int block, int offset, int kv_head, float* out) const {
    Load(layer, block, offset, 0, kv_head, out);
  }
  void LoadValue(int layer, int block, int offset, int kv_head, float* out) const {
    Load(layer, block, offset, 1, kv_head, out);
  }

  uint64_t bytes() const { return bytes_per_token() * blocks_ * schedule::kBlockTokens; }
  uint64_t bytes_per_token() const;

 private:
  struct Layer {
    int width = 0;               // kv_heads * head_dim
    std::vector<uint16_t> half;  // [block][token][k, v][width]; one of the two is empty
    std::vector<float> full;
  };
  KvCache() = default;
  void Load(int layer, int block, int offset, int which, int kv_head, float* out) const;

  int head_dim_ = 0, blocks_ = 0;
  bool float32_ = false;
  std::vector<Layer> layers_;
};

}  // namespace hekla::cpu

#endif  // HEKLA_WORKER_CPU_KV_CACHE_H_
