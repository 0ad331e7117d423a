#include "worker/model/gguf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/model/gguf_parser.h"

namespace hekla::model {
namespace {

template <typename T>
T Load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

// The integer of `type` at `at`; false if the type is none. `negative`: the value is below 0 and `bits` holds
// it as int64.
bool LoadInteger(uint32_t type, const uint8_t* at, uint64_t* bits, bool* negative) {
  int64_t value = 0;
  switch (type) {
    case kU8:
      value = *at;
      break;
    case kI8:
      value = static_cast<int8_t>(*at);
      break;
    case kU16:
      value = Load<uint16_t>(at);
      break;
    case kI16:
      value = Load<int16_t>(at);
      break;
    case kU32:
      value = Load<uint32_t>(at);
      break;
    case kI32:
      value = Load<int32_t>(at);
      break;
    case kI64:
      value = Load<int64_t>(at);
      break;
    case kU64:
      *bits = Load<uint64_t>(at);
      *negative = false;
      return true;
    default:
      return false;
  }
  *bits = static_cast<uint64_t>(value);
  *negative = value < 0;
  return true;
}

std::string DescribeScalar(uint32_t type, const uint8_t* at) {
  uint64_t bits = 0;
  bool negative = false;
  if (LoadInteger(type, at, &bits, &negative)) {
    return negative ? absl::StrCat(static_cast<int64_t>(bits)) : absl::StrCat(bits);
  }
  if (type == kFloat) return absl::StrCat(Load<float>(at));
  if (type == kDouble) return absl::StrCat(Load<double>(at));
  return *at != 0 ? "true" : "false";
}

absl::Status WrongType(absl::string_view key, const std::string& found, absl::string_view wanted) {
  return absl::DataLossError(absl::StrCat("key ", key, " has type ", found, ", must be ", wanted));
}

}  // namespace

uint64_t GgufTensor::rows() const {
  uint64_t rows = 1;
  for (size_t i = 1; i < shape.size(); ++i) rows *= shape[i];
  return rows;
}

uint64_t GgufTensor::row_bytes() const {
  const TypeTraits& traits = Traits(type);
  return shape[0] / traits.block_weights * traits.block_bytes;
}

absl::StatusOr<std::unique_ptr<Gguf>> Gguf::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("opening ", path));
  auto close_descriptor = absl::MakeCleanup([descriptor] { close(descriptor); });
  struct stat about;
  if (fstat(descriptor, &about) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("reading ", path));
  if (!S_ISREG(about.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is no regular file"));
  std::unique_ptr<Gguf> file(new Gguf());
  file->path_ = path;
  file->size_ = static_cast<uint64_t>(about.st_size);
  if (file->size_ > 0) {
    void* map = mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (map == MAP_FAILED) return absl::ErrnoToStatus(errno, absl::StrCat("mapping ", path));
    file->map_ = static_cast<const uint8_t*>(map);
    // The header (token lists: up to some 20 MB) is read at once and whole; tensor data by its users' own
    // order.
    constexpr uint64_t kHeaderGuessBytes = 16 << 20;
    madvise(map, std::min(file->size_, kHeaderGuessBytes), MADV_WILLNEED);
  }
  HEKLA_RETURN_IF_ERROR(WithContext(file->Parse(), path));
  return file;
}

Gguf::~Gguf() {
  if (map_ != nullptr) munmap(const_cast<uint8_t*>(map_), size_);
}

absl::Status Gguf::Parse() { return GgufParser(this).Parse(); }

absl::StatusOr<const Gguf::Value*> Gguf::Get(absl::string_view key) const {
  auto found = values_.find(key);
  if (found == values_.end()) return absl::NotFoundError(absl::StrCat("missing key ", key));
  return &found->second;
}

bool Gguf::Has(absl::string_view key) const { return values_.contains(key); }

bool Gguf::IsArray(absl::string_view key) const {
  auto found = values_.find(key);
  return found != values_.end() && found->second.type == kArray;
}

absl::StatusOr<uint64_t> Gguf::GetUint(absl::string_view key) const {
  HEKLA_ASSIGN_OR_RETURN(const Value* value, Get(key));
  uint64_t bits = 0;
  bool negative = false;
  if (!LoadInteger(value->type, value->data, &bits, &negative)) {
    return WrongType(key, ValueTypeName(value->type), "an integer");
  }
  if (negative) {
    return absl::DataLossError(
        absl::StrCat("key ", key, ": ", static_cast<int64_t>(bits), " is negative, must be 0 or more"));
  }
  return bits;
}

absl::StatusOr<double> Gguf::GetFloat(absl::string_view key) const {
  HEKLA_ASSIGN_OR_RETURN(const Value* value, Get(key));
  if (value->type != kFloat && value->type != kDouble) {
    return WrongType(key, ValueTypeName(value->type), "f32 or f64");
  }
  const double number = value->type == kFloat ? Load<float>(value->data) : Load<double>(value->data);
  if (!std::isfinite(number)) {
    return absl::DataLossError(absl::StrCat("key ", key, ": ", number, " is not finite"));
  }
  return number;
}

absl::StatusOr<bool> Gguf::GetBool(absl::string_view key) const {
  HEKLA_ASSIGN_OR_RETURN(const Value* value, Get(key));
  if (value->type != kBool) return WrongType(key, ValueTypeName(value->type), "bool");
  return *value->data != 0;
}

absl::StatusOr<std::string> Gguf::GetString(absl::string_view key) const {
  HEKLA_ASSIGN_OR_RETURN(const Value* value, Get(key));
  if (value->type != kString) return WrongType(key, ValueTypeName(value->type), "string");
  return std::string(reinterpret_cast<const char*>(value->data), value->bytes);
}

absl::StatusOr<std::vector<std::string>> Gguf::GetStringArray(absl::string_view key) const {
  HEKLA_ASSIGN_OR_RETURN(const Value* value, Get(key));
  if (value->type != kArray || value->element_type != kString) {
    return WrongType(key, Describe(key), "an array of strings");
  }
  std::vector<std::string> strings;
  strings.reserve(value->count);
  const uint8_t* at = value->data;  // lengths were checked when the file was opened
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto length = Load<uint64_t>(at);
    strings.emplace_back(reinterpret_cast<const char*>(at + sizeof(length)), length);
    at += sizeof(length) + length;
  }
  return strings;
}

absl::StatusOr<std::vector<float>> Gguf::GetFloatArray(absl::string_view key) const {
  HEKLA_ASSIGN_OR_RETURN(const Value* value, Get(key));
  if (value->type != kArray || value->element_type != kFloat) {
    return WrongType(key, Describe(key), "an array of f32");
  }
  std::vector<float> numbers(value->count);
  if (value->count > 0) std::memcpy(numbers.data(), value->data, value->bytes);
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (std::isfinite(numbers[i])) continue;
    return absl::DataLossError(
        absl::StrCat("key ", key, ": element ", i, " is ", numbers[i], ", not finite"));
  }
  return numbers;
}

absl::StatusOr<std::vector<int64_t>> Gguf::GetIntArray(absl::string_view key) const {
  HEKLA_ASSIGN_OR_RETURN(const Value* value, Get(key));
  const uint64_t element_bytes = ValueBytes(value->element_type);
  std::vector<int64_t> numbers;
  uint64_t bits = 0;
  bool negative = false;
  if (value->type != kArray || value->element_type == kString || value->element_type == kFloat ||
      value->element_type == kDouble || value->element_type == kBool) {
    return WrongType(key, Describe(key), "an array of integers");
  }
  numbers.reserve(value->count);
  for (uint64_t i = 0; i < value->count; ++i) {
    LoadInteger(value->element_type, value->data + i * element_bytes, &bits, &negative);
    if (!negative && bits > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return absl::DataLossError(absl::StrCat("key ", key, ": element ", i, " is ", bits, ", over 2^63 - 1"));
    }
    numbers.push_back(static_cast<int64_t>(bits));
  }
  return numbers;
}

std::string Gguf::Describe(absl::string_view key) const {
  constexpr uint64_t kShownElements = 8, kShownBytes = 120;
  auto found = values_.find(key);
  if (found == values_.end()) return "absent";
  const Value& value = found->second;
  if (value.type == kString) {
    const absl::string_view all(reinterpret_cast<const char*>(value.data), value.bytes);
    std::string shown = absl::Utf8SafeCEscape(all.substr(0, kShownBytes));
    if (all.size() > kShownBytes) return absl::StrCat("\"", shown, "...\" (", all.size(), " bytes)");
    return absl::StrCat("\"", shown, "\"");
  }
  if (value.type != kArray) return DescribeScalar(value.type, value.data);
  std::string text = absl::StrCat("array of ", value.count, " ", ValueTypeName(value.element_type));
  if (value.element_type == kString) return absl::StrCat(text, value.count == 1 ? "" : "s");
  const uint64_t element_bytes = ValueBytes(value.element_type);
  for (uint64_t i = 0; i < std::min(value.count, kShownElements); ++i) {
    absl::StrAppend(&text, i == 0 ? ": " : ", ",
                    DescribeScalar(value.element_type, value.data + i * element_bytes));
  }
  if (value.count > kShownElements) text += ", ...";
  return text;
}

const GgufTensor* Gguf::Find(absl::string_view name) const {
  auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace hekla::model
