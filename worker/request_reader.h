// Protobuf to Request: every field is checked, and a bad one is named with its value and its limit. Nothing
// is ignored: a field that is not built answers UNIMPLEMENTED. Pure.
#ifndef HEKLA_WORKER_REQUEST_READER_H_
#define HEKLA_WORKER_REQUEST_READER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hekla/v1/inference.pb.h"
#include "service/runtime/trace_context.h"
#include "worker/schedule/request.h"
#include "worker/served_model.h"

namespace hekla::worker {

// A GenerateRequest that can be run.
struct ReadRequest {
  std::string request_id;         // empty if the client gave none
  schedule::Request engine;       // prompt and resumed ids; no deadline yet
  std::string prompt_text;        // of texts and chats that are to be sent back
  int samples = 1;                // each with the next sample_index, from the engine request's
  bool seed_given = false;        // else engine.sampling.seed is to be drawn
  bool max_tokens_given = false;  // else engine.stop.max_tokens is what the context leaves
  std::vector<std::string> stop_strings;
  bool include_stop = false;
  bool want_text = true, want_ids = true, echo = false;
  int coalesce_tokens = 0;
  absl::Duration coalesce_delay = absl::ZeroDuration();
  std::optional<absl::Duration> queue_timeout;
  service::TraceContext trace;  // of the call that brought it

  bool wants_prompt() const { return echo || engine.sampling.prompt_logprobs >= 0; }
  int prompt_tokens() const { return static_cast<int>(engine.prompt.size()) - engine.resumed_tokens; }
};

// Errors, all with an ErrorInfo: INVALID_ARGUMENT (INVALID_FIELD, PROMPT_TOO_LONG, NEVER_FITS), NOT_FOUND
// (UNKNOWN_MODEL), UNIMPLEMENTED (UNSUPPORTED_OPTION). `default_priority` holds where the request has none.
absl::StatusOr<ReadRequest> ReadGenerateRequest(const v1::GenerateRequest& request, const ServedModel& model,
                                                v1::Priority default_priority);

// OK if `name` is empty or the model's.
absl::Status CheckModelName(const std::string& name, const ServedModel& model);

// What is in effect, for Started.
v1::Sampling EffectiveSampling(const schedule::SamplingParams& sampling);
v1::Stop EffectiveStop(const ReadRequest& request);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_REQUEST_READER_H_
