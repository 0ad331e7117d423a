// Writes small GGUF files for tests, right ones and wrong ones: nothing is checked, and Build tells where
// each field lies. Values keep the order in which they were added. Source: the GGUF specification of ggml.
#ifndef HEKLA_TESTS_SUPPORT_MODEL_GGUF_WRITER_H_
#define HEKLA_TESTS_SUPPORT_MODEL_GGUF_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/model/gguf.h"

namespace hekla::test {

// A field of the header, as written. `what`: "magic", "version", "tensor count", "key count", "key length",
// "key", "value type", "string length", "string", "value", "element type", "element count", "element length",
// "element", "name length", "name", "dimensions", "dimension", "tensor type", "offset", "padding".
struct GgufField {
  std::string what;
  std::string owner;  // key or tensor name
  size_t begin = 0;
  size_t bytes = 0;
};

class GgufWriter {
 public:
  GgufWriter& AddU8(absl::string_view key, uint8_t value);
  GgufWriter& AddU16(absl::string_view key, uint16_t value);
  GgufWriter& AddU32(absl::string_view key, uint32_t value);
  GgufWriter& AddI32(absl::string_view key, int32_t value);
  GgufWriter& AddU64(absl::string_view key, uint64_t value);
  GgufWriter& AddI64(absl::string_view key, int64_t value);
  GgufWriter& AddF32(absl::string_view key, float value);
  GgufWriter& AddF64(absl::string_view key, double value);
  GgufWriter& AddBool(absl::string_view key, bool value);
  GgufWriter& AddString(absl::string_view key, absl::string_view value);
  GgufWriter& AddStrings(absl::string_view key, const std::vector<std::string>& values);
  GgufWriter& AddF32s(absl::string_view key, const std::vector<float>& values);
  GgufWriter& AddI32s(absl::string_view key, const std::vector<int32_t>& values);
  GgufWriter& AddU32s(absl::string_view key, const std::vector<uint32_t>& values);
  // `type` and the bytes of the value as they are to stand in the file; an array's begin with element type
  // and count.
  GgufWriter& AddRaw(absl::string_view key, uint32_t type, absl::string_view bytes);

  // `shape[0]` is the row length. `data` goes into the data section at the next multiple of the alignment.
  GgufWriter& AddTensor(absl::string_view name, const std::vector<uint64_t>& shape, uint32_t type,
                        absl::string_view data);
  GgufWriter& AddTensor(absl::string_view name, const std::vector<uint64_t>& shape, model::TensorType type,
                        absl::string_view data);
  GgufWriter& AddF32Tensor(absl::string_view name, const std::vector<uint64_t>& shape,
                           const std::vector<float>& values);

  // Knobs of the written file. The alignment is also written as general.alignment if it is not 32.
  GgufWriter& SetVersion(uint32_t version);
  GgufWriter& SetAlignment(uint32_t alignment);
  // Added to the offset of the tensor `index`.
  GgufWriter& ShiftOffset(size_t index, int64_t bytes);

  // The bytes of the file. `fields` (may be null) gets every field of the header in file order.
  std::string Build(std::vector<GgufField>* fields = nullptr) const;

 private:
  struct Part {  // of a value
    std::string what, bytes;
  };
  struct KeyValue {
    std::string key;
    uint32_t type;
    std::vector<Part> parts;
  };
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    uint32_t type;
    std::string data;
    int64_t shift = 0;
  };
  GgufWriter& AddValue(absl::string_view key, uint32_t type, std::vector<Part> parts);

  uint32_t version_ = 3;
  uint32_t alignment_ = 32;
  std::vector<KeyValue> values_;
  std::vector<Tensor> tensors_;
};

// A file of these bytes, removed with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(absl::string_view bytes);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace hekla::test

#endif  // HEKLA_TESTS_SUPPORT_MODEL_GGUF_WRITER_H_
