// A name for the content of a model file, made fast: streams are resumed only between workers where it is the
// same.
#ifndef HEKLA_WORKER_WEIGHTS_HASH_H_
#define HEKLA_WORKER_WEIGHTS_HASH_H_

#include <string>

#include "absl/status/statusor.h"
#include "worker/model/gguf.h"

namespace hekla::worker {

// 32 hexadecimal digits: a 128-bit hash over the file's size, its whole header (metadata, vocabulary, tensor
// directory) and, of every tensor, kWindows evenly spaced windows of kWindowBytes, the first and last bytes
// among them. It tells versions, quantisations and fine-tunes of a model apart; it is no checksum: damage
// between the windows goes unseen. Not cryptographic. Reads header + tensors * 2 KiB. Errors: as open and
// read.
inline constexpr int kWindows = 8;
inline constexpr int kWindowBytes = 256;
absl::StatusOr<std::string> WeightsHash(const model::Gguf& file);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_WEIGHTS_HASH_H_
