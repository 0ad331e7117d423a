#include "service/router/prefix_index.h"

#include <algorithm>
#include <string>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hekla::service {
namespace {

std::string TextOf(const v1::GenerateRequest& request) {
  if (!request.has_chat()) return request.text();
  std::string text;
  for (const v1::Chat::Message& message : request.chat().messages()) {
    absl::StrAppend(&text, message.role(), "\n", message.content(), "\n");
  }
  return text;
}

template <typename Sequence>
PrefixKeys Cut(const Sequence& prompt, size_t chunk, uint64_t key) {
  PrefixKeys keys;
  const size_t size = prompt.size();
  if (size == 0) return keys;
  keys.chunk_share = static_cast<double>(chunk) / static_cast<double>(size);
  for (size_t end = chunk; end <= size && keys.keys.size() < kMaxPrefixChunks; end += chunk) {
    key = absl::HashOf(key, prompt.substr(end - chunk, chunk));
    keys.keys.push_back(key);
  }
  return keys;
}

}  // namespace

PrefixKeys MakePrefixKeys(const v1::GenerateRequest& request) {
  const uint64_t scope = absl::HashOf(request.cache_scope(), static_cast<int>(request.prompt_case()));
  if (request.has_token_ids()) {
    const auto& ids = request.token_ids().ids();
    const absl::string_view bytes(reinterpret_cast<const char*>(ids.data()),
                                  static_cast<size_t>(ids.size()) * sizeof(uint32_t));
    return Cut(bytes, kPrefixChunkIds * sizeof(uint32_t), scope);
  }
  const std::string text = TextOf(request);
  return Cut(absl::string_view(text), kPrefixChunkBytes, scope);
}

void PrefixIndex::Add(const PrefixKeys& prompt, absl::Time now) {
  // The last chunk first, so that the beginning, which others share, is the latest used.
  for (auto key = prompt.keys.rbegin(); key != prompt.keys.rend(); ++key) {
    const auto [place, is_new] = places_.try_emplace(*key);
    if (is_new) {
      by_age_.push_front({*key, now});
    } else {
      by_age_.splice(by_age_.begin(), by_age_, place->second);
      by_age_.front().used_at = now;
    }
    place->second = by_age_.begin();
  }
  while (places_.size() > max_keys_ || (!by_age_.empty() && by_age_.back().used_at < now - max_age_)) {
    places_.erase(by_age_.back().key);
    by_age_.pop_back();
  }
}

double PrefixIndex::MatchedShare(const PrefixKeys& prompt, absl::Time now) const {
  size_t matched = 0;
  while (matched < prompt.keys.size()) {
    const auto place = places_.find(prompt.keys[matched]);
    if (place == places_.end() || place->second->used_at < now - max_age_) break;
    ++matched;
  }
  return std::min(1.0, static_cast<double>(matched) * prompt.chunk_share);
}

}  // namespace hekla::service
