// The header of a GGUF file, read with a cursor that never trusts a length: `n <= end - position` before
// every step. Private to gguf.cc. Every check and its order is listed there where it is made; limits are
// constants below.
#ifndef HEKLA_WORKER_MODEL_GGUF_PARSER_H_
#define HEKLA_WORKER_MODEL_GGUF_PARSER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/model/gguf.h"

namespace hekla::model {

inline constexpr uint64_t kMaxKeys = 1000000;
inline constexpr uint64_t kMaxTensors = 65536;
inline constexpr uint64_t kMaxKeyBytes = 65535;
inline constexpr uint64_t kMaxTensorNameBytes = 63;
inline constexpr uint32_t kMaxDimensions = 4;
inline constexpr uint64_t kMaxDimension = 0x7FFFFFFF;
inline constexpr uint64_t kMinAlignment = 8;
inline constexpr uint64_t kMaxAlignment = 1 << 20;

// GGUF value types.
enum ValueType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kFloat = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kDouble = 12
};
// Bytes of a value of fixed size; 0 for strings, arrays and unknown types.
uint64_t ValueBytes(uint32_t type);
// "u32", "string", ...; "value type 99" for an unknown one.
std::string ValueTypeName(uint32_t type);

// Fills a Gguf whose file is already mapped.
class GgufParser {
 public:
  explicit GgufParser(Gguf* file) : file_(file) {}
  absl::Status Parse();

 private:
  uint64_t remaining() const { return file_->size_ - position_; }
  absl::Status ReadU32(absl::string_view what, uint32_t* out);
  absl::Status ReadU64(absl::string_view what, uint64_t* out);
  absl::Status ReadString(absl::string_view what, uint64_t limit, absl::string_view* out);

  absl::Status ParseHead(uint64_t* tensor_count, uint64_t* key_count);
  absl::Status ParseKeyValue(uint64_t index);
  absl::Status ParseValue(absl::string_view key, Gguf::Value* value);
  absl::Status ParseArray(absl::string_view key, Gguf::Value* value);
  absl::Status CheckBools(absl::string_view key, const uint8_t* data, uint64_t count) const;
  absl::Status ReadAlignment();
  absl::Status ParseTensor(uint64_t index);
  absl::Status ParseShape(GgufTensor* tensor);
  absl::Status SetType(uint32_t type_id, GgufTensor* tensor) const;
  absl::Status PlaceTensors();

  Gguf* file_;
  uint64_t position_ = 0;
  uint64_t alignment_ = 32;
  std::vector<uint64_t> offsets_;  // of tensors_, relative to the data section
};

}  // namespace hekla::model

#endif  // HEKLA_WORKER_MODEL_GGUF_PARSER_H_
