#include "worker/request_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "service/runtime/status.h"
#include "worker/base/status_macros.h"

namespace hekla::worker {
namespace {

using service::InvalidField;
using service::UnsupportedField;

constexpr size_t kMaxNameBytes = 128;
constexpr uint32_t kMaxSamples = 16;
constexpr int kMaxStopStrings = 16;
constexpr size_t kMaxStopStringBytes = 256;
constexpr int64_t kMaxPromptLogprobBytes = 8 << 20;  // half of what a message may have

template <typename... Args>
absl::Status Invalid(absl::string_view field, const Args&... description) {
  return InvalidField(field, absl::StrCat(description...));
}

absl::Status CheckName(absl::string_view field, const std::string& value) {
  if (value.size() <= kMaxNameBytes) return absl::OkStatus();
  return Invalid(field, "has ", value.size(), " bytes, the limit is ", kMaxNameBytes);
}

absl::Status CheckToken(absl::string_view field, int index, uint32_t id, const ServedModel& model) {
  const uint32_t size = model.description.vocabulary_size();
  if (id < size) return absl::OkStatus();
  return Invalid(absl::StrCat(field, "[", index, "]"), id, " is outside the vocabulary of ", size, " tokens");
}

absl::Status CheckTokens(absl::string_view field, const google::protobuf::RepeatedField<uint32_t>& ids,
                         const ServedModel& model) {
  for (int i = 0; i < ids.size(); ++i) HEKLA_RETURN_IF_ERROR(CheckToken(field, i, ids[i], model));
  return absl::OkStatus();
}

// `value` if `good`, else an error that names the range.
absl::Status CheckRange(absl::string_view field, bool good, double value, absl::string_view range) {
  if (good && std::isfinite(value)) return absl::OkStatus();
  return Invalid(field, value, " is not in ", range);
}

absl::StatusOr<absl::Duration> ReadDuration(absl::string_view field, const google::protobuf::Duration& value,
                                            absl::Duration limit) {
  const absl::Duration duration = absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
  if (duration < absl::ZeroDuration() || duration > limit || std::abs(value.nanos()) > 999999999) {
    return Invalid(field, absl::FormatDuration(duration), " is not in 0s .. ", absl::FormatDuration(limit));
  }
  return duration;
}

absl::Status WithLimit(absl::Status status, int64_t value, int64_t limit) {
  status = service::WithMetadata(std::move(status), "value", absl::StrCat(value));
  return service::WithMetadata(std::move(status), "limit", absl::StrCat(limit));
}

absl::Status PromptTooLong(absl::string_view amount, int64_t value, const ServedModel& model) {
  const int64_t limit = static_cast<int64_t>(model.description.limits().max_context()) - 1;
  return WithLimit(
      service::MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_PROMPT_TOO_LONG,
                         absl::StrCat("prompt: has ", amount, value, " tokens, the limit is ", limit)),
      value, limit);
}

// What rendering a chat came to, as the client sees it.
absl::Status ChatError(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return Invalid("chat.messages", "the model's chat template refuses them: ", status.message());
    case absl::StatusCode::kResourceExhausted:
      return Invalid("chat.messages", "the model's chat template gives up: ", status.message());
    default:
      return UnsupportedField("chat", absl::StrCat("the model's chat template fails: ", status.message()));
  }
}

// The conversation as the model's template has it. Control pieces in what it says become their ids, as in
// text prompts; the model's BOS comes first if it wants one and the template wrote none.
absl::Status ReadChat(const v1::Chat& chat, const ServedModel& model, ReadRequest* out) {
  if (chat.messages_size() == 0) return Invalid("chat.messages", "has 0 messages, at least 1 is required");
  if (model.chat_template == nullptr) {
    return UnsupportedField("chat", absl::StrCat("cannot be used: ", model.chat_template_status.message()));
  }
  const int64_t max_context = model.description.limits().max_context();
  std::vector<text::ChatMessage> messages;
  int64_t bytes = 0;
  for (const v1::Chat::Message& message : chat.messages()) {
    messages.push_back({message.role(), message.content()});
    bytes += static_cast<int64_t>(message.content().size());
  }
  const int64_t least = bytes / std::max(1, model.longest_piece_bytes);
  if (least >= max_context) return PromptTooLong("at least ", least, model);  // before it costs anything
  const bool open = !chat.has_add_generation_prompt() || chat.add_generation_prompt();
  absl::StatusOr<std::string> rendered = model.chat_template->Render(messages, open);
  if (!rendered.ok()) return ChatError(rendered.status());
  text::EncodeOptions options;
  options.add_special = false;
  std::vector<schedule::TokenId>& prompt = out->engine.prompt;
  prompt = model.tokenizer->Encode(*rendered, options);
  const text::Vocabulary& vocabulary = model.tokenizer->vocabulary();
  if (vocabulary.add_bos && vocabulary.bos >= 0 && (prompt.empty() || prompt.front() != vocabulary.bos)) {
    prompt.insert(prompt.begin(), vocabulary.bos);
  }
  if (out->wants_prompt()) out->prompt_text = *std::move(rendered);
  return absl::OkStatus();
}

absl::Status ReadPrompt(const v1::GenerateRequest& request, const ServedModel& model, ReadRequest* out) {
  std::vector<schedule::TokenId>& prompt = out->engine.prompt;
  const int64_t max_context = model.description.limits().max_context();
  switch (request.prompt_case()) {
    case v1::GenerateRequest::kText: {
      const int64_t least =
          static_cast<int64_t>(request.text().size()) / std::max(1, model.longest_piece_bytes);
      if (least >= max_context) return PromptTooLong("at least ", least, model);  // before it costs anything
      prompt = model.tokenizer->Encode(request.text());
      if (out->wants_prompt()) out->prompt_text = request.text();
      break;
    }
    case v1::GenerateRequest::kTokenIds:
      HEKLA_RETURN_IF_ERROR(CheckTokens("token_ids.ids", request.token_ids().ids(), model));
      prompt.assign(request.token_ids().ids().begin(), request.token_ids().ids().end());
      break;
    case v1::GenerateRequest::kChat:
      HEKLA_RETURN_IF_ERROR(ReadChat(request.chat(), model, out));
      break;
    case v1::GenerateRequest::PROMPT_NOT_SET:
      return Invalid("prompt", "none of text, token_ids and chat is set");
  }
  if (prompt.empty()) return Invalid("prompt", "has no tokens");
  const int64_t tokens = static_cast<int64_t>(prompt.size());
  if (tokens >= max_context) return PromptTooLong("", tokens, model);
  if (request.resume_token_ids_size() > max_context) {
    return Invalid("resume_token_ids", "has ", request.resume_token_ids_size(), " ids, the context holds ",
                   max_context);
  }
  HEKLA_RETURN_IF_ERROR(CheckTokens("resume_token_ids", request.resume_token_ids(), model));
  out->engine.resumed_tokens = request.resume_token_ids_size();
  prompt.insert(prompt.end(), request.resume_token_ids().begin(), request.resume_token_ids().end());
  return absl::OkStatus();
}

absl::Status ReadLogitBias(const v1::Sampling& sampling, const ServedModel& model,
                           schedule::SamplingParams* out) {
  if (sampling.logit_bias_size() > schedule::kMaxLogitBias) {
    return Invalid("sampling.logit_bias", "has ", sampling.logit_bias_size(), " entries, the limit is ",
                   schedule::kMaxLogitBias);
  }
  for (const auto& [id, bias] : sampling.logit_bias()) {
    const std::string field = absl::StrCat("sampling.logit_bias[", id, "]");
    if (id >= model.description.vocabulary_size()) {
      return Invalid(field, id, " is outside the vocabulary of ", model.description.vocabulary_size(),
                     " tokens");
    }
    if (!std::isfinite(bias)) return Invalid(field, bias, " is not a finite number");
    out->logit_bias.emplace_back(static_cast<schedule::TokenId>(id), bias);
  }
  std::sort(out->logit_bias.begin(), out->logit_bias.end());  // a map has no order
  return absl::OkStatus();
}

absl::Status ReadSampling(const v1::Sampling& sampling, const ServedModel& model,
                          schedule::SamplingParams* out) {
  const uint32_t vocabulary = model.description.vocabulary_size();
  out->temperature = sampling.has_temperature() ? sampling.temperature() : 1.0f;
  HEKLA_RETURN_IF_ERROR(CheckRange("sampling.temperature", out->temperature >= 0 && out->temperature <= 100,
                                   out->temperature, "0 .. 100"));
  out->top_k = static_cast<int>(std::min(sampling.top_k(), vocabulary));
  out->top_p = sampling.has_top_p() ? sampling.top_p() : 1.0f;
  HEKLA_RETURN_IF_ERROR(
      CheckRange("sampling.top_p", out->top_p > 0 && out->top_p <= 1, out->top_p, "(0, 1]"));
  out->min_p = sampling.min_p();
  HEKLA_RETURN_IF_ERROR(
      CheckRange("sampling.min_p", out->min_p >= 0 && out->min_p < 1, out->min_p, "[0, 1)"));
  if (sampling.has_typical_p()) {
    const float p = sampling.typical_p();
    HEKLA_RETURN_IF_ERROR(CheckRange("sampling.typical_p", p > 0 && p <= 1, p, "(0, 1]"));
    if (p != 1) return UnsupportedField("sampling.typical_p", absl::StrCat(p, ": only 1 (off) is built"));
  }
  out->repetition_penalty = sampling.has_repetition_penalty() ? sampling.repetition_penalty() : 1.0f;
  HEKLA_RETURN_IF_ERROR(CheckRange("sampling.repetition_penalty",
                                   out->repetition_penalty > 0 && out->repetition_penalty <= 100,
                                   out->repetition_penalty, "(0, 100]"));
  out->presence_penalty = sampling.presence_penalty();
  HEKLA_RETURN_IF_ERROR(CheckRange("sampling.presence_penalty", std::abs(out->presence_penalty) <= 100,
                                   out->presence_penalty, "-100 .. 100"));
  out->frequency_penalty = sampling.frequency_penalty();
  HEKLA_RETURN_IF_ERROR(CheckRange("sampling.frequency_penalty", std::abs(out->frequency_penalty) <= 100,
                                   out->frequency_penalty, "-100 .. 100"));
  if (sampling.has_penalty_last_n()) {
    // A window longer than the context is the whole context.
    out->penalty_last_n =
        static_cast<int>(std::min(sampling.penalty_last_n(), model.description.limits().max_context()));
  }
  out->seed = sampling.seed();
  return ReadLogitBias(sampling, model, out);
}

absl::Status ReadStopLists(const v1::Stop& stop, const ServedModel& model, ReadRequest* out) {
  if (stop.stop_strings_size() > kMaxStopStrings) {
    return Invalid("stop.stop_strings", "has ", stop.stop_strings_size(), " entries, the limit is ",
                   kMaxStopStrings);
  }
  for (int i = 0; i < stop.stop_strings_size(); ++i) {
    const std::string& text = stop.stop_strings(i);
    if (text.empty() || text.size() > kMaxStopStringBytes) {
      return Invalid(absl::StrCat("stop.stop_strings[", i, "]"), "has ", text.size(), " bytes, not 1 .. ",
                     kMaxStopStringBytes);
    }
    out->stop_strings.push_back(text);
  }
  const auto& eos = model.description.eos_token_ids();
  HEKLA_RETURN_IF_ERROR(CheckTokens("stop.stop_token_ids", stop.stop_token_ids(), model));
  std::vector<schedule::TokenId>& ids = out->engine.stop.stop_token_ids;
  ids.assign(stop.stop_token_ids().begin(), stop.stop_token_ids().end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const int limit = schedule::kMaxStopTokens - eos.size();
  if (static_cast<int>(ids.size()) > limit) {
    return Invalid("stop.stop_token_ids", "has ", ids.size(), " ids, the limit is ", limit,
                   " beside the model's own ", eos.size());
  }
  return absl::OkStatus();
}

absl::Status ReadStop(const v1::Stop& stop, const ServedModel& model, ReadRequest* out) {
  HEKLA_RETURN_IF_ERROR(ReadStopLists(stop, model, out));
  const v1::Limits& limits = model.description.limits();
  int64_t room = static_cast<int64_t>(limits.max_context()) - out->prompt_tokens();
  if (limits.kv_tokens() > 0) {  // the last token is drawn and never computed: it needs no KV memory
    room = std::min(room, static_cast<int64_t>(limits.kv_tokens()) + 1 - out->prompt_tokens());
  }
  if (room < 1) {
    const int64_t value = out->prompt_tokens() + 1, limit = static_cast<int64_t>(limits.kv_tokens());
    return WithLimit(
        service::MakeError(absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_NEVER_FITS,
                           absl::StrCat("prompt: needs ", value, " tokens of KV memory, there are ", limit)),
        value, limit);
  }
  out->max_tokens_given = stop.has_max_tokens();
  if (stop.has_max_tokens() && stop.max_tokens() < 1) return Invalid("stop.max_tokens", "0 is below 1");
  if (stop.max_tokens() > room) {
    const int64_t value = out->prompt_tokens() + static_cast<int64_t>(stop.max_tokens());
    const int64_t limit = out->prompt_tokens() + room;
    return WithLimit(service::MakeError(
                         absl::StatusCode::kInvalidArgument, v1::ERROR_REASON_NEVER_FITS,
                         absl::StrCat("stop.max_tokens: ", stop.max_tokens(), " and the prompt's ",
                                      out->prompt_tokens(), " are ", value, " tokens, the limit is ", limit)),
                     value, limit);
  }
  out->engine.stop.max_tokens = static_cast<int>(stop.has_max_tokens() ? stop.max_tokens() : room);
  if (stop.min_tokens() > static_cast<uint32_t>(out->engine.stop.max_tokens)) {
    return Invalid("stop.min_tokens", stop.min_tokens(), " is above max_tokens, ",
                   out->engine.stop.max_tokens);
  }
  if (out->engine.resumed_tokens > out->engine.stop.max_tokens) {
    return Invalid("resume_token_ids", "has ", out->engine.resumed_tokens, " ids, max_tokens is ",
                   out->engine.stop.max_tokens);
  }
  out->engine.stop.min_tokens = static_cast<int>(stop.min_tokens());
  out->engine.stop.ignore_eos = stop.ignore_eos();
  out->include_stop = stop.include_stop();
  return absl::OkStatus();
}

absl::Status ReadSamples(const v1::GenerateRequest& request, const ServedModel& model, ReadRequest* out) {
  if (!request.output().has_n()) return absl::OkStatus();
  const uint32_t n = request.output().n();
  if (n < 1 || n > kMaxSamples) return Invalid("output.n", n, " is not in 1 .. ", kMaxSamples);
  const uint32_t queue = model.description.limits().max_queue();
  if (n > 1 && queue > 0 && n > queue) {
    return Invalid("output.n", n, " is above the worker's queue of ", queue, " requests");
  }
  if (n > 1 && request.resume_token_ids_size() > 0) {
    return Invalid("output.n", n, " is above 1, and resume_token_ids is set");
  }
  if (request.first_sample_index() > std::numeric_limits<uint32_t>::max() - (n - 1)) {
    return Invalid("first_sample_index", request.first_sample_index(), " leaves no room for ", n, " samples");
  }
  out->samples = static_cast<int>(n);
  return absl::OkStatus();
}

// Prompt is one message. Of a token it has at most 13 bytes, and 12 of each candidate.
absl::Status CheckPromptLogprobs(const ReadRequest& request) {
  const int64_t tokens = request.prompt_tokens(), count = request.engine.sampling.prompt_logprobs;
  if (count < 0 || tokens * (13 + 12 * count) <= kMaxPromptLogprobBytes) return absl::OkStatus();
  return Invalid("output.prompt_logprobs", count, " of ", tokens, " tokens are up to ",
                 tokens * (13 + 12 * count), " bytes, the limit is ", kMaxPromptLogprobBytes);
}

absl::StatusOr<int> ReadLogprobs(absl::string_view field, bool given, uint32_t value) {
  if (!given) return -1;
  if (value > schedule::kMaxLogprobs) return Invalid(field, value, " is above ", schedule::kMaxLogprobs);
  return static_cast<int>(value);
}

absl::Status ReadOutput(const v1::Output& output, ReadRequest* out) {
  schedule::SamplingParams& sampling = out->engine.sampling;
  HEKLA_ASSIGN_OR_RETURN(sampling.logprobs,
                         ReadLogprobs("output.logprobs", output.has_logprobs(), output.logprobs()));
  HEKLA_ASSIGN_OR_RETURN(
      sampling.prompt_logprobs,
      ReadLogprobs("output.prompt_logprobs", output.has_prompt_logprobs(), output.prompt_logprobs()));
  out->echo = output.echo();
  out->want_text = !output.has_text() || output.text();
  out->want_ids = !output.has_token_ids() || output.token_ids();
  out->coalesce_tokens =
      static_cast<int>(std::min<uint32_t>(output.coalesce_tokens(), std::numeric_limits<int>::max()));
  if (output.has_coalesce_delay()) {
    HEKLA_ASSIGN_OR_RETURN(out->coalesce_delay,
                           ReadDuration("output.coalesce_delay", output.coalesce_delay(), absl::Seconds(1)));
  }
  return absl::OkStatus();
}

absl::Status ReadPriority(v1::Priority priority, v1::Priority default_priority, schedule::Request* out) {
  switch (priority == v1::PRIORITY_UNSPECIFIED ? default_priority : priority) {
    case v1::PRIORITY_BATCH:
      out->priority = 0;
      return absl::OkStatus();
    case v1::PRIORITY_NORMAL:
      out->priority = 1;
      return absl::OkStatus();
    case v1::PRIORITY_INTERACTIVE:
      out->priority = 2;
      return absl::OkStatus();
    default:
      return Invalid("priority", static_cast<int>(priority), " is not a Priority");
  }
}

absl::Status ReadSession(const v1::Session& session) {
  HEKLA_RETURN_IF_ERROR(CheckName("session.id", session.id()));
  switch (session.affinity()) {
    case v1::Session::AFFINITY_UNSPECIFIED:
    case v1::Session::PREFER:
      return absl::OkStatus();
    case v1::Session::REQUIRE:
      return UnsupportedField("session.affinity", "REQUIRE is not built yet; PREFER is accepted");
    default:
      return Invalid("session.affinity", static_cast<int>(session.affinity()), " is not an Affinity");
  }
}

}  // namespace

absl::Status CheckModelName(const std::string& name, const ServedModel& model) {
  if (name.empty() || name == model.description.name()) return absl::OkStatus();
  return service::MakeError(
      absl::StatusCode::kNotFound, v1::ERROR_REASON_UNKNOWN_MODEL,
      absl::StrCat("model: \"", name, "\" is not served here; there is \"", model.description.name(), "\""));
}

absl::StatusOr<ReadRequest> ReadGenerateRequest(const v1::GenerateRequest& request, const ServedModel& model,
                                                v1::Priority default_priority) {
  ReadRequest out;
  HEKLA_RETURN_IF_ERROR(CheckName("request_id", request.request_id()));
  HEKLA_RETURN_IF_ERROR(CheckModelName(request.model(), model));
  HEKLA_RETURN_IF_ERROR(CheckName("cache_scope", request.cache_scope()));
  HEKLA_RETURN_IF_ERROR(ReadSession(request.session()));
  if (request.has_constraint()) return UnsupportedField("constraint", "constrained output is not built yet");
  HEKLA_RETURN_IF_ERROR(ReadPriority(request.priority(), default_priority, &out.engine));
  if (request.has_queue_timeout()) {
    HEKLA_ASSIGN_OR_RETURN(out.queue_timeout,
                           ReadDuration("queue_timeout", request.queue_timeout(), absl::Hours(24 * 365)));
  }
  out.request_id = request.request_id();
  HEKLA_RETURN_IF_ERROR(ReadSamples(request, model, &out));
  HEKLA_RETURN_IF_ERROR(ReadOutput(request.output(), &out));
  HEKLA_RETURN_IF_ERROR(ReadSampling(request.sampling(), model, &out.engine.sampling));
  out.seed_given = request.sampling().has_seed();
  out.engine.sampling.sample_index = request.first_sample_index();
  HEKLA_RETURN_IF_ERROR(ReadPrompt(request, model, &out));
  HEKLA_RETURN_IF_ERROR(CheckPromptLogprobs(out));
  HEKLA_RETURN_IF_ERROR(ReadStop(request.stop(), model, &out));
  return out;
}

v1::Sampling EffectiveSampling(const schedule::SamplingParams& sampling) {
  v1::Sampling out;
  out.set_temperature(sampling.temperature);
  out.set_top_k(sampling.top_k);
  out.set_top_p(sampling.top_p);
  out.set_min_p(sampling.min_p);
  out.set_typical_p(1);
  out.set_repetition_penalty(sampling.repetition_penalty);
  out.set_presence_penalty(sampling.presence_penalty);
  out.set_frequency_penalty(sampling.frequency_penalty);
  out.set_penalty_last_n(sampling.penalty_last_n);
  for (const auto& [id, bias] : sampling.logit_bias) (*out.mutable_logit_bias())[id] = bias;
  out.set_seed(sampling.seed);
  return out;
}

v1::Stop EffectiveStop(const ReadRequest& request) {
  v1::Stop out;
  out.set_max_tokens(request.engine.stop.max_tokens);
  out.set_min_tokens(request.engine.stop.min_tokens);
  for (const std::string& text : request.stop_strings) out.add_stop_strings(text);
  for (schedule::TokenId id : request.engine.stop.stop_token_ids) out.add_stop_token_ids(id);
  out.set_ignore_eos(request.engine.stop.ignore_eos);
  out.set_include_stop(request.include_stop);
  return out;
}

}  // namespace hekla::worker
