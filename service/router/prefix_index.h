// PURE: which prompts' beginnings a worker has seen. A prompt is cut into chunks; the key of a chunk is a hash
// of everything up to its end, the cache scope included, so that one look-up answers for the whole prefix.
//
// Bounded: the least recently used keys go first, and keys that nobody used for a while are not believed.
#ifndef HEKLA_SERVICE_ROUTER_PREFIX_INDEX_H_
#define HEKLA_SERVICE_ROUTER_PREFIX_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "hekla/v1/inference.pb.h"

namespace hekla::service {

inline constexpr size_t kPrefixChunkBytes = 64;  // of text
inline constexpr size_t kPrefixChunkIds = 16;    // of token ids
inline constexpr size_t kMaxPrefixChunks = 1024;  // of one prompt; what comes after is not looked at

struct PrefixKeys {
  std::vector<uint64_t> keys;  // of chunk 0, chunks 0-1, chunks 0-2, ...
  double chunk_share = 0;      // of the prompt that one chunk is
};
PrefixKeys MakePrefixKeys(const v1::GenerateRequest& request);

class PrefixIndex {
 public:
  explicit PrefixIndex(size_t max_keys = 16384, absl::Duration max_age = absl::Minutes(10))
      : max_keys_(max_keys), max_age_(max_age) {}

  void Add(const PrefixKeys& prompt, absl::Time now);
  // Share of the prompt that was seen before, 0 .. 1.
  double MatchedShare(const PrefixKeys& prompt, absl::Time now) const;
  size_t size() const { return places_.size(); }

 private:
  struct Entry {
    uint64_t key;
    absl::Time used_at;
  };
  size_t max_keys_;
  absl::Duration max_age_;
  std::list<Entry> by_age_;  // latest first
  absl::flat_hash_map<uint64_t, std::list<Entry>::iterator> places_;
};

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_ROUTER_PREFIX_INDEX_H_
