#include "worker/model/gguf_parser.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "worker/base/status_macros.h"
#include "worker/text/utf8.h"

namespace hekla::model {
namespace {

// Least bytes of an entry: key length 8 + 1, type 4; name length 8, n_dims 4, one dimension 8, type 4,
// offset 8.
constexpr uint64_t kMinKeyValueBytes = 13;
constexpr uint64_t kMinTensorBytes = 32;

template <typename... Parts>
absl::Status Damaged(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat(parts...));
}

// At most 80 bytes of `text`, escaped: for a message about a name that failed a check.
std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, 80)), text.size() > 80 ? "...\"" : "\"");
}

}  // namespace

uint64_t ValueBytes(uint32_t type) {
  switch (type) {
    case kU8:
    case kI8:
    case kBool:
      return 1;
    case kU16:
    case kI16:
      return 2;
    case kU32:
    case kI32:
    case kFloat:
      return 4;
    case kU64:
    case kI64:
    case kDouble:
      return 8;
    default:
      return 0;
  }
}

std::string ValueTypeName(uint32_t type) {
  static constexpr const char* kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                           "bool", "string", "array", "u64", "i64", "f64"};
  if (type < std::size(kNames)) return kNames[type];
  return absl::StrCat("value type ", type);
}

absl::Status GgufParser::ReadU32(absl::string_view what, uint32_t* out) {
  if (remaining() < sizeof(*out)) {
    return Damaged("the file ends at byte ", file_->size_, " inside ", what);
  }
  std::memcpy(out, file_->map_ + position_, sizeof(*out));
  position_ += sizeof(*out);
  return absl::OkStatus();
}

absl::Status GgufParser::ReadU64(absl::string_view what, uint64_t* out) {
  if (remaining() < sizeof(*out)) {
    return Damaged("the file ends at byte ", file_->size_, " inside ", what);
  }
  std::memcpy(out, file_->map_ + position_, sizeof(*out));
  position_ += sizeof(*out);
  return absl::OkStatus();
}

absl::Status GgufParser::ReadString(absl::string_view what, uint64_t limit, absl::string_view* out) {
  uint64_t length = 0;
  HEKLA_RETURN_IF_ERROR(ReadU64(what, &length));
  if (length > limit) return Damaged(what, ": length ", length, " is over the limit of ", limit, " bytes");
  if (length > remaining()) {
    return Damaged(what, ": length ", length, " at byte ", position_, " is past the end of the file (",
                   remaining(), " bytes left)");
  }
  *out = absl::string_view(reinterpret_cast<const char*>(file_->map_ + position_), length);
  position_ += length;
  return absl::OkStatus();
}

absl::Status GgufParser::Parse() {
  uint64_t tensor_count = 0, key_count = 0;
  HEKLA_RETURN_IF_ERROR(ParseHead(&tensor_count, &key_count));
  for (uint64_t i = 0; i < key_count; ++i) HEKLA_RETURN_IF_ERROR(ParseKeyValue(i));
  HEKLA_RETURN_IF_ERROR(ReadAlignment());
  for (uint64_t i = 0; i < tensor_count; ++i) HEKLA_RETURN_IF_ERROR(ParseTensor(i));
  return PlaceTensors();
}

absl::Status GgufParser::ParseHead(uint64_t* tensor_count, uint64_t* key_count) {
  if (file_->size_ < 24) return Damaged("the file has ", file_->size_, " bytes, a GGUF header needs 24");
  if (std::memcmp(file_->map_, "GGUF", 4) != 0) {
    return Damaged("no GGUF file: it begins with ",
                   Quoted(absl::string_view(reinterpret_cast<const char*>(file_->map_), 4)));
  }
  position_ = 4;
  HEKLA_RETURN_IF_ERROR(ReadU32("the version", &file_->version_));
  if (file_->version_ != 0 && (file_->version_ & 0xFFFF) == 0) {
    return Damaged("a big-endian GGUF file (version field ", file_->version_,
                   "); only little-endian is read");
  }
  if (file_->version_ != 2 && file_->version_ != 3) {
    return Damaged("GGUF version ", file_->version_, "; versions 2 and 3 are read");
  }
  HEKLA_RETURN_IF_ERROR(ReadU64("the tensor count", tensor_count));
  HEKLA_RETURN_IF_ERROR(ReadU64("the key count", key_count));
  if (*key_count > kMaxKeys || *key_count > remaining() / kMinKeyValueBytes) {
    return Damaged("key count ", *key_count, " is over the limit of ",
                   std::min(kMaxKeys, remaining() / kMinKeyValueBytes), " for this file");
  }
  if (*tensor_count > kMaxTensors || *tensor_count > remaining() / kMinTensorBytes) {
    return Damaged("tensor count ", *tensor_count, " is over the limit of ",
                   std::min(kMaxTensors, remaining() / kMinTensorBytes), " for this file");
  }
  return absl::OkStatus();
}

absl::Status GgufParser::ParseKeyValue(uint64_t index) {
  absl::string_view key;
  HEKLA_RETURN_IF_ERROR(ReadString(absl::StrCat("key ", index), kMaxKeyBytes, &key));
  if (key.empty()) return Damaged("key ", index, " is empty");
  if (!text::IsPrintableUtf8(key)) {
    return Damaged("key ", index, ": ", Quoted(key), " is no printable UTF-8");
  }
  Gguf::Value value;
  HEKLA_RETURN_IF_ERROR(ParseValue(key, &value));
  if (!file_->values_.emplace(key, value).second) return Damaged("key ", key, " stands twice in the file");
  file_->keys_.emplace_back(key);
  return absl::OkStatus();
}

absl::Status GgufParser::ParseValue(absl::string_view key, Gguf::Value* value) {
  const std::string what = absl::StrCat("key ", key);
  HEKLA_RETURN_IF_ERROR(ReadU32(what, &value->type));
  if (value->type > kDouble) return Damaged(what, ": unknown value type ", value->type);
  if (value->type == kArray) return ParseArray(key, value);
  if (value->type == kString) {
    absl::string_view string;
    HEKLA_RETURN_IF_ERROR(ReadString(what, file_->size_, &string));
    value->data = reinterpret_cast<const uint8_t*>(string.data());
    value->bytes = string.size();
    return absl::OkStatus();
  }
  value->bytes = ValueBytes(value->type);
  if (value->bytes > remaining()) {
    return Damaged("the file ends at byte ", file_->size_, " inside ", what);
  }
  value->data = file_->map_ + position_;
  position_ += value->bytes;
  return value->type == kBool ? CheckBools(key, value->data, 1) : absl::OkStatus();
}

absl::Status GgufParser::ParseArray(absl::string_view key, Gguf::Value* value) {
  const std::string what = absl::StrCat("key ", key);
  HEKLA_RETURN_IF_ERROR(ReadU32(what, &value->element_type));
  HEKLA_RETURN_IF_ERROR(ReadU64(what, &value->count));
  if (value->element_type > kDouble || value->element_type == kArray) {
    return Damaged(what, ": array of ", ValueTypeName(value->element_type), " elements is not allowed");
  }
  const bool strings = value->element_type == kString;
  const uint64_t element_bytes = strings ? 8 : ValueBytes(value->element_type);
  if (value->count > remaining() / element_bytes) {
    return Damaged(what, ": array of ", value->count, " elements at byte ", position_,
                   " is past the end of the file (room for ", remaining() / element_bytes, ")");
  }
  value->data = file_->map_ + position_;
  if (strings) {
    const uint64_t begin = position_;
    absl::string_view string;
    for (uint64_t i = 0; i < value->count; ++i) {
      absl::Status status = ReadString(what, file_->size_, &string);
      if (!status.ok()) return Damaged(status.message(), ", element ", i);
    }
    value->bytes = position_ - begin;
    return absl::OkStatus();
  }
  value->bytes = value->count * element_bytes;
  position_ += value->bytes;
  return value->element_type == kBool ? CheckBools(key, value->data, value->count) : absl::OkStatus();
}

absl::Status GgufParser::CheckBools(absl::string_view key, const uint8_t* data, uint64_t count) const {
  for (uint64_t i = 0; i < count; ++i) {
    if (data[i] > 1) return Damaged("key ", key, ": bool with value ", int{data[i]}, ", must be 0 or 1");
  }
  return absl::OkStatus();
}

absl::Status GgufParser::ReadAlignment() {
  constexpr absl::string_view kKey = "general.alignment";
  auto found = file_->values_.find(kKey);
  if (found == file_->values_.end()) return absl::OkStatus();
  if (found->second.type != kU32) {
    return Damaged("key ", kKey, " has type ", ValueTypeName(found->second.type), ", must be u32");
  }
  uint32_t alignment;
  std::memcpy(&alignment, found->second.data, sizeof(alignment));
  if (alignment < kMinAlignment || alignment > kMaxAlignment || (alignment & (alignment - 1)) != 0) {
    return Damaged("key ", kKey, ": ", alignment, " is no power of two between ", kMinAlignment, " and ",
                   kMaxAlignment);
  }
  alignment_ = alignment;
  return absl::OkStatus();
}

absl::Status GgufParser::ParseTensor(uint64_t index) {
  absl::string_view name;
  HEKLA_RETURN_IF_ERROR(ReadString(absl::StrCat("name of tensor ", index), kMaxTensorNameBytes, &name));
  if (name.empty()) return Damaged("tensor ", index, " has no name");
  if (!text::IsPrintableUtf8(name)) {
    return Damaged("tensor ", index, ": name ", Quoted(name), " is no printable UTF-8");
  }
  GgufTensor tensor;
  tensor.name = std::string(name);
  const std::string what = absl::StrCat("tensor ", name);
  HEKLA_RETURN_IF_ERROR(ParseShape(&tensor));
  uint32_t type_id = 0;
  uint64_t offset = 0;
  HEKLA_RETURN_IF_ERROR(ReadU32(what, &type_id));
  HEKLA_RETURN_IF_ERROR(ReadU64(what, &offset));
  HEKLA_RETURN_IF_ERROR(SetType(type_id, &tensor));
  if (!file_->tensor_index_.emplace(tensor.name, file_->tensors_.size()).second) {
    return Damaged(what, " stands twice in the file");
  }
  file_->tensors_.push_back(std::move(tensor));
  offsets_.push_back(offset);
  return absl::OkStatus();
}

absl::Status GgufParser::ParseShape(GgufTensor* tensor) {
  const std::string what = absl::StrCat("tensor ", tensor->name);
  uint32_t dimensions = 0;
  HEKLA_RETURN_IF_ERROR(ReadU32(what, &dimensions));
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    return Damaged(what, ": ", dimensions, " dimensions, must be 1 to ", kMaxDimensions);
  }
  for (uint32_t i = 0; i < dimensions; ++i) {
    uint64_t extent = 0;
    HEKLA_RETURN_IF_ERROR(ReadU64(what, &extent));
    if (extent < 1 || extent > kMaxDimension) {
      return Damaged(what, ": dimension ", i, " is ", extent, ", must be 1 to ", kMaxDimension);
    }
    tensor->shape.push_back(extent);
  }
  return absl::OkStatus();
}

// Sets type and bytes: shape[0] / block_weights * block_bytes * rows, every step checked.
absl::Status GgufParser::SetType(uint32_t type_id, GgufTensor* tensor) const {
  constexpr uint32_t kTypesOfGgml = 43;
  const TypeTraits* traits = FindTypeTraits(type_id);
  if (traits == nullptr && type_id < kTypesOfGgml) {
    return absl::UnimplementedError(
        absl::StrCat("tensor ", tensor->name, ": type ", TypeName(type_id),
                     " is not supported (F32, F16, BF16, Q8_0, Q4_0, Q4_K and Q6_K are)"));
  }
  if (traits == nullptr) return Damaged("tensor ", tensor->name, ": unknown type id ", type_id);
  if (tensor->shape[0] % traits->block_weights != 0) {
    return Damaged("tensor ", tensor->name, ": rows of ", tensor->shape[0],
                   " weights are no multiple of the ", traits->block_weights, " of a ", traits->name,
                   " block");
  }
  uint64_t bytes = tensor->shape[0] / traits->block_weights * traits->block_bytes;
  uint64_t weights = tensor->shape[0];
  for (size_t i = 1; i < tensor->shape.size(); ++i) {
    if (__builtin_mul_overflow(bytes, tensor->shape[i], &bytes) ||
        __builtin_mul_overflow(weights, tensor->shape[i], &weights) || bytes >> 63 != 0 ||
        weights >> 63 != 0) {
      return Damaged("tensor ", tensor->name, ": its size is over 2^63");
    }
  }
  tensor->type = static_cast<TensorType>(type_id);
  tensor->bytes = bytes;
  return absl::OkStatus();
}

// The data section holds the tensors in file order, each at the next multiple of the alignment; padding after
// the last is optional.
absl::Status GgufParser::PlaceTensors() {
  const uint64_t padding = (alignment_ - position_ % alignment_) % alignment_;
  if (padding > remaining()) {
    if (file_->tensors_.empty()) return absl::OkStatus();
    return Damaged("the file ends at byte ", file_->size_, " before its data section");
  }
  const uint64_t begin = position_ + padding;
  const uint64_t data_bytes = file_->size_ - begin;
  uint64_t expected = 0;  // <= data_bytes + alignment: no sum below wraps
  uint64_t end = 0;
  for (size_t i = 0; i < file_->tensors_.size(); ++i) {
    GgufTensor& tensor = file_->tensors_[i];
    const uint64_t offset = offsets_[i];
    if (offset % alignment_ != 0) {
      return Damaged("tensor ", tensor.name, ": offset ", offset, " is no multiple of the alignment ",
                     alignment_);
    }
    if (offset != expected) {
      return Damaged("tensor ", tensor.name, ": offset ", offset, ", expected ", expected,
                     " (tensors follow each other without gaps)");
    }
    if (offset > data_bytes || tensor.bytes > data_bytes - offset) {
      return Damaged("tensor ", tensor.name, ": ", tensor.bytes, " bytes at offset ", offset,
                     " are past the end of the data section (", data_bytes, " bytes)");
    }
    tensor.data = file_->map_ + begin + offset;
    end = offset + tensor.bytes;
    expected = end + (alignment_ - end % alignment_) % alignment_;
  }
  if (data_bytes - end >= alignment_) {
    return Damaged(data_bytes - end, " bytes follow the last tensor, only padding below ", alignment_,
                   " may; the tensor table does not match the data");
  }
  return absl::OkStatus();
}

}  // namespace hekla::model
