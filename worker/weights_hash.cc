#include "worker/weights_hash.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hekla::worker {
namespace {

uint64_t Fold(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Two chained multiply-fold lanes over 8-byte words, in the manner of wyhash.
class Hasher {
 public:
  void Add(uint64_t word) {
    low_ = Fold(low_ ^ word, 0xa0761d6478bd642fu);
    high_ = Fold(high_ + word, 0xe7037ed1a0b428dbu) ^ low_;
  }
  void Add(const uint8_t* data, uint64_t bytes) {
    Add(bytes);
    for (uint64_t i = 0; i < bytes; i += 8) {
      uint64_t word = 0;
      std::memcpy(&word, data + i, std::min<uint64_t>(8, bytes - i));
      Add(word);
    }
  }
  std::string Hex() const { return absl::StrFormat("%016x%016x", high_, low_); }

 private:
  uint64_t low_ = 0x8ebc6af09c88c6e3u, high_ = 0x589965cc75374cc3u;
};

// Everything before the tensors' data. Padding after the last tensor makes it a little more than that, always
// the same.
uint64_t HeaderBytes(const model::Gguf& file) {
  if (file.tensors().empty()) return file.file_bytes();
  const uint8_t* first = file.tensors().front().data;
  const uint8_t* end = first;
  for (const model::GgufTensor& tensor : file.tensors()) {
    first = std::min(first, tensor.data);
    end = std::max(end, tensor.data + tensor.bytes);
  }
  return file.file_bytes() - static_cast<uint64_t>(end - first);
}

void AddTensor(const model::GgufTensor& tensor, Hasher* hasher) {
  if (tensor.bytes <= uint64_t{kWindows} * kWindowBytes) {
    hasher->Add(tensor.data, tensor.bytes);
    return;
  }
  const uint64_t last = tensor.bytes - kWindowBytes;
  for (uint64_t i = 0; i < kWindows; ++i) hasher->Add(tensor.data + last / (kWindows - 1) * i, kWindowBytes);
  hasher->Add(tensor.data + last, kWindowBytes);
}

}  // namespace

absl::StatusOr<std::string> WeightsHash(const model::Gguf& file) {
  Hasher hasher;
  hasher.Add(file.file_bytes());
  std::ifstream in(file.path(), std::ios::binary);
  std::vector<uint8_t> chunk(1 << 20);
  for (uint64_t left = HeaderBytes(file); left > 0;) {
    const uint64_t bytes = std::min<uint64_t>(left, chunk.size());
    if (!in.read(reinterpret_cast<char*>(chunk.data()), static_cast<std::streamsize>(bytes))) {
      return absl::DataLossError(
          absl::StrCat(file.path(), ": cannot read the header of ", HeaderBytes(file), " bytes"));
    }
    hasher.Add(chunk.data(), bytes);
    left -= bytes;
  }
  for (const model::GgufTensor& tensor : file.tensors()) AddTensor(tensor, &hasher);
  return hasher.Hex();
}

}  // namespace hekla::worker
