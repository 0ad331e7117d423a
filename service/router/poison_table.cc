#include "service/router/poison_table.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string>

#include "absl/hash/hash.h"

namespace hekla::service {

uint64_t Fingerprint(const v1::GenerateRequest& request) {
  v1::GenerateRequest part;
  part.set_model(request.model());
  switch (request.prompt_case()) {
    case v1::GenerateRequest::kText:
      part.set_text(request.text());
      break;
    case v1::GenerateRequest::kTokenIds:
      *part.mutable_token_ids() = request.token_ids();
      break;
    case v1::GenerateRequest::kChat:
      *part.mutable_chat() = request.chat();
      break;
    case v1::GenerateRequest::PROMPT_NOT_SET:
      break;
  }
  *part.mutable_sampling() = request.sampling();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // a map's entries have no order of their own
    part.SerializeToCodedStream(&coded);
  }
  return absl::HashOf(bytes);
}

void PoisonTable::Forget(absl::Time now) {
  while (!by_end_.empty() && (by_end_.front().first <= now || by_end_.size() > max_entries_)) {
    const auto [end, fingerprint] = by_end_.front();
    by_end_.pop_front();
    const auto found = ends_.find(fingerprint);
    if (found != ends_.end() && found->second == end) ends_.erase(found);
  }
}

void PoisonTable::Add(uint64_t fingerprint, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  by_end_.emplace_back(now + duration_, fingerprint);
  ends_[fingerprint] = now + duration_;
  Forget(now);
}

absl::Duration PoisonTable::RefusedFor(uint64_t fingerprint, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  Forget(now);
  const auto found = ends_.find(fingerprint);
  return found == ends_.end() ? absl::ZeroDuration() : found->second - now;
}

}  // namespace hekla::service
