// The GGUF container (versions 2 and 3, little-endian, one file), mapped read-only. It trusts nothing in the file: every count,
// size, offset, type and name is checked before use, with u64 arithmetic that cannot wrap.
//
// Thread rule: immutable after Open. Lifetime: views and tensor data point into the mapping and die with the Gguf.
// A file that another process cuts short while it is mapped ends this program (SIGBUS), as with any mapping.
// Source: the GGUF specification of ggml; the checks are those known from published parser flaws.
#ifndef HEKLA_WORKER_MODEL_GGUF_H_
#define HEKLA_WORKER_MODEL_GGUF_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hekla::model {

// ggml's type ids, those that Hekla reads.
enum class TensorType : uint32_t { kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ8_0 = 8, kQ4_K = 12, kQ6_K = 14, kBF16 = 30 };

struct TypeTraits {
  const char* name;      // "Q4_K"
  int block_weights;     // weights in a block, all of one row
  int block_bytes;
};
// nullptr for an id that Hekla does not read.
const TypeTraits* FindTypeTraits(uint32_t type_id);
const TypeTraits& Traits(TensorType type);
// "Q5_1" for any id ggml has ever used, "type 99" else; for error messages.
std::string TypeName(uint32_t type_id);

struct GgufTensor {
  std::string name;
  std::vector<uint64_t> shape;   // ne as in the file: shape[0] is contiguous (the row length); 1..4 entries, each >= 1
  TensorType type = TensorType::kF32;
  const uint8_t* data = nullptr;
  uint64_t bytes = 0;

  uint64_t columns() const { return shape[0]; }
  uint64_t rows() const;         // product of the other dimensions
  uint64_t row_bytes() const;
};

class Gguf {
 public:
  // NOT_FOUND: no such file; DATA_LOSS: damaged or hostile; the message names the tensor or key, the value and the limit.
  static absl::StatusOr<std::unique_ptr<Gguf>> Open(const std::string& path);
  ~Gguf();
  Gguf(const Gguf&) = delete;
  Gguf& operator=(const Gguf&) = delete;

  const std::string& path() const { return path_; }
  uint32_t version() const { return version_; }
  uint64_t file_bytes() const { return size_; }

  bool Has(absl::string_view key) const;
  // Typed access: NOT_FOUND "missing key K"; DATA_LOSS when the type or value does not fit. Any integer width is accepted.
  absl::StatusOr<uint64_t> GetUint(absl::string_view key) const;
  absl::StatusOr<double> GetFloat(absl::string_view key) const;     // finite
  absl::StatusOr<bool> GetBool(absl::string_view key) const;
  absl::StatusOr<std::string> GetString(absl::string_view key) const;
  absl::StatusOr<std::vector<std::string>> GetStringArray(absl::string_view key) const;
  absl::StatusOr<std::vector<float>> GetFloatArray(absl::string_view key) const;  // f32, all finite
  absl::StatusOr<std::vector<int64_t>> GetIntArray(absl::string_view key) const;  // any integer element type
  bool IsArray(absl::string_view key) const;
  // Keys in file order, and a short text of a value ("array of 32000 strings"), for `hekla-model info`.
  const std::vector<std::string>& keys() const { return keys_; }
  std::string Describe(absl::string_view key) const;

  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const GgufTensor* Find(absl::string_view name) const;             // nullptr if absent

 private:
  struct Value {
    uint32_t type = 0;           // 0..12
    uint32_t element_type = 0;   // of an array
    uint64_t count = 1;          // elements of an array
    const uint8_t* data = nullptr;
    uint64_t bytes = 0;
  };
  Gguf() = default;
  absl::Status Parse();
  absl::StatusOr<const Value*> Get(absl::string_view key) const;

  std::string path_;
  uint32_t version_ = 0;
  const uint8_t* map_ = nullptr;
  uint64_t size_ = 0;
  std::vector<std::string> keys_;
  absl::flat_hash_map<std::string, Value> values_;
  std::vector<GgufTensor> tensors_;
  absl::flat_hash_map<std::string, size_t> tensor_index_;

  friend class GgufParser;
};

// Dequantises `count` weights that start at a block border. float32 arithmetic in the order of ggml, bit for bit.
void Dequantize(TensorType type, const uint8_t* source, uint64_t count, float* out);
float HalfToFloat(uint16_t half);
uint16_t FloatToHalf(float value);   // round to nearest even

}  // namespace hekla::model

#endif  // HEKLA_WORKER_MODEL_GGUF_H_
