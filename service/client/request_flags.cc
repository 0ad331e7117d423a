#include "service/client/request_flags.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "service/runtime/time.h"
#include "worker/base/status_macros.h"

namespace hekla::service {

void RequestFlags::AddTo(CommandLine& line) {
  line.Section("Request");
  line.Add("model", "NAME", "needed only where there are several", &model);
  line.Add("max-tokens", "N", "end after so many tokens; unset: when the context is full", &max_tokens);
  line.Add("min-tokens", "N", "do not end before so many", &min_tokens);
  line.Add("stop", "TEXT", "end before this text; may be given again", &stop_strings);
  line.Add("stop-token", "ID", "end at this token; may be given again", &stop_token_ids);
  line.AddSwitch("include-stop", "print the stop text too", &include_stop);
  line.AddSwitch("ignore-eos", "go on past the model's end of text", &ignore_eos);
  line.AddSwitch("echo", "print the prompt first", &echo);
  line.Add("priority", "NAME", "batch, normal or interactive", &priority);
  line.Add("queue-timeout", "DURATION", "longest wait for a place; 0 = the router's", &queue_timeout);
  line.Section("Sampling (unset: the model's defaults)");
  line.Add("temperature", "X", "0 = always the likeliest token", &temperature);
  line.Add("top-k", "N", "draw from the N likeliest; 0 = off", &top_k);
  line.Add("top-p", "X", "draw from the likeliest that make up X; 1 = off", &top_p);
  line.Add("min-p", "X", "drop what is less likely than X times the likeliest; 0 = off", &min_p);
  line.Add("repetition-penalty", "X", "1 = off", &repetition_penalty);
  line.Add("presence-penalty", "X", "0 = off", &presence_penalty);
  line.Add("frequency-penalty", "X", "0 = off", &frequency_penalty);
  line.Add("penalty-last-n", "N", "tokens the penalties look back over", &penalty_last_n);
  line.Add("logit-bias", "ID=X", "add X to a token's logit; may be given again", &logit_bias);
  line.Add("seed", "N", "the same seed gives the same text", &seed);
  line.Add("logprobs", "N", "with --json: log probabilities, also of the N likeliest", &logprobs);
  line.Add("prompt-logprobs", "N", "with --json: the same of the prompt's tokens", &prompt_logprobs);
}

absl::StatusOr<v1::GenerateRequest> RequestFlags::ToRequest() const {
  v1::GenerateRequest request;
  request.set_model(model);
  v1::Sampling& sampling = *request.mutable_sampling();
  if (temperature.has_value()) sampling.set_temperature(*temperature);
  if (top_k.has_value()) sampling.set_top_k(*top_k);
  if (top_p.has_value()) sampling.set_top_p(*top_p);
  if (min_p.has_value()) sampling.set_min_p(*min_p);
  if (repetition_penalty.has_value()) sampling.set_repetition_penalty(*repetition_penalty);
  if (presence_penalty.has_value()) sampling.set_presence_penalty(*presence_penalty);
  if (frequency_penalty.has_value()) sampling.set_frequency_penalty(*frequency_penalty);
  if (penalty_last_n.has_value()) sampling.set_penalty_last_n(*penalty_last_n);
  if (seed.has_value()) sampling.set_seed(*seed);
  for (const std::string& entry : logit_bias) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(entry, absl::MaxSplits('=', 1));
    uint32_t id = 0;
    float bias = 0;
    if (!absl::SimpleAtoi(parts.first, &id) || !absl::SimpleAtof(parts.second, &bias)) {
      return absl::InvalidArgumentError(absl::StrCat("--logit-bias: '", entry, "' is not ID=NUMBER"));
    }
    (*sampling.mutable_logit_bias())[id] = bias;
  }
  v1::Stop& stop = *request.mutable_stop();
  if (max_tokens.has_value()) stop.set_max_tokens(*max_tokens);
  stop.set_min_tokens(min_tokens);
  stop.mutable_stop_strings()->Add(stop_strings.begin(), stop_strings.end());
  stop.mutable_stop_token_ids()->Add(stop_token_ids.begin(), stop_token_ids.end());
  stop.set_ignore_eos(ignore_eos);
  stop.set_include_stop(include_stop);
  request.mutable_output()->set_echo(echo);
  if (logprobs.has_value()) request.mutable_output()->set_logprobs(*logprobs);
  if (prompt_logprobs.has_value()) request.mutable_output()->set_prompt_logprobs(*prompt_logprobs);
  if (!priority.empty()) {
    v1::Priority value = v1::PRIORITY_UNSPECIFIED;
    if (!v1::Priority_Parse(absl::StrCat("PRIORITY_", absl::AsciiStrToUpper(priority)), &value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--priority: '", priority, "' is not batch, normal or interactive"));
    }
    request.set_priority(value);
  }
  if (queue_timeout > absl::ZeroDuration()) *request.mutable_queue_timeout() = ToProto(queue_timeout);
  return request;
}

}  // namespace hekla::service
