#include "service/client/bench/workload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace hekla::bench {
namespace {

// The stream of random numbers that the shared prefix is drawn from; requests have those from 0.
constexpr uint64_t kPrefixStream = ~uint64_t{0} - 1;
// Of an id that does not end a text; a vocabulary may be tiny.
constexpr int kMostDraws = 64;

absl::Status CheckShare(const char* name, double share) {
  if (share >= 0 && share <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", share, " is not in [0, 1]"));
}

bool ParsePriority(const std::string& name, v1::Priority* priority) {
  return name.empty() || v1::Priority_Parse(absl::StrCat("PRIORITY_", absl::AsciiStrToUpper(name)), priority);
}

}  // namespace

absl::Status WorkloadOptions::Validate() const {
  for (const absl::Status& status :
       {CheckShare("--shared-prefix-share", shared_prefix_share), CheckShare("--cancel-share", cancel_share),
        CheckShare("--slow-share", slow_share)}) {
    if (!status.ok()) return status;
  }
  if (shared_prefix_share > 0 && shared_prefix_tokens == 0) {
    return absl::InvalidArgumentError("--shared-prefix-share needs --shared-prefix-tokens above 0");
  }
  if (shared_prefix_tokens > prompt_tokens.longest()) {
    return absl::InvalidArgumentError(absl::StrCat("--shared-prefix-tokens: ", shared_prefix_tokens,
                                                   " is above the longest prompt, ", prompt_tokens.longest()));
  }
  if (!(temperature >= 0 && temperature <= 100)) {
    return absl::InvalidArgumentError(absl::StrCat("--temperature: ", temperature, " is not in [0, 100]"));
  }
  v1::Priority unused;
  if (!ParsePriority(priority, &unused)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--priority: '", priority, "' is not batch, normal or interactive"));
  }
  return absl::OkStatus();
}

Workload::Workload(WorkloadOptions options, v1::Model model)
    : options_(std::move(options)), model_(std::move(model)) {
  ParsePriority(options_.priority, &priority_);
  Random random(options_.seed, kPrefixStream);
  AppendIds(random, options_.shared_prefix_tokens, &shared_prefix_);
}

absl::Status Workload::CheckFits() const {
  const uint32_t prompt = options_.prompts.empty() ? options_.prompt_tokens.longest() : 1;
  const uint32_t output = options_.output_tokens.longest(), context = model_.limits().max_context();
  if (context == 0 || (prompt < context && output <= context - prompt)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a prompt of ", prompt, " and an output of ", output,
                                                 " tokens do not fit: the model's context is ", context));
}

void Workload::AppendIds(Random& random, uint32_t count, v1::TokenIds* ids) const {
  const auto& ends = model_.eos_token_ids();
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t id = 0;
    for (int draw = 0; draw < kMostDraws; ++draw) {
      id = static_cast<uint32_t>(random.Below(std::max(1u, model_.vocabulary_size())));
      if (std::find(ends.begin(), ends.end(), id) == ends.end()) break;
    }
    ids->add_ids(id);
  }
}

PlannedRequest Workload::Plan(uint64_t index) const {
  if (options_.distinct > 0) index %= options_.distinct;
  Random random(options_.seed, index);
  PlannedRequest plan;
  v1::GenerateRequest& request = plan.request;
  request.set_model(model_.name());
  request.set_priority(priority_);
  request.mutable_sampling()->set_temperature(options_.temperature);
  request.mutable_sampling()->set_seed(random.Bits());
  const uint32_t output = options_.output_tokens.Draw(random);
  request.mutable_stop()->set_max_tokens(output);
  request.mutable_stop()->set_ignore_eos(options_.ignore_eos);
  const uint32_t prompt = options_.prompt_tokens.Draw(random);
  const bool shares_prefix = random.Chance(options_.shared_prefix_share);
  if (random.Chance(options_.cancel_share)) plan.cancel_after = static_cast<uint32_t>(random.Below(output));
  plan.slow = random.Chance(options_.slow_share);
  if (!options_.prompts.empty()) {
    request.set_text(options_.prompts[index % options_.prompts.size()]);
    return plan;
  }
  v1::TokenIds& ids = *request.mutable_token_ids();
  if (shares_prefix) ids = shared_prefix_;
  // A prompt shorter than the prefix is a part of it.
  if (static_cast<uint32_t>(ids.ids_size()) > prompt) ids.mutable_ids()->Truncate(static_cast<int>(prompt));
  AppendIds(random, prompt - static_cast<uint32_t>(ids.ids_size()), &ids);
  return plan;
}

}  // namespace hekla::bench
