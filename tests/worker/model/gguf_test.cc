#include "worker/model/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "tests/support/model/gguf_writer.h"
#include "tests/support/model/tiny_llama.h"

namespace hekla::model {
namespace {

using test::GgufWriter;
using test::TemporaryFile;
using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<std::unique_ptr<Gguf>> OpenBytes(absl::string_view bytes) {
  TemporaryFile file(bytes);
  return Gguf::Open(file.path());  // the mapping outlives the name
}

template <typename T>
std::string Bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

GgufWriter Small() {
  GgufWriter writer;
  writer.AddString("general.architecture", "llama").AddU32("a.count", 7);
  writer.AddF32Tensor("first", {4, 3}, std::vector<float>(12, 0.5f));
  writer.AddF32Tensor("second", {4}, {1, 2, 3, 4});
  return writer;
}

TEST(Gguf, ReadsEveryKindOfValue) {
  GgufWriter writer;
  writer.AddU8("u8", 200).AddU16("u16", 60000).AddU32("u32", 4000000000u).AddI32("i32", -5);
  writer.AddU64("u64", std::numeric_limits<uint64_t>::max()).AddI64("i64", -7).AddF32("f32", 1.5f);
  writer.AddF64("f64", -2.25).AddBool("yes", true).AddBool("no", false).AddString("s", "a\"b");
  writer.AddStrings("strings", {"x", "", "zz"}).AddF32s("floats", {1, -2}).AddI32s("ints", {-1, 2});
  auto file = OpenBytes(writer.Build());
  ASSERT_TRUE(file.ok()) << file.status();
  const Gguf& gguf = **file;
  EXPECT_EQ(gguf.version(), 3u);
  EXPECT_EQ(*gguf.GetUint("u8"), 200u);
  EXPECT_EQ(*gguf.GetUint("u16"), 60000u);
  EXPECT_EQ(*gguf.GetUint("u32"), 4000000000u);
  EXPECT_EQ(*gguf.GetUint("u64"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(gguf.GetUint("i32").status().code(), absl::StatusCode::kDataLoss);  // negative
  EXPECT_EQ(gguf.GetUint("f32").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(gguf.GetUint("absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*gguf.GetFloat("f32"), 1.5);
  EXPECT_EQ(*gguf.GetFloat("f64"), -2.25);
  EXPECT_FALSE(gguf.GetFloat("u32").ok());
  EXPECT_TRUE(*gguf.GetBool("yes"));
  EXPECT_FALSE(*gguf.GetBool("no"));
  EXPECT_FALSE(gguf.GetBool("u8").ok());
  EXPECT_EQ(*gguf.GetString("s"), "a\"b");
  EXPECT_THAT(*gguf.GetStringArray("strings"), ElementsAre("x", "", "zz"));
  EXPECT_FALSE(gguf.GetStringArray("floats").ok());
  EXPECT_THAT(*gguf.GetFloatArray("floats"), ElementsAre(1, -2));
  EXPECT_FALSE(gguf.GetFloatArray("ints").ok());
  EXPECT_THAT(*gguf.GetIntArray("ints"), ElementsAre(-1, 2));
  EXPECT_FALSE(gguf.GetIntArray("strings").ok());
  EXPECT_FALSE(gguf.GetIntArray("u8").ok());
  EXPECT_TRUE(gguf.IsArray("ints"));
  EXPECT_FALSE(gguf.IsArray("u8"));
  EXPECT_EQ(gguf.keys().size(), 14u);
  EXPECT_EQ(gguf.keys()[0], "u8");
  EXPECT_EQ(gguf.Describe("strings"), "array of 3 strings");
  EXPECT_EQ(gguf.Describe("ints"), "array of 2 i32: -1, 2");
  EXPECT_EQ(gguf.Describe("yes"), "true");
}

TEST(Gguf, PlacesTensors) {
  for (const uint32_t alignment : {8u, 32u, 4096u}) {
    GgufWriter writer = Small();
    if (alignment != 32) writer.SetAlignment(alignment);
    auto file = OpenBytes(writer.Build());
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_EQ((*file)->tensors().size(), 2u);
    const GgufTensor* first = (*file)->Find("first");
    ASSERT_NE(first, nullptr);
    EXPECT_THAT(first->shape, ElementsAre(4, 3));
    EXPECT_EQ(first->columns(), 4u);
    EXPECT_EQ(first->rows(), 3u);
    EXPECT_EQ(first->row_bytes(), 16u);
    EXPECT_EQ(first->bytes, 48u);
    float values[4];
    std::memcpy(values, (*file)->Find("second")->data, sizeof(values));
    EXPECT_THAT(values, ElementsAre(1, 2, 3, 4));
    EXPECT_EQ((*file)->Find("third"), nullptr);
  }
}

TEST(Gguf, ReadsVersionTwoAndFilesWithoutTensorsOrLastPadding) {
  EXPECT_TRUE(OpenBytes(Small().SetVersion(2).Build()).ok());
  EXPECT_TRUE(OpenBytes(GgufWriter().AddString("general.architecture", "llama").Build()).ok());
  std::string bytes = Small().Build();
  bytes.resize(bytes.size() - 16);  // `second` has 16 bytes, padded to 32
  EXPECT_TRUE(OpenBytes(bytes).ok());
  bytes.resize(bytes.size() - 1);
  EXPECT_FALSE(OpenBytes(bytes).ok());
}

TEST(Gguf, TinyModelOpens) {
  auto file = OpenBytes(test::TinyLlama(1).Build());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->tensors().size(), 11u);
}

TEST(Gguf, NamesWhatIsNoModelFile) {
  EXPECT_EQ(Gguf::Open("/no/such/file.gguf").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Gguf::Open("/").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(OpenBytes("").status().message(), HasSubstr("0 bytes"));
  EXPECT_THAT(OpenBytes(std::string(24, 'x')).status().message(), HasSubstr("no GGUF file"));
}

struct Hostile {
  const char* name;
  std::function<std::string()> bytes;
  const char* message;
  absl::StatusCode code = absl::StatusCode::kDataLoss;
};

// The bytes of Small() with the field `what` of `owner` overwritten.
std::string Patched(const std::string& what, const std::string& owner, const std::string& bytes,
                    GgufWriter writer = Small()) {
  std::vector<test::GgufField> fields;
  std::string file = writer.Build(&fields);
  for (const test::GgufField& field : fields) {
    if (field.what != what || field.owner != owner) continue;
    file.replace(field.begin, bytes.size(), bytes);
    return file;
  }
  ADD_FAILURE() << "no field " << what << " of " << owner;
  return file;
}

std::string WithRaw(uint32_t type, const std::string& bytes) {
  return Small().AddRaw("raw", type, bytes).Build();
}

std::string WithTensor(const std::string& name, const std::vector<uint64_t>& shape, uint32_t type,
                       size_t bytes) {
  return Small().AddTensor(name, shape, type, std::string(bytes, '\1')).Build();
}

class HostileFile : public testing::TestWithParam<Hostile> {};

TEST_P(HostileFile, IsRefused) {
  auto file = OpenBytes(GetParam().bytes());
  EXPECT_EQ(file.status().code(), GetParam().code) << file.status();
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(GetParam().message));
}

constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kBit63 = 1ull << 63;

INSTANTIATE_TEST_SUITE_P(
    Header, HostileFile,
    testing::Values(
        Hostile{"version1", [] { return Small().SetVersion(1).Build(); }, "GGUF version 1"},
        Hostile{"version4", [] { return Small().SetVersion(4).Build(); }, "GGUF version 4"},
        Hostile{"big_endian", [] { return Small().SetVersion(3u << 24).Build(); }, "big-endian"},
        Hostile{"key_count", [] { return Patched("key count", "", Bytes(kHuge)); }, "key count"},
        Hostile{"tensor_count", [] { return Patched("tensor count", "", Bytes(kBit63)); }, "tensor count"},
        Hostile{"fewer_tensors", [] { return Patched("tensor count", "", Bytes<uint64_t>(1)); }, "follow"},
        Hostile{"key_length", [] { return Patched("key length", "a.count", Bytes(kHuge)); }, "limit"},
        Hostile{"key_long", [] { return Small().AddU8(std::string(65536, 'k'), 1).Build(); }, "65535"},
        Hostile{"key_empty", [] { return Small().AddU8("", 1).Build(); }, "is empty"},
        Hostile{"key_control", [] { return Small().AddU8("a\x1B[2J", 1).Build(); }, "\\x1b"},
        Hostile{"key_utf8", [] { return Small().AddU8("a\xFF", 1).Build(); }, "UTF-8"},
        Hostile{"key_twice", [] { return Small().AddU8("a.count", 1).Build(); }, "a.count stands twice"},
        Hostile{"value_type", [] { return WithRaw(13, "\1"); }, "unknown value type 13"},
        Hostile{"value_type_negative", [] { return WithRaw(0xFFFFFFFF, "\1"); }, "unknown value type"},
        Hostile{"bool_2", [] { return WithRaw(7, "\2"); }, "must be 0 or 1"},
        Hostile{"string_length", [] { return WithRaw(8, Bytes(kBit63) + "x"); }, "limit"},
        Hostile{"array_of_arrays", [] { return WithRaw(9, Bytes(9u) + Bytes<uint64_t>(0)); },
                "array of array"},
        Hostile{"array_type", [] { return WithRaw(9, Bytes(77u) + Bytes<uint64_t>(0)); }, "value type 77"},
        Hostile{"array_count", [] { return WithRaw(9, Bytes(10u) + Bytes(kBit63 >> 2)); }, "past the end"},
        Hostile{"array_strings", [] { return WithRaw(9, Bytes(8u) + Bytes(kHuge)); }, "past the end"},
        Hostile{"array_bools", [] { return WithRaw(9, Bytes(7u) + Bytes<uint64_t>(2) + "\1\3"); }, "0 or 1"},
        Hostile{"alignment_0", [] { return Small().SetAlignment(0).Build(); }, "general.alignment"},
        Hostile{"alignment_24", [] { return Small().SetAlignment(24).Build(); }, "general.alignment"},
        Hostile{"alignment_big", [] { return Small().AddU32("general.alignment", 1u << 31).Build(); },
                "general.alignment"},
        Hostile{"alignment_type", [] { return Small().AddU64("general.alignment", 32).Build(); }, "u64"}),
    [](const auto& instance) { return instance.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Tensors, HostileFile,
    testing::Values(
        Hostile{"name_long", [] { return WithTensor(std::string(64, 'n'), {4}, 0, 16); }, "63"},
        Hostile{"name_control", [] { return WithTensor("a\nb", {4}, 0, 16); }, "printable"},
        Hostile{"name_empty", [] { return WithTensor("", {4}, 0, 16); }, "no name"},
        Hostile{"name_twice", [] { return WithTensor("first", {4}, 0, 16); }, "first stands twice"},
        Hostile{"dimensions_0", [] { return WithTensor("t", {}, 0, 4); }, "0 dimensions"},
        Hostile{"dimensions_5",
                [] {
                  return WithTensor("t", {1, 1, 1, 1, 1}, 0, 4);
                },
                "5 dimensions"},
        Hostile{"extent_0",
                [] {
                  return WithTensor("t", {4, 0}, 0, 16);
                },
                "dimension 1 is 0"},
        Hostile{"extent_big", [] { return WithTensor("t", {1ull << 31}, 0, 16); }, "2147483648"},
        Hostile{"extent_negative", [] { return WithTensor("t", {kHuge}, 0, 16); }, "dimension 0"},
        Hostile{"product",
                [] {
                  return WithTensor("t", {1 << 30, 1 << 30, 1 << 30}, 0, 16);
                },
                "2^63"},
        Hostile{"size_wraps",
                [] {
                  return WithTensor("t", {1 << 30, 1 << 30, 4}, 0, 16);
                },
                "2^63"},
        Hostile{"past_the_end",
                [] {
                  return WithTensor("t", {1 << 30, 1 << 30}, 0, 16);
                },
                "past the end"},
        Hostile{"type_unknown", [] { return WithTensor("t", {4}, 99, 16); }, "unknown type id 99"},
        Hostile{"type_negative", [] { return WithTensor("t", {4}, 0xFFFFFFFF, 16); }, "unknown type"},
        Hostile{"type_unsupported", [] { return WithTensor("blk.0.x", {32}, 7, 24); },
                "tensor blk.0.x: type Q5_1 is not supported", absl::StatusCode::kUnimplemented},
        Hostile{"row_of_33", [] { return WithTensor("t", {33}, 8, 34); }, "no multiple of the 32"},
        Hostile{"offset_unaligned", [] { return Small().ShiftOffset(1, 4).Build(); }, "alignment"},
        Hostile{"offset_gap", [] { return Small().ShiftOffset(1, 32).Build(); }, "expected 64"},
        Hostile{"offset_overlap", [] { return Small().ShiftOffset(1, -64).Build(); }, "expected 64"},
        Hostile{"offset_huge", [] { return Small().ShiftOffset(0, -32).Build(); }, "expected 0"},
        Hostile{"trailing_bytes", [] { return Small().Build() + std::string(32, '\0'); }, "follow"}),
    [](const auto& instance) { return instance.param.name; });

TEST(Gguf, EveryTruncationIsRefused) {
  const std::string bytes = Small().Build();
  for (size_t length = 0; length + 16 < bytes.size(); ++length) {  // the last 16 bytes are padding
    auto file = OpenBytes(absl::string_view(bytes).substr(0, length));
    EXPECT_EQ(file.status().code(), absl::StatusCode::kDataLoss) << length;
  }
}

TEST(Gguf, RefusesNumbersThatAreNotFinite) {
  GgufWriter writer;
  writer.AddF32("nan", std::nanf("")).AddF64("inf", std::numeric_limits<double>::infinity());
  writer.AddF32s("array", {0, std::nanf("")});
  auto file = OpenBytes(writer.Build());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->GetFloat("nan").status().message(), HasSubstr("not finite"));
  EXPECT_THAT((*file)->GetFloat("inf").status().message(), HasSubstr("not finite"));
  EXPECT_THAT((*file)->GetFloatArray("array").status().message(), HasSubstr("element 1"));
}

}  // namespace
}  // namespace hekla::model
