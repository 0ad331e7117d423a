#include "tests/support/model/gguf_writer.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"

namespace hekla::test {
namespace {

enum : uint32_t {
  kU8 = 0,
  kU16 = 2,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12
};

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
std::string AllBytes(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

GgufWriter& GgufWriter::AddValue(absl::string_view key, uint32_t type, std::vector<Part> parts) {
  values_.push_back({std::string(key), type, std::move(parts)});
  return *this;
}

GgufWriter& GgufWriter::AddRaw(absl::string_view key, uint32_t type, absl::string_view bytes) {
  return AddValue(key, type, {{"value", std::string(bytes)}});
}

GgufWriter& GgufWriter::AddU8(absl::string_view key, uint8_t value) { return AddRaw(key, kU8, Bytes(value)); }
GgufWriter& GgufWriter::AddU16(absl::string_view key, uint16_t value) {
  return AddRaw(key, kU16, Bytes(value));
}
GgufWriter& GgufWriter::AddU32(absl::string_view key, uint32_t value) {
  return AddRaw(key, kU32, Bytes(value));
}
GgufWriter& GgufWriter::AddI32(absl::string_view key, int32_t value) {
  return AddRaw(key, kI32, Bytes(value));
}
GgufWriter& GgufWriter::AddU64(absl::string_view key, uint64_t value) {
  return AddRaw(key, kU64, Bytes(value));
}
GgufWriter& GgufWriter::AddI64(absl::string_view key, int64_t value) {
  return AddRaw(key, kI64, Bytes(value));
}
GgufWriter& GgufWriter::AddF32(absl::string_view key, float value) { return AddRaw(key, kF32, Bytes(value)); }
GgufWriter& GgufWriter::AddF64(absl::string_view key, double value) {
  return AddRaw(key, kF64, Bytes(value));
}
GgufWriter& GgufWriter::AddBool(absl::string_view key, bool value) {
  return AddRaw(key, kBool, Bytes<uint8_t>(value));
}

GgufWriter& GgufWriter::AddString(absl::string_view key, absl::string_view value) {
  return AddValue(key, kString,
                  {{"string length", Bytes<uint64_t>(value.size())}, {"string", std::string(value)}});
}

GgufWriter& GgufWriter::AddStrings(absl::string_view key, const std::vector<std::string>& values) {
  std::vector<Part> parts = {{"element type", Bytes<uint32_t>(kString)},
                             {"element count", Bytes<uint64_t>(values.size())}};
  for (const std::string& value : values) {
    parts.push_back({"element length", Bytes<uint64_t>(value.size())});
    parts.push_back({"element", value});
  }
  return AddValue(key, kArray, std::move(parts));
}

GgufWriter& GgufWriter::AddF32s(absl::string_view key, const std::vector<float>& values) {
  return AddValue(key, kArray,
                  {{"element type", Bytes<uint32_t>(kF32)},
                   {"element count", Bytes<uint64_t>(values.size())},
                   {"element", AllBytes(values)}});
}

GgufWriter& GgufWriter::AddI32s(absl::string_view key, const std::vector<int32_t>& values) {
  return AddValue(key, kArray,
                  {{"element type", Bytes<uint32_t>(kI32)},
                   {"element count", Bytes<uint64_t>(values.size())},
                   {"element", AllBytes(values)}});
}

GgufWriter& GgufWriter::AddU32s(absl::string_view key, const std::vector<uint32_t>& values) {
  return AddValue(key, kArray,
                  {{"element type", Bytes<uint32_t>(kU32)},
                   {"element count", Bytes<uint64_t>(values.size())},
                   {"element", AllBytes(values)}});
}

GgufWriter& GgufWriter::AddTensor(absl::string_view name, const std::vector<uint64_t>& shape, uint32_t type,
                                  absl::string_view data) {
  tensors_.push_back({std::string(name), shape, type, std::string(data)});
  return *this;
}

GgufWriter& GgufWriter::AddTensor(absl::string_view name, const std::vector<uint64_t>& shape,
                                  model::TensorType type, absl::string_view data) {
  return AddTensor(name, shape, static_cast<uint32_t>(type), data);
}

GgufWriter& GgufWriter::AddF32Tensor(absl::string_view name, const std::vector<uint64_t>& shape,
                                     const std::vector<float>& values) {
  return AddTensor(name, shape, model::TensorType::kF32, AllBytes(values));
}

GgufWriter& GgufWriter::SetVersion(uint32_t version) {
  version_ = version;
  return *this;
}

GgufWriter& GgufWriter::SetAlignment(uint32_t alignment) {
  alignment_ = alignment;
  return AddU32("general.alignment", alignment);
}

GgufWriter& GgufWriter::ShiftOffset(size_t index, int64_t bytes) {
  tensors_[index].shift = bytes;
  return *this;
}

std::string GgufWriter::Build(std::vector<GgufField>* fields) const {
  std::string out;
  auto put = [&](absl::string_view what, absl::string_view owner, absl::string_view bytes) {
    if (fields != nullptr)
      fields->push_back({std::string(what), std::string(owner), out.size(), bytes.size()});
    absl::StrAppend(&out, bytes);
  };
  // The space up to the next multiple of the alignment; none for an alignment of 0.
  auto padding = [this](size_t position) {
    return alignment_ == 0 ? 0 : (alignment_ - position % alignment_) % alignment_;
  };
  if (fields != nullptr) fields->clear();
  put("magic", "", "GGUF");
  put("version", "", Bytes(version_));
  put("tensor count", "", Bytes<uint64_t>(tensors_.size()));
  put("key count", "", Bytes<uint64_t>(values_.size()));
  for (const KeyValue& value : values_) {
    put("key length", value.key, Bytes<uint64_t>(value.key.size()));
    put("key", value.key, value.key);
    put("value type", value.key, Bytes(value.type));
    for (const Part& part : value.parts) put(part.what, value.key, part.bytes);
  }
  std::string data;
  for (const Tensor& tensor : tensors_) {
    put("name length", tensor.name, Bytes<uint64_t>(tensor.name.size()));
    put("name", tensor.name, tensor.name);
    put("dimensions", tensor.name, Bytes(static_cast<uint32_t>(tensor.shape.size())));
    for (const uint64_t extent : tensor.shape) put("dimension", tensor.name, Bytes(extent));
    put("tensor type", tensor.name, Bytes(tensor.type));
    put("offset", tensor.name, Bytes<uint64_t>(data.size() + tensor.shift));
    data += tensor.data;
    data.append(padding(data.size()), '\0');
  }
  if (!tensors_.empty()) put("padding", "", std::string(padding(out.size()), '\0'));
  return out + data;
}

TemporaryFile::TemporaryFile(absl::string_view bytes) {
  path_ = (std::filesystem::temp_directory_path() / "hekla-test-XXXXXX").string();
  const int descriptor = mkstemp(path_.data());
  HEKLA_CHECK(descriptor >= 0, "a temporary file can be made");
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    HEKLA_CHECK(written > 0, "a temporary file can be written");
    bytes.remove_prefix(written);
  }
  close(descriptor);
}

TemporaryFile::~TemporaryFile() { unlink(path_.c_str()); }

}  // namespace hekla::test
