// A request from the engine's acceptance to its end, as a stream holds it: its id, and its samples.
//
// Thread rule: Abort from any thread; the rest from the owner, under the owner's lock. Lifetime: the
// destructor cancels what the engine still runs and frees the request id.
#ifndef HEKLA_WORKER_RUNNING_REQUEST_H_
#define HEKLA_WORKER_RUNNING_REQUEST_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "service/runtime/trace_context.h"
#include "worker/running_sample.h"

namespace hekla::worker {

// The line in the log of a request that was refused.
void LogRefusal(const std::string& request_id, const service::TraceContext& trace,
                const absl::Status& status);

class RunningRequest : public Abortable {
 public:
  // Draws a seed if the request has none, registers the id and submits all samples, or none.
  // `request.request_id` must not be empty. `deadline` may be infinite. Errors: ALREADY_EXISTS
  // DUPLICATE_REQUEST; RESOURCE_EXHAUSTED QUEUE_FULL (try again later); UNAVAILABLE DRAINING;
  // INVALID_ARGUMENT NEVER_FITS; INTERNAL DEVICE_LOST.
  static absl::StatusOr<std::shared_ptr<RunningRequest>> Start(const ServiceContext* context,
                                                               ReadRequest request, absl::Time deadline,
                                                               std::weak_ptr<WriteTask> owner);
  ~RunningRequest() override;
  void Abort(absl::Status status) override;

  // Takes in what the engine has said since of any sample. An error is the request's end: CANCELLED,
  // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED QUEUE_TIMEOUT, INTERNAL, or what Abort said. `arm`: of samples of
  // which nothing had come, the owner is posted when it does. *took says whether something came.
  absl::Status Poll(absl::Time now, bool arm, bool* took);

  // No more of this: the engine is told, the id is free, the end is logged. Twice does nothing.
  void Stop();

  bool started() const;  // a sample is
  bool ended() const;    // every sample is, and nothing of the prompt is to come
  bool parked() const;   // a sample is
  int output_tokens() const;
  // When Poll or a sample will have news without an event; infinite future if never.
  absl::Time NextDue() const;

  // Of the first sample that was started.
  void FillStarted(v1::Started* out) const;
  // Asked for and not taken: nothing of a sample goes out before it.
  bool awaits_prompt() const { return request_.wants_prompt() && !prompt_taken_; }
  // It can be taken. The engine has given its log probabilities, if asked for.
  bool PromptIsDue() const { return awaits_prompt() && samples_.front()->generation().prompt_is_whole(); }
  void TakePrompt(v1::Prompt* out);
  const std::vector<std::unique_ptr<RunningSample>>& samples() const { return samples_; }
  const ReadRequest& request() const { return request_; }

 private:
  RunningRequest(const ServiceContext* context, ReadRequest request, absl::Time deadline,
                 std::weak_ptr<WriteTask> owner);
  absl::Status Submit();
  absl::Status TakeEvents(absl::Time now, bool arm, bool* took);
  void LogEnd() const;
  const RunningSample& FirstStarted() const;   // the first sample if none is

  const ServiceContext* const context_;
  const ReadRequest request_;
  const std::weak_ptr<WriteTask> owner_;
  const absl::Time created_;
  const absl::Time deadline_;
  std::vector<std::unique_ptr<RunningSample>> samples_;
  bool registered_ = false;
  bool prompt_taken_ = false;
  absl::Status end_;  // what Poll ended with

  absl::Mutex abort_mutex_;
  absl::Status abort_ ABSL_GUARDED_BY(abort_mutex_);
};

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_RUNNING_REQUEST_H_
