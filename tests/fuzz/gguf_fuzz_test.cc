// Mutations of a whole small model file: whatever its bytes say, opening it, reading its keys, building plan
// and tokenizer and touching every weight must end in a result or in a clear error, without a crash, a hang
// or a read outside the file (run under ASan and UBSan).
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/support/model/gguf_writer.h"
#include "tests/support/model/tiny_llama.h"
#include "worker/model/gguf.h"
#include "worker/model/plan.h"
#include "worker/model/vocabulary_loader.h"
#include "worker/text/tokenizer.h"

namespace hekla::model {
namespace {

constexpr uint32_t kSeed = 7;

void ExpectClear(const absl::Status& status) {
  static const std::set<absl::StatusCode> allowed = {absl::StatusCode::kDataLoss, absl::StatusCode::kNotFound,
                                                     absl::StatusCode::kUnimplemented,
                                                     absl::StatusCode::kInvalidArgument};
  EXPECT_TRUE(allowed.contains(status.code())) << status;
  EXPECT_FALSE(status.message().empty());
  for (const char c : status.message()) EXPECT_FALSE(c >= 0 && c < ' ') << status;
}

void ReadEverything(const Gguf& file) {
  for (const std::string& key : file.keys()) {
    file.Describe(key);
    (void)file.GetUint(key);
    (void)file.GetFloat(key);
    (void)file.GetBool(key);
    (void)file.GetString(key);
    (void)file.GetStringArray(key);
    (void)file.GetFloatArray(key);
    (void)file.GetIntArray(key);
  }
  double sum = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    std::vector<float> row(tensor.columns());
    for (uint64_t r = 0; r < tensor.rows(); ++r) {
      Dequantize(tensor.type, tensor.data + r * tensor.row_bytes(), tensor.columns(), row.data());
      for (const float weight : row) sum += weight;
    }
  }
  EXPECT_FALSE(std::isinf(sum) && sum == 1);  // uses the sum: the reads stay
}

// Everything a worker does with a model file before it computes. True if the file gave a plan.
bool Load(absl::string_view bytes) {
  test::TemporaryFile temporary(bytes);
  auto file = Gguf::Open(temporary.path());
  if (!file.ok()) {
    ExpectClear(file.status());
    return false;
  }
  ReadEverything(**file);
  auto plan = BuildPlan(**file);
  if (!plan.ok()) ExpectClear(plan.status());
  auto vocabulary = LoadVocabulary(**file);
  if (!vocabulary.ok()) {
    ExpectClear(vocabulary.status());
    return plan.ok();
  }
  auto tokenizer = text::Tokenizer::Create(*std::move(vocabulary));
  if (!tokenizer.ok()) {
    ExpectClear(tokenizer.status());
    return plan.ok();
  }
  (*tokenizer)->Decode((*tokenizer)->Encode("hello world <|endoftext|> \xF0\x9F\x98\x80\xFF"), true);
  return plan.ok();
}

class GgufFuzz : public testing::Test {
 protected:
  GgufFuzz() : bytes_(test::TinyLlama(kSeed).Build(&fields_)) {
    header_bytes_ = fields_.back().begin + fields_.back().bytes;
    RecordProperty("seed", static_cast<int>(kSeed));
  }

  // The file is much longer than its header; tensor data past the header does not matter to a parser.
  std::vector<test::GgufField> fields_;
  std::string bytes_;
  size_t header_bytes_ = 0;
};

TEST_F(GgufFuzz, TheUnchangedFileLoads) {
  test::TemporaryFile temporary(bytes_);
  auto file = Gguf::Open(temporary.path());
  ASSERT_TRUE(file.ok()) << file.status();
  auto plan = BuildPlan(**file);
  EXPECT_TRUE(plan.ok()) << plan.status();
  auto vocabulary = LoadVocabulary(**file);
  ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
  EXPECT_TRUE(text::Tokenizer::Create(*std::move(vocabulary)).ok());
}

TEST_F(GgufFuzz, BitFlips) {
  std::mt19937 random(kSeed);
  for (int i = 0; i < 300; ++i) {
    // Half of the flips go anywhere in the header, half into its lengths, counts, types and offsets.
    size_t at = random() % header_bytes_;
    if (i % 2 == 0) {
      const test::GgufField* field;
      do {
        field = &fields_[random() % fields_.size()];
      } while (field->what.starts_with("element") || field->bytes == 0);
      at = field->begin + random() % field->bytes;
    }
    std::string mutated = bytes_;
    const int bit = static_cast<int>(random() % 8);
    mutated[at] = static_cast<char>(mutated[at] ^ 1 << bit);
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", mutation ", i, ": bit ", bit, " of byte ", at));
    Load(mutated);
  }
}

TEST_F(GgufFuzz, Truncations) {
  // Before, inside and after a field of every kind; a value array stands for its many elements.
  std::set<size_t> lengths = {
      0, 1, 23, header_bytes_ - 1, header_bytes_, header_bytes_ + 1, bytes_.size() - 1};
  std::set<std::string> seen;
  for (const test::GgufField& field : fields_) {
    if (field.what.starts_with("element") && !seen.insert(field.owner + field.what).second) continue;
    lengths.insert({field.begin, field.begin + field.bytes / 2, field.begin + field.bytes});
  }
  for (const size_t length : lengths) {
    SCOPED_TRACE(absl::StrCat("cut to ", length, " of ", bytes_.size(), " bytes"));
    EXPECT_FALSE(Load(absl::string_view(bytes_).substr(0, length)));
  }
}

TEST_F(GgufFuzz, HostileNumbers) {
  constexpr uint64_t kNumbers[] = {0,          1,
                                   5,          13,
                                   64,         255,
                                   65535,      65536,
                                   0x7FFFFFFF, 0x80000000,
                                   0xFFFFFFFF, 0x100000000,
                                   1ull << 59, 1ull << 60,
                                   1ull << 61, (1ull << 61) + 1,
                                   1ull << 62, (1ull << 63) - 1,
                                   1ull << 63, ~0ull - 31,
                                   ~0ull};
  std::set<std::string> seen;
  int mutations = 0;
  for (const test::GgufField& field : fields_) {
    if (field.bytes != 4 && field.bytes != 8) continue;
    if (field.what == "key" || field.what == "name" || field.what == "string" || field.what == "element")
      continue;
    if (field.what == "element length" && !seen.insert(field.owner).second) continue;
    for (const uint64_t number : kNumbers) {
      std::string mutated = bytes_;
      if (std::memcmp(mutated.data() + field.begin, &number, field.bytes) == 0) continue;
      std::memcpy(mutated.data() + field.begin, &number, field.bytes);
      SCOPED_TRACE(absl::StrCat(field.what, " of ", field.owner, " = ", number));
      const bool loaded = Load(mutated);
      // Scalars may take any value and types another of the same size; nothing else may be wrong unnoticed.
      if (field.what != "value" && !field.what.ends_with("type")) {
        EXPECT_FALSE(loaded);
      }
      ++mutations;
    }
  }
  EXPECT_GT(mutations, 400);
}

TEST_F(GgufFuzz, RandomBytesInPlaceOfFields) {
  std::mt19937 random(kSeed + 1);
  for (int i = 0; i < 200; ++i) {
    std::string mutated = bytes_;
    const test::GgufField& field = fields_[random() % fields_.size()];
    const size_t count = std::min<size_t>(field.bytes + random() % 16, 64);
    for (size_t j = 0; j < count && field.begin + j < mutated.size(); ++j) {
      mutated[field.begin + j] = static_cast<char>(random());
    }
    SCOPED_TRACE(
        absl::StrCat("seed ", kSeed + 1, ", mutation ", i, ": ", count, " bytes from ", field.begin));
    Load(mutated);
  }
}

TEST_F(GgufFuzz, DuplicatesAndRearrangements) {
  test::GgufWriter duplicate_key = test::TinyLlama(kSeed);
  duplicate_key.AddU32("llama.block_count", 2);
  EXPECT_FALSE(Load(duplicate_key.Build()));
  test::GgufWriter duplicate_tensor = test::TinyLlama(kSeed);
  duplicate_tensor.AddF32Tensor("output_norm.weight", {256}, std::vector<float>(256));
  EXPECT_FALSE(Load(duplicate_tensor.Build()));
  for (size_t i = 0; i < 11; ++i) {
    for (const int64_t shift : {-32, 1, 32, 1 << 20}) {
      SCOPED_TRACE(absl::StrCat("tensor ", i, " shifted by ", shift));
      EXPECT_FALSE(Load(test::TinyLlama(kSeed).ShiftOffset(i, shift).Build()));
    }
  }
  for (const uint32_t alignment : {0u, 1u, 3u, 7u, 31u, 33u, 0x80000000u, 0xFFFFFFFFu}) {
    test::GgufWriter writer = test::TinyLlama(kSeed);
    writer.AddU32("general.alignment", alignment);
    EXPECT_FALSE(Load(writer.Build())) << alignment;
  }
}

// Blocks whose scales are NaN or infinite are legal: they load and dequantise.
TEST_F(GgufFuzz, DamagedWeightsStillLoad) {
  std::mt19937 random(kSeed + 2);
  for (int i = 0; i < 5; ++i) {
    std::string mutated = bytes_;
    for (size_t at = header_bytes_; at < mutated.size(); ++at) mutated[at] = static_cast<char>(random());
    EXPECT_TRUE(Load(mutated)) << "seed " << kSeed + 2;
  }
}

}  // namespace
}  // namespace hekla::model
