#include "tests/support/engine_fake/fake_engine.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"

namespace hekla::engine {
namespace {

using schedule::FinishReason;
using schedule::TokenId;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// SplitMix64's finaliser.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

bool IsStop(const schedule::Request& request, TokenId token) {
  const std::vector<TokenId>& stops = request.stop.stop_token_ids;
  return std::find(stops.begin(), stops.end(), token) != stops.end();
}

bool IsBanned(const schedule::Request& request, TokenId token) {
  for (const auto& [id, bias] : request.sampling.logit_bias) {
    if (id == token && bias <= -100) return true;
  }
  return false;
}

int BlocksOf(const schedule::Request& request, int emitted) {
  return (static_cast<int>(request.prompt.size()) + emitted + schedule::kBlockTokens - 1) /
         schedule::kBlockTokens;
}

absl::Duration Between(int64_t from_us, int64_t to_us) { return absl::Microseconds(to_us - from_us); }

}  // namespace

FakeEngine::FakeEngine(FakeEngineOptions options) : options_(std::move(options)) {
  strikes_left_ = options_.fault.strikes;
  status_.limits.max_sequences = options_.max_sequences;
  status_.limits.max_context = options_.max_context;
  status_.limits.max_rows = 512;
  status_.limits.max_samples = options_.max_sequences;
  status_.limits.kv_blocks = options_.max_sequences * (options_.max_context / schedule::kBlockTokens + 1);
  status_.limits.max_in_flight = 2;
  status_.limits.vocabulary = options_.vocabulary;
  status_.device_name = "fake";
  status_.device_memory_bytes = 1000;
  status_.device_memory_budget_bytes = 4000;
  thread_ = std::thread([this] { Run(); });
}

FakeEngine::~FakeEngine() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

TokenId FakeEngine::TokenAt(const FakeEngineOptions& options, const schedule::Request& request, int offset) {
  const int prompt_tokens = static_cast<int>(request.prompt.size()) - request.resumed_tokens;
  const bool may_end = offset >= request.stop.min_tokens;
  if (options.echo_prompt) {
    if (offset < prompt_tokens) return request.prompt[offset];
    if (may_end) return options.end_of_sequence;
  }
  uint64_t hash =
      request.sampling.temperature == 0 ? 0 : Mix(request.sampling.seed + request.sampling.sample_index);
  for (int i = 0; i < prompt_tokens; ++i) hash = Mix(hash ^ static_cast<uint64_t>(request.prompt[i]));
  hash = Mix(hash ^ static_cast<uint64_t>(prompt_tokens + offset));
  if (options.mean_length > 0 && may_end && hash % options.mean_length == 0) return options.end_of_sequence;
  TokenId token = 0;
  for (int draw = 0; draw < 64; ++draw) {
    hash = Mix(hash);
    token = static_cast<unsigned char>(options.alphabet[hash % options.alphabet.size()]);
    if (!IsBanned(request, token) && (may_end || !IsStop(request, token))) break;
  }
  return token;
}

float FakeEngine::PromptLogprobAt(const schedule::Request& request, int index) {
  uint64_t hash = 0;
  for (int i = 0; i <= index; ++i) hash = Mix(hash ^ static_cast<uint64_t>(request.prompt[i]));
  return -0.125f * static_cast<float>(1 + hash % 64);
}

absl::StatusOr<uint64_t> FakeEngine::Submit(schedule::Request request, std::shared_ptr<TokenSink> sink) {
  const int64_t now = NowMicros();
  absl::MutexLock lock(&mutex_);
  if (dead_) return absl::UnavailableError("device lost");
  if (status_.draining) return absl::UnavailableError("draining");
  if (static_cast<int>(request.prompt.size()) >= options_.max_context) {
    return absl::InvalidArgumentError(absl::StrFormat("the prompt has %d tokens, the limit is %d",
                                                      request.prompt.size(), options_.max_context - 1));
  }
  if (static_cast<int>(waiting_.size()) >= options_.max_waiting) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("the queue is full (%d requests)", options_.max_waiting));
  }
  request.id = next_id_++;
  ++submitted_;
  last_ = request;
  const uint64_t id = request.id;
  status_.queued_uncached_tokens += static_cast<int64_t>(request.prompt.size());
  Sequence sequence;
  sequence.request = std::move(request);
  sequence.sink = std::move(sink);
  sequence.submitted_us = now;
  waiting_.push_back(std::move(sequence));
  changed_.SignalAll();
  return id;
}

void FakeEngine::Cancel(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  for (Sequence& sequence : waiting_) sequence.cancelled |= sequence.request.id == id;
  for (Sequence& sequence : running_) sequence.cancelled |= sequence.request.id == id;
  changed_.SignalAll();
}

void FakeEngine::SetParked(uint64_t id, bool parked) {
  absl::MutexLock lock(&mutex_);
  for (Sequence& sequence : running_) {
    if (sequence.request.id != id || sequence.parked == parked) continue;
    sequence.parked = parked;
    status_.parks_total += parked;
  }
  changed_.SignalAll();
}

void FakeEngine::Park(uint64_t id) { SetParked(id, true); }
void FakeEngine::Unpark(uint64_t id) { SetParked(id, false); }

int FakeEngine::Parked() const {
  return static_cast<int>(std::count_if(running_.begin(), running_.end(),
                                        [](const Sequence& sequence) { return sequence.parked; }));
}

void FakeEngine::Drain() {
  absl::MutexLock lock(&mutex_);
  status_.draining = true;
}

EngineStatus FakeEngine::Status() const {
  absl::MutexLock lock(&mutex_);
  EngineStatus status = status_;
  status.parked = Parked();
  status.running = static_cast<int>(running_.size()) - status.parked;
  status.waiting = static_cast<int>(waiting_.size());
  for (const Sequence& sequence : running_)
    status.kv_blocks_used += BlocksOf(sequence.request, sequence.emitted);
  if (status.running > 0 || !waiting_.empty()) status.last_step_age = Between(last_step_us_, NowMicros());
  return status;
}

void FakeEngine::ObserveSteps(StepObserver observer) {
  absl::MutexLock lock(&mutex_);
  observer_ = std::move(observer);
}

int64_t FakeEngine::NowMicros() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void FakeEngine::Grant(int steps) {
  absl::MutexLock lock(&mutex_);
  granted_ += steps;
  changed_.SignalAll();
}

bool FakeEngine::AwaitIdle(absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_.empty() && waiting_.empty(); };
  return mutex_.AwaitWithTimeout(absl::Condition(&idle), timeout);
}

bool FakeEngine::AwaitSubmitted(uint64_t count, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  auto reached = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return submitted_ >= count; };
  return mutex_.AwaitWithTimeout(absl::Condition(&reached), timeout);
}

bool FakeEngine::AwaitParked(int count, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  auto reached = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return Parked() >= count; };
  return mutex_.AwaitWithTimeout(absl::Condition(&reached), timeout);
}

uint64_t FakeEngine::submitted_total() const {
  absl::MutexLock lock(&mutex_);
  return submitted_;
}

schedule::Request FakeEngine::last_request() const {
  absl::MutexLock lock(&mutex_);
  return last_;
}

bool FakeEngine::Strikes(const schedule::Request& request) {
  const FakeFaultPlan& fault = options_.fault;
  if (fault.kind == FakeFault::kNone || strikes_left_ == 0) return false;
  const auto& prompt = request.prompt;
  if (std::search(prompt.begin(), prompt.end(), fault.marker.begin(), fault.marker.end()) == prompt.end() &&
      !fault.marker.empty()) {
    return false;
  }
  if (strikes_left_ > 0) --strikes_left_;
  return true;
}

FakeEngine::Delivery FakeEngine::End(const Sequence& sequence, int64_t now, TokenEvent event) const {
  const int64_t admitted = sequence.started ? sequence.admitted_us : now;
  const int64_t first = sequence.first_token_us > 0 ? sequence.first_token_us : now;
  event.queue_time = Between(sequence.submitted_us, admitted);
  event.prefill_time = Between(admitted, first);
  event.decode_time = Between(first, now);
  Delivery delivery;
  delivery.sink = sequence.sink;
  delivery.has_event = true;
  delivery.event = std::move(event);
  return delivery;
}

int FakeEngine::CacheTokens(const schedule::Request& request) {
  uint64_t hash = 0;
  int cached = 0;
  bool hits = true;
  std::vector<uint64_t> blocks;
  // As in an engine, the last token is always computed.
  const size_t end = request.prompt.empty() ? 0 : request.prompt.size() - 1;
  for (size_t i = 0; i < end; ++i) {
    hash = Mix(hash ^ static_cast<uint64_t>(request.prompt[i]));
    if ((i + 1) % schedule::kBlockTokens != 0) continue;
    const auto found = std::find(cached_.begin(), cached_.end(), hash);
    hits = hits && found != cached_.end();
    if (hits) cached = static_cast<int>(i + 1);
    if (found != cached_.end()) cached_.erase(found);
    blocks.push_back(hash);
  }
  cached_.insert(cached_.begin(), blocks.begin(), blocks.end());
  while (cached_.size() > static_cast<size_t>(options_.cached_blocks)) cached_.pop_back();
  return cached;
}

void FakeEngine::Admit(int64_t now, std::vector<Delivery>* out) {
  while (!waiting_.empty() && static_cast<int>(running_.size()) < options_.max_sequences) {
    Sequence sequence = std::move(waiting_.front());
    waiting_.pop_front();
    status_.queued_uncached_tokens -= static_cast<int64_t>(sequence.request.prompt.size());
    sequence.started = true;
    sequence.admitted_us = now;
    sequence.struck = Strikes(sequence.request);
    sequence.due_us = now + absl::ToInt64Microseconds(options_.first_token_delay);
    const int cached = CacheTokens(sequence.request);
    if (options_.prefill_tokens_per_second > 0) {
      const double uncached = static_cast<double>(sequence.request.prompt.size()) - cached;
      sequence.due_us += static_cast<int64_t>(1e6 * uncached / options_.prefill_tokens_per_second);
    }
    if (!sequence.cancelled) {
      Delivery delivery;
      delivery.sink = sequence.sink;
      delivery.starts = true;
      delivery.cached_tokens = cached;
      delivery.queue_time = Between(sequence.submitted_us, now);
      out->push_back(std::move(delivery));
    }
    running_.push_back(std::move(sequence));
  }
}

FakeEngine::Delivery FakeEngine::Score(Sequence* sequence) const {
  const schedule::Request& request = sequence->request;
  int end = static_cast<int>(request.prompt.size()) - request.resumed_tokens;
  if (options_.score_chunk > 0) end = std::min(end, sequence->scored + options_.score_chunk);
  Delivery delivery;
  delivery.sink = sequence->sink;
  delivery.has_event = true;
  delivery.event.token_offset = request.resumed_tokens;
  for (int& i = sequence->scored; i < end; ++i) {
    delivery.event.prompt_logprobs.push_back(PromptLogprobAt(request, i));
    std::vector<schedule::TokenLogprob>& top = delivery.event.prompt_top_logprobs.emplace_back();
    for (int k = 0; k < request.sampling.prompt_logprobs; ++k) {
      top.push_back({(request.prompt[i] + k) % options_.vocabulary, -0.125f * static_cast<float>(1 + k)});
    }
  }
  return delivery;
}

// One token of one sequence, or what its prompt's logits say; false when it has ended.
bool FakeEngine::Advance(Sequence* sequence, int64_t now, std::vector<Delivery>* out) {
  const schedule::Request& request = sequence->request;
  const bool struck = sequence->struck && sequence->emitted >= options_.fault.after_tokens;
  if (struck && options_.fault.kind == FakeFault::kDie) {
    if (options_.on_death) options_.on_death();
    dead_ = true;
    return true;
  }
  const int prompt_tokens = static_cast<int>(request.prompt.size()) - request.resumed_tokens;
  if (request.sampling.prompt_logprobs >= 0 && sequence->scored < prompt_tokens) {
    out->push_back(Score(sequence));
    return true;
  }
  TokenEvent event;
  const int offset = request.resumed_tokens + sequence->emitted;
  event.token_offset = offset + (struck && options_.fault.kind == FakeFault::kWrongOffset ? 1 : 0);
  const TokenId token = TokenAt(options_, request, offset);
  event.tokens.push_back(token);
  if (request.sampling.logprobs >= 0) {
    event.logprobs.push_back(-0.125f * static_cast<float>(1 + token % 8));
    event.top_logprobs.emplace_back();
    for (int i = 0; i < request.sampling.logprobs; ++i) {
      event.top_logprobs.back().push_back(
          {(token + i) % options_.vocabulary, -0.125f * static_cast<float>(1 + i)});
    }
  }
  if (sequence->emitted == 0) {
    sequence->first_token_us = now;
    status_.prefill_tokens_total += request.prompt.size();
  }
  ++sequence->emitted;
  ++status_.decode_tokens_total;
  const int context = static_cast<int>(request.prompt.size()) + sequence->emitted;
  if (token == options_.end_of_sequence && !request.stop.ignore_eos) {
    event.finish = FinishReason::kEos;
  } else if (IsStop(request, token)) {
    event.finish = FinishReason::kStopToken;
  } else if (offset + 1 >= request.stop.max_tokens) {
    event.finish = FinishReason::kMaxTokens;
  } else if (context >= options_.max_context) {
    event.finish = FinishReason::kContextLimit;
  }
  if (event.finish != FinishReason::kNone) {
    out->push_back(End(*sequence, now, std::move(event)));
    return false;
  }
  Delivery delivery;
  delivery.sink = sequence->sink;
  delivery.has_event = true;
  delivery.event = std::move(event);
  out->push_back(std::move(delivery));
  if (options_.tokens_per_second > 0) {
    const auto step_us = static_cast<int64_t>(1e6 / options_.tokens_per_second);
    sequence->due_us += options_.in_steps ? step_us - (sequence->due_us - began_us_) % step_us : step_us;
  } else {
    sequence->due_us = now;
  }
  return true;
}

void FakeEngine::Step(int64_t now, bool may_emit, std::vector<Delivery>* out) {
  int emitted = 0;  // tokens
  std::vector<Sequence> kept;
  auto visit = [&](Sequence& sequence, bool runs) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool late = sequence.request.deadline_us > 0 && now >= sequence.request.deadline_us;
    if (sequence.cancelled || late || dead_ || stopping_) {
      TokenEvent event;
      event.token_offset = sequence.request.resumed_tokens + sequence.emitted;
      event.finish = late ? FinishReason::kDeadline : FinishReason::kCancelled;
      if (dead_) event.finish = FinishReason::kError, event.error = absl::UnavailableError("device lost");
      if (sequence.cancelled) ++status_.cancelled_total;
      if (!runs) status_.queued_uncached_tokens -= static_cast<int64_t>(sequence.request.prompt.size());
      out->push_back(End(sequence, now, std::move(event)));
      return false;
    }
    const bool hangs = sequence.struck && options_.fault.kind == FakeFault::kHang &&
                       sequence.emitted >= options_.fault.after_tokens;
    if (!runs || !may_emit || hangs || sequence.parked || now < sequence.due_us) return true;
    ++emitted;
    return Advance(&sequence, now, out);
  };
  for (Sequence& sequence : running_) {
    if (visit(sequence, true)) kept.push_back(std::move(sequence));
  }
  running_ = std::move(kept);
  std::deque<Sequence> still_waiting;
  for (Sequence& sequence : waiting_) {
    if (visit(sequence, false)) still_waiting.push_back(std::move(sequence));
  }
  waiting_ = std::move(still_waiting);
  if (emitted == 0) return;
  if (options_.gated) --granted_;
  ++status_.steps_total;
  ++status_.decode_steps_total;
  const double seconds = 1e-6 * static_cast<double>(now - last_step_us_);
  status_.decode_step_seconds += seconds;
  status_.step_seconds_ewma += 0.1 * (seconds - status_.step_seconds_ewma);
  last_step_us_ = now;
  StepRecord record;
  record.kind = StepKind::kDecode;
  record.seconds = seconds;
  record.phases.execute = seconds;
  record.tokens = record.sequences = emitted;
  if (observer_) observer_(record);
}

int64_t FakeEngine::NextDue() const {
  int64_t due = kNever;
  const bool may_emit = !options_.gated || granted_ > 0;
  for (const Sequence& sequence : running_) {
    if (sequence.cancelled || dead_) return 0;
    if (sequence.request.deadline_us > 0) due = std::min(due, sequence.request.deadline_us);
    const bool hangs = sequence.struck && options_.fault.kind == FakeFault::kHang &&
                       sequence.emitted >= options_.fault.after_tokens;
    if (may_emit && !hangs && !sequence.parked) due = std::min(due, sequence.due_us);
  }
  for (const Sequence& sequence : waiting_) {
    if (sequence.cancelled || dead_ || static_cast<int>(running_.size()) < options_.max_sequences) return 0;
    if (sequence.request.deadline_us > 0) due = std::min(due, sequence.request.deadline_us);
  }
  return due;
}

void FakeEngine::Run() {
  std::vector<Delivery> out;
  bool stop = false;
  while (!stop) {
    out.clear();
    {
      absl::MutexLock lock(&mutex_);
      for (;;) {
        const int64_t due = NextDue(), now = NowMicros();
        if (stopping_ || due <= now) break;
        if (due == kNever) {
          changed_.Wait(&mutex_);
        } else {
          changed_.WaitWithTimeout(&mutex_, absl::Microseconds(due - now));
        }
      }
      const bool was_idle = running_.empty();
      if (was_idle) last_step_us_ = NowMicros();
      if (!stopping_) Admit(NowMicros(), &out);
      Step(NowMicros(), !options_.gated || granted_ > 0, &out);
      stop = stopping_;
    }
    for (Delivery& delivery : out) {
      if (delivery.starts) delivery.sink->OnStarted(delivery.queue_time, delivery.cached_tokens);
      if (delivery.has_event) delivery.sink->OnTokens(std::move(delivery.event));
    }
  }
}

}  // namespace hekla::engine
