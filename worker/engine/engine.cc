#include "worker/engine/engine.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/base/check.h"
#include "worker/base/status_macros.h"

namespace hekla::engine {
namespace {

using schedule::FinishReason;
using schedule::SequenceEvent;

constexpr double kEwmaWeight = 0.1;  // of the newest step

int64_t SteadyMicros() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

schedule::SchedulerOptions ToSchedulerOptions(const Engine::Options& options) {
  const Limits& limits = options.executor->limits();
  schedule::SchedulerOptions scheduler;
  scheduler.max_sequences = limits.max_sequences;
  scheduler.max_context = limits.max_context;
  scheduler.max_rows = limits.max_rows;
  scheduler.max_samples = limits.max_samples;
  scheduler.kv_blocks = limits.kv_blocks;
  scheduler.max_in_flight = limits.max_in_flight;
  scheduler.vocabulary = limits.vocabulary;
  scheduler.prefill_chunk = options.prefill_chunk;
  scheduler.max_waiting = options.max_waiting;
  scheduler.eos_tokens = options.eos_tokens;
  return scheduler;
}

// Adds what a later reading of sums has more than an earlier one.
void AddDifference(const PhaseSeconds& before, const PhaseSeconds& after, PhaseSeconds* sum) {
  sum->build += after.build - before.build;
  sum->load += after.load - before.load;
  sum->submit += after.submit - before.submit;
  sum->execute += after.execute - before.execute;
  sum->readback += after.readback - before.readback;
}

// The phases of a request that ends at `end_us`; what never began takes no time.
void SetTimes(int64_t submitted_us, int64_t started_us, int64_t first_token_us, int64_t end_us,
              TokenEvent* event) {
  const int64_t prefill_end_us = first_token_us != 0 ? first_token_us : end_us;
  event->queue_time = absl::Microseconds((started_us != 0 ? started_us : end_us) - submitted_us);
  if (started_us != 0) event->prefill_time = absl::Microseconds(prefill_end_us - started_us);
  if (first_token_us != 0) event->decode_time = absl::Microseconds(end_us - first_token_us);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(Options options) {
  if (options.executor == nullptr) return absl::InvalidArgumentError("an engine needs an executor");
  schedule::SchedulerOptions scheduler = ToSchedulerOptions(options);
  HEKLA_RETURN_IF_ERROR(WithContext(CheckOptions(scheduler), "engine"));
  if (!options.now_us) options.now_us = SteadyMicros;
  return std::unique_ptr<Engine>(new Engine(std::move(options), std::move(scheduler)));
}

Engine::Engine(Options options, schedule::SchedulerOptions scheduler_options)
    : scheduler_options_(std::move(scheduler_options)),
      on_fatal_(std::move(options.on_fatal)),
      now_us_(std::move(options.now_us)),
      executor_(std::move(options.executor)),
      scheduler_(scheduler_options_),
      shapes_(scheduler_options_.max_in_flight),
      mailbox_(scheduler_options_.max_waiting) {
  counters_.limits = executor_->limits();
  counters_.device_name = executor_->device_name();
  counters_.device_memory_budget_bytes = executor_->device_memory_budget_bytes();
  Publish();
  thread_ = std::thread([this] { Loop(); });
}

Engine::~Engine() {
  {
    absl::MutexLock lock(&mutex_);
    refusal_ = absl::UnavailableError("the engine has ended");
  }
  mailbox_.Close();
  thread_.join();
}

absl::StatusOr<uint64_t> Engine::Submit(schedule::Request request, std::shared_ptr<TokenSink> sink) {
  HEKLA_RETURN_IF_ERROR(CheckRequest(request, scheduler_options_));
  Submission submission{std::move(request), std::move(sink), NowMicros()};
  absl::MutexLock lock(&mutex_);
  HEKLA_RETURN_IF_ERROR(refusal_);
  if (static_cast<int>(unstarted_.size()) >= scheduler_options_.max_waiting) {
    return absl::ResourceExhaustedError(absl::StrCat("the queue is full: ", unstarted_.size(),
                                                     " requests wait, the limit is ",
                                                     scheduler_options_.max_waiting));
  }
  const uint64_t id = ++last_id_;
  const auto tokens = static_cast<int64_t>(submission.request.prompt.size());
  submission.request.id = id;
  if (!WorkPresent()) progress_us_ = submission.submitted_us;
  live_.insert(id);
  unstarted_.insert(id);
  ++mailed_;
  mailed_tokens_ += tokens;
  HEKLA_CHECK(mailbox_.Put(&submission),
              "the mailbox holds as many as may wait, and closes after refusal_ is set");
  return id;
}

void Engine::Cancel(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  if (live_.contains(id)) mailbox_.PutCancel(id);
}

void Engine::Park(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  if (live_.contains(id) && parked_.insert(id).second) mailbox_.PutParked(id, true);
}

void Engine::Unpark(uint64_t id) {
  const int64_t now_us = NowMicros();
  absl::MutexLock lock(&mutex_);
  if (!parked_.contains(id)) return;
  if (!WorkPresent()) progress_us_ = now_us;
  parked_.erase(id);
  mailbox_.PutParked(id, false);
}

// Something should be computed now.
bool Engine::WorkPresent() const { return live_.size() > parked_.size(); }

void Engine::Drain() {
  absl::MutexLock lock(&mutex_);
  status_.draining = true;
  if (refusal_.ok()) refusal_ = absl::UnavailableError("the worker is draining");
}

EngineStatus Engine::Status() const {
  const int64_t now_us = NowMicros();
  absl::MutexLock lock(&mutex_);
  EngineStatus status = status_;
  status.waiting += mailed_;
  status.queued_uncached_tokens += mailed_tokens_;
  if (WorkPresent()) status.last_step_age = absl::Microseconds(std::max<int64_t>(0, now_us - progress_us_));
  return status;
}

int64_t Engine::NowMicros() const { return now_us_(); }

void Engine::Loop() {
  while (true) {
    const bool open = TakeMail();
    if (!open) CancelAll();
    scheduler_.Expire(NowMicros(), &news_);
    absl::Status status = SubmitSteps();
    if (status.ok()) {
      Publish();
      Deliver();
      if (scheduler_.in_flight() > 0) {
        status = FinishStep();
      } else if (!open) {
        return;
      } else {
        HEKLA_CHECK(scheduler_.resting(), "work is present and nothing is planned");
        AwaitMail();
      }
    }
    if (!status.ok()) return Fail(status);
  }
}

// Sleeps until there is mail, or until the deadline of a parked request.
void Engine::AwaitMail() {
  const int64_t deadline_us = scheduler_.next_deadline_us();
  mailbox_.Wait(deadline_us == 0 ? absl::InfiniteDuration()
                                 : absl::Microseconds(std::max<int64_t>(1, deadline_us - NowMicros())));
}

// Hands the mailbox's contents to the scheduler. False: the mailbox is closed.
bool Engine::TakeMail() {
  mailbox_.Take(&mail_);
  int64_t tokens = 0;
  for (Submission& submission : mail_.submissions) {
    const uint64_t id = submission.request.id;
    Stream& stream = streams_[id];
    stream.sink = std::move(submission.sink);
    stream.logprobs = submission.request.sampling.logprobs;
    stream.token_offset = submission.request.resumed_tokens;
    stream.submitted_us = submission.submitted_us;
    tokens += static_cast<int64_t>(submission.request.prompt.size());
    const absl::Status status = scheduler_.Add(std::move(submission.request));
    HEKLA_CHECK(status.ok(), "Submit has checked the request and the room for it");
  }
  for (const auto& [id, parked] : mail_.parks) {
    if (parked) {
      counters_.parks_total += scheduler_.Park(id);
    } else {
      scheduler_.Unpark(id);
    }
  }
  for (uint64_t id : mail_.cancels) scheduler_.Cancel(id, FinishReason::kCancelled, &news_);
  if (!mail_.submissions.empty()) {
    // Under one lock, or a request would be counted twice or not at all.
    absl::MutexLock lock(&mutex_);
    mailed_ -= static_cast<int>(mail_.submissions.size());
    mailed_tokens_ -= tokens;
    CopyCounts(&status_);
  }
  return !mail_.closed;
}

absl::Status Engine::SubmitSteps() {
  while (scheduler_.NextBatch(&batch_)) {
    StartStreams();
    StepShape& shape = shapes_[batch_.step % shapes_.size()];
    shape = ShapeOfBatch();
    const PhaseSeconds before = executor_->phase_seconds();
    HEKLA_RETURN_IF_ERROR(WithContext(executor_->Submit(batch_), absl::StrCat("step ", batch_.step)));
    AddDifference(before, executor_->phase_seconds(), &shape.phases);
  }
  return absl::OkStatus();
}

Engine::StepShape Engine::ShapeOfBatch() const {
  StepShape shape;
  shape.submitted_us = NowMicros();
  int previous_slot = -1;
  for (const schedule::BatchRow& row : batch_.rows) {
    ++(row.token == schedule::kFromDevice ? shape.decode_rows : shape.prefill_rows);
    shape.sequences += row.slot != previous_slot;  // the rows of a slot are consecutive
    previous_slot = row.slot;
  }
  return shape;
}

void Engine::StartStreams() {
  if (scheduler_.started().empty()) return;
  const int64_t now_us = NowMicros();
  {
    absl::MutexLock lock(&mutex_);
    for (const schedule::StartedSequence& started : scheduler_.started()) unstarted_.erase(started.id);
    CopyCounts(&status_);
  }
  for (const schedule::StartedSequence& started : scheduler_.started()) {
    Stream& stream = streams_.at(started.id);
    stream.started_us = now_us;
    stream.cached_tokens = started.cached_tokens;
    stream.sink->OnStarted(absl::Microseconds(now_us - stream.submitted_us), started.cached_tokens);
  }
}

absl::Status Engine::FinishStep() {
  result_.samples.clear();
  result_.logits.clear();
  const PhaseSeconds before = executor_->phase_seconds();
  HEKLA_RETURN_IF_ERROR(WithContext(executor_->Await(&result_), "awaiting a step"));
  HEKLA_RETURN_IF_ERROR(scheduler_.Finish(result_, &news_));
  StepShape& shape = shapes_[result_.step % shapes_.size()];
  AddDifference(before, executor_->phase_seconds(), &shape.phases);
  CountStep(shape);
  Publish();
  Deliver();
  return absl::OkStatus();
}

void Engine::CountStep(const StepShape& shape) {
  const int64_t now_us = NowMicros();
  // A step queued behind another begins when that one ends.
  const double seconds = 1e-6 * static_cast<double>(now_us - std::max(finished_us_, shape.submitted_us));
  finished_us_ = now_us;
  ++counters_.steps_total;
  counters_.step_seconds_ewma =
      counters_.steps_total == 1
          ? seconds
          : counters_.step_seconds_ewma + kEwmaWeight * (seconds - counters_.step_seconds_ewma);
  counters_.prefill_tokens_total += shape.prefill_rows;
  for (const SequenceEvent& news : news_) counters_.decode_tokens_total += news.token >= 0;
  StepRecord record;
  if (shape.decode_rows == 0) {
    ++counters_.prefill_steps_total;
    counters_.prefill_step_seconds += seconds;
  } else if (shape.prefill_rows == 0) {
    record.kind = StepKind::kDecode;
    ++counters_.decode_steps_total;
    counters_.decode_step_seconds += seconds;
  } else {
    record.kind = StepKind::kMixed;
    ++counters_.mixed_steps_total;
    counters_.mixed_step_seconds += seconds;
  }
  record.seconds = seconds;
  record.phases = shape.phases;
  record.tokens = shape.prefill_rows + shape.decode_rows;
  record.sequences = shape.sequences;
  absl::MutexLock lock(&observer_mutex_);
  if (observer_) observer_(record);
}

void Engine::ObserveSteps(StepObserver observer) {
  absl::MutexLock lock(&observer_mutex_);
  observer_ = std::move(observer);
}

void Engine::CopyCounts(EngineStatus* status) const {
  const schedule::SchedulerCounts counts = scheduler_.counts();
  status->running = counts.running;
  status->waiting = counts.waiting;
  status->parked = counts.parked;
  status->kv_blocks_used = counts.blocks_held;
  status->queued_uncached_tokens = counts.uncomputed_prompt_tokens;
  status->preemptions_total = counts.preemptions_total;
  status->prompt_tokens_total = counts.prompt_tokens_total;
  status->shared_tokens_total = counts.shared_tokens_total;
}

// Makes the state after the last step visible to Status(), before its news is delivered.
void Engine::Publish() {
  CopyCounts(&counters_);
  counters_.phases = executor_->phase_seconds();
  counters_.device_memory_bytes = executor_->device_memory_bytes();
  counters_.device_bytes_read = executor_->device_bytes_read();
  counters_.kernels = executor_->kernel_counts();
  for (const SequenceEvent& news : news_)
    counters_.cancelled_total += news.finish == FinishReason::kCancelled;
  absl::MutexLock lock(&mutex_);
  counters_.draining = status_.draining;
  if (status_.steps_total != counters_.steps_total) progress_us_ = finished_us_;
  status_ = counters_;
  for (const SequenceEvent& news : news_) {
    if (news.finish == FinishReason::kNone) continue;
    live_.erase(news.id);
    parked_.erase(news.id);
    unstarted_.erase(news.id);
  }
}

// Gives the news to the sinks, with no lock held: a sink may call back.
void Engine::Deliver() {
  for (const SequenceEvent& news : news_) {
    const auto found = streams_.find(news.id);
    HEKLA_CHECK(found != streams_.end(), "news of a request that has ended");
    const std::shared_ptr<TokenSink> sink = found->second.sink;
    TokenEvent event = Compose(news, &found->second);
    if (news.finish != FinishReason::kNone) streams_.erase(found);
    sink->OnTokens(std::move(event));
  }
  news_.clear();
}

TokenEvent Engine::Compose(const SequenceEvent& news, Stream* stream) {
  TokenEvent event;
  event.token_offset = news.token_offset;
  event.finish = news.finish;
  for (int i = 0; i < news.prompt_logprobs; ++i) {
    schedule::SampleResult& sample = result_.samples[news.sample + i];
    event.prompt_logprobs.push_back(sample.logprob);
    event.prompt_top_logprobs.push_back(std::move(sample.top));
  }
  const int64_t now_us = NowMicros();
  if (news.token >= 0) {
    event.tokens.push_back(news.token);
    stream->token_offset = news.token_offset + 1;
    schedule::SampleResult& sample = result_.samples[news.sample];
    if (stream->logprobs >= 0) event.logprobs.push_back(sample.logprob);
    if (stream->logprobs > 0) event.top_logprobs.push_back(std::move(sample.top));
    if (stream->first_token_us == 0) stream->first_token_us = now_us;
  }
  if (news.finish == FinishReason::kNone) return event;
  event.cached_tokens = stream->cached_tokens;
  SetTimes(stream->submitted_us, stream->started_us, stream->first_token_us, now_us, &event);
  return event;
}

void Engine::CancelAll() {
  for (const auto& [id, stream] : streams_) scheduler_.Cancel(id, FinishReason::kCancelled, &news_);
}

// The executor is lost: ends every request, those in the mailbox too, and takes no more.
void Engine::Fail(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    refusal_ = absl::UnavailableError(absl::StrCat("the engine has failed: ", status.message()));
  }
  TakeMail();
  news_.clear();  // no longer of interest: each of its requests ends with the error
  counters_.running = counters_.waiting = counters_.parked = counters_.kv_blocks_used = 0;
  counters_.queued_uncached_tokens = 0;
  counters_.device_lost = true;
  {
    absl::MutexLock lock(&mutex_);
    counters_.draining = status_.draining;
    status_ = counters_;
    live_.clear();
    parked_.clear();
    unstarted_.clear();
  }
  auto streams = std::exchange(streams_, {});
  for (auto& [id, stream] : streams) {
    TokenEvent event;
    event.token_offset = stream.token_offset;
    event.finish = FinishReason::kError;
    event.error = status;
    SetTimes(stream.submitted_us, stream.started_us, stream.first_token_us, NowMicros(), &event);
    stream.sink->OnTokens(std::move(event));
  }
  streams.clear();
  if (on_fatal_) on_fatal_(status);
}

}  // namespace hekla::engine
