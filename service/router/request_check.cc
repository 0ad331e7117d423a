#include "service/router/request_check.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"

namespace hekla::service {
namespace {

constexpr int kMaxLogitBias = 1024;
constexpr int kMaxStopStrings = 16;
constexpr int kMaxStopStringBytes = 256;
constexpr int kMaxStopTokenIds = 16;
constexpr uint32_t kMaxSamples = 16;
constexpr uint32_t kMaxLogprobs = 20;
constexpr int64_t kBytesPerToken = 4;  // of text, about

// Gathers violations; one status names them all.
class Violations {
 public:
  void Add(absl::string_view field, absl::string_view description) {
    google::rpc::BadRequest::FieldViolation* violation = detail_.add_field_violations();
    violation->set_field(std::string(field));
    violation->set_description(std::string(description));
  }
  void Range(absl::string_view field, bool is_set, double value, bool is_inside, absl::string_view limit) {
    if (is_set && !(is_inside && std::isfinite(value))) Add(field, absl::StrCat(value, " is not in ", limit));
  }
  void AtMost(absl::string_view field, int64_t value, int64_t limit, absl::string_view unit) {
    if (value > limit) Add(field, absl::StrCat(value, " ", unit, ", the limit is ", limit));
  }
  absl::Status ToStatus() const { return InvalidFields(detail_); }

 private:
  google::rpc::BadRequest detail_;
};

void CheckSampling(const v1::Sampling& s, Violations* bad) {
  bad->Range("sampling.temperature", s.has_temperature(), s.temperature(),
             s.temperature() >= 0 && s.temperature() <= 100, "[0, 100]");
  bad->Range("sampling.top_p", s.has_top_p(), s.top_p(), s.top_p() > 0 && s.top_p() <= 1, "(0, 1]");
  bad->Range("sampling.min_p", s.has_min_p(), s.min_p(), s.min_p() >= 0 && s.min_p() < 1, "[0, 1)");
  bad->Range("sampling.typical_p", s.has_typical_p(), s.typical_p(), s.typical_p() > 0 && s.typical_p() <= 1,
             "(0, 1]");
  bad->Range("sampling.repetition_penalty", s.has_repetition_penalty(), s.repetition_penalty(),
             s.repetition_penalty() > 0 && s.repetition_penalty() <= 100, "(0, 100]");
  bad->Range("sampling.presence_penalty", s.has_presence_penalty(), s.presence_penalty(),
             std::abs(s.presence_penalty()) <= 100, "[-100, 100]");
  bad->Range("sampling.frequency_penalty", s.has_frequency_penalty(), s.frequency_penalty(),
             std::abs(s.frequency_penalty()) <= 100, "[-100, 100]");
  bad->AtMost("sampling.logit_bias", s.logit_bias_size(), kMaxLogitBias, "entries");
  for (const auto& [id, bias] : s.logit_bias()) {
    bad->Range(absl::StrCat("sampling.logit_bias[", id, "]"), true, bias, true, "the finite numbers");
  }
}

void CheckStop(const v1::Stop& stop, Violations* bad) {
  if (stop.has_max_tokens() && stop.max_tokens() == 0)
    bad->Add("stop.max_tokens", "0, at least 1 is required");
  if (stop.has_max_tokens() && stop.min_tokens() > stop.max_tokens()) {
    bad->Add("stop.min_tokens",
             absl::StrCat(stop.min_tokens(), " is more than max_tokens, ", stop.max_tokens()));
  }
  bad->AtMost("stop.stop_strings", stop.stop_strings_size(), kMaxStopStrings, "strings");
  for (int i = 0; i < stop.stop_strings_size(); ++i) {
    const std::string field = absl::StrCat("stop.stop_strings[", i, "]");
    if (stop.stop_strings(i).empty()) bad->Add(field, "is empty");
    bad->AtMost(field, static_cast<int64_t>(stop.stop_strings(i).size()), kMaxStopStringBytes, "bytes");
  }
  bad->AtMost("stop.stop_token_ids", stop.stop_token_ids_size(), kMaxStopTokenIds, "ids");
}

void CheckOutput(const v1::GenerateRequest& request, Violations* bad) {
  const v1::Output& output = request.output();
  bad->Range("output.n", output.has_n(), output.n(), output.n() >= 1 && output.n() <= kMaxSamples, "1 .. 16");
  bad->AtMost("output.logprobs", output.logprobs(), kMaxLogprobs, "candidates");
  bad->AtMost("output.prompt_logprobs", output.prompt_logprobs(), kMaxLogprobs, "candidates");
  if (request.resume_token_ids_size() > 0 && output.n() > 1) {
    bad->Add("resume_token_ids", absl::StrCat("needs output.n = 1, it is ", output.n()));
  }
  if (FromProto(output.coalesce_delay()) > absl::Seconds(1)) {
    bad->Add("output.coalesce_delay",
             absl::StrCat(absl::FormatDuration(FromProto(output.coalesce_delay())), ", the limit is 1s"));
  }
}

void CheckIds(const google::protobuf::RepeatedField<uint32_t>& ids, const std::string& field,
              uint32_t vocabulary, Violations* bad) {
  for (int i = 0; i < ids.size(); ++i) {
    if (ids[i] < vocabulary) continue;
    bad->Add(absl::StrCat(field, "[", i, "]"),
             absl::StrCat(ids[i], ", the vocabulary has ", vocabulary, " ids"));
    return;  // one of them is enough
  }
}

}  // namespace

absl::Status CheckRequest(const v1::GenerateRequest& request) {
  Violations bad;
  bad.AtMost("request_id", static_cast<int64_t>(request.request_id().size()), kMaxNameBytes, "bytes");
  bad.AtMost("session.id", static_cast<int64_t>(request.session().id().size()), kMaxNameBytes, "bytes");
  bad.AtMost("cache_scope", static_cast<int64_t>(request.cache_scope().size()), kMaxNameBytes, "bytes");
  switch (request.prompt_case()) {
    case v1::GenerateRequest::PROMPT_NOT_SET:
      bad.Add("prompt", "is missing: text, token_ids or chat is required");
      break;
    case v1::GenerateRequest::kTokenIds:
      if (request.token_ids().ids_size() == 0) bad.Add("token_ids.ids", "has 0 ids, at least 1 is required");
      break;
    case v1::GenerateRequest::kChat:
      if (request.chat().messages_size() == 0)
        bad.Add("chat.messages", "has 0 messages, at least 1 is required");
      break;
    case v1::GenerateRequest::kText:
      break;
  }
  if (!v1::Priority_IsValid(request.priority())) {
    bad.Add("priority", absl::StrCat(static_cast<int>(request.priority()), " is not a Priority"));
  }
  if (request.has_queue_timeout() && FromProto(request.queue_timeout()) <= absl::ZeroDuration()) {
    bad.Add("queue_timeout",
            absl::StrCat(absl::FormatDuration(FromProto(request.queue_timeout())), " is not above 0"));
  }
  CheckSampling(request.sampling(), &bad);
  CheckStop(request.stop(), &bad);
  CheckOutput(request, &bad);
  return bad.ToStatus();
}

absl::Status CheckFits(const v1::GenerateRequest& request, const v1::Model& model) {
  if (model.vocabulary_size() > 0) {
    Violations bad;
    CheckIds(request.token_ids().ids(), "token_ids.ids", model.vocabulary_size(), &bad);
    CheckIds(request.resume_token_ids(), "resume_token_ids", model.vocabulary_size(), &bad);
    CheckIds(request.stop().stop_token_ids(), "stop.stop_token_ids", model.vocabulary_size(), &bad);
    for (const auto& [id, bias] : request.sampling().logit_bias()) {
      if (id < model.vocabulary_size()) continue;
      bad.Add(absl::StrCat("sampling.logit_bias[", id, "]"),
              absl::StrCat("the vocabulary has ", model.vocabulary_size(), " ids"));
    }
    if (absl::Status status = bad.ToStatus(); !status.ok()) return status;
  }
  const int64_t context = model.limits().max_context();
  const int64_t prompt = request.token_ids().ids_size();
  if (context == 0 || prompt == 0) return absl::OkStatus();
  absl::Status status;
  if (prompt >= context) {
    status = MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROMPT_TOO_LONG,
                       absl::StrCat("token_ids.ids: ", prompt, " tokens, the limit is ", context - 1));
    return WithMetadata(WithMetadata(status, "value", absl::StrCat(prompt)), "limit",
                        absl::StrCat(context - 1));
  }
  const int64_t total = prompt + request.stop().max_tokens();
  if (total <= context) return absl::OkStatus();
  status = MakeError(
      absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_NEVER_FITS,
      absl::StrCat("stop.max_tokens: ", prompt, " prompt tokens and max_tokens ", request.stop().max_tokens(),
                   " are ", total, ", the largest worker's limit is ", context));
  return WithMetadata(WithMetadata(status, "value", absl::StrCat(total)), "limit", absl::StrCat(context));
}

absl::Status CheckBatch(const v1::BatchGenerateRequest& request) {
  Violations bad;
  if (request.items_size() == 0) bad.Add("items", "has 0 items, at least 1 is required");
  bad.AtMost("items", request.items_size(), kMaxBatchItems, "items");
  bad.AtMost("batch_id", static_cast<int64_t>(request.batch_id().size()), kMaxNameBytes, "bytes");
  for (int i = 0; i < request.items_size(); ++i) {
    bad.AtMost(absl::StrCat("items[", i, "].tag"), static_cast<int64_t>(request.items(i).tag().size()),
               kMaxNameBytes, "bytes");
  }
  return bad.ToStatus();
}

int64_t EstimatePromptTokens(const v1::GenerateRequest& request) {
  int64_t bytes = static_cast<int64_t>(request.text().size());
  for (const v1::Chat::Message& message : request.chat().messages()) {
    bytes += static_cast<int64_t>(message.content().size());
  }
  return 1 + bytes / kBytesPerToken + request.token_ids().ids_size() + request.resume_token_ids_size();
}

}  // namespace hekla::service
