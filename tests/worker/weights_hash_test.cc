#include "worker/weights_hash.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

namespace hekla::worker {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// The hash of a file with these bytes.
std::string HashOf(const std::string& bytes) {
  const std::string path = testing::TempDir() + "weights_hash_test.gguf";
  std::ofstream(path, std::ios::binary) << bytes;
  auto file = model::Gguf::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  auto hash = WeightsHash(**file);
  EXPECT_TRUE(hash.ok()) << hash.status();
  std::remove(path.c_str());
  return *hash;
}

TEST(WeightsHashTest, IsTheSameForACopyAndAnotherForAnyChangedTensorOrKey) {
  const std::string path = std::string(HEKLA_SOURCE_DIR) + "/tests/data/llama-plain.gguf";
  const std::string bytes = ReadAll(path);
  ASSERT_FALSE(bytes.empty());
  const std::string hash = HashOf(bytes);
  EXPECT_EQ(hash.size(), 32u);
  EXPECT_EQ(HashOf(bytes), hash);
  auto file = model::Gguf::Open(path);
  ASSERT_TRUE(file.ok());
  const uint8_t* first = (*file)->tensors().front().data;
  for (const model::GgufTensor& tensor : (*file)->tensors()) first = std::min(first, tensor.data);
  uint64_t end = 0;
  for (const model::GgufTensor& tensor : (*file)->tensors()) {
    end = std::max(end, static_cast<uint64_t>(tensor.data - first) + tensor.bytes);
  }
  const uint64_t header = bytes.size() - end;
  for (const model::GgufTensor& tensor : (*file)->tensors()) {
    for (uint64_t at : {uint64_t{0}, tensor.bytes - 1}) {
      std::string changed = bytes;
      changed[header + static_cast<uint64_t>(tensor.data - first) + at] ^= 1;
      EXPECT_NE(HashOf(changed), hash) << tensor.name << " byte " << at;
    }
  }
  std::string renamed = bytes;
  const size_t at = renamed.find("general.architecture");
  ASSERT_NE(at, std::string::npos);
  const size_t name = renamed.find("general.name");
  if (name != std::string::npos) {
    renamed[name + std::string("general.name").size() + 12] ^= 1;  // the first letter of the value
    EXPECT_NE(HashOf(renamed), hash);
  }
}

}  // namespace
}  // namespace hekla::worker
