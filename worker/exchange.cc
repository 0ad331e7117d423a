#include "worker/exchange.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/status.h"
#include "service/runtime/time.h"
#include "worker/base/status_macros.h"
#include "worker/load_report.h"

namespace hekla::worker {
namespace {

// Of a message around its events, a load included; of each event its frame.
constexpr size_t kEnvelopeBytes = 512, kFrameBytes = 8;
constexpr absl::Duration kMinLoadInterval = absl::Milliseconds(10);
constexpr absl::Duration kChangeInterval = absl::Milliseconds(50);  // how often a change of load is looked for

service::TraceContext TraceOfStart(const v1::DispatchCommand::Start& start) {
  const std::optional<service::TraceContext> trace =
      service::ContinueTrace(start.traceparent(), start.tracestate());
  return trace.has_value() ? *trace : service::BeginTrace();
}

}  // namespace

// A request's way into the exchange. Shared by the exchange and the batches its responses are in.
class Exchange::Request final : public ResponseStream<v1::GenerateResponse>::Call {
 public:
  Request(Exchange* exchange, uint64_t id, CallOrigin origin, v1::GenerateRequest request)
      : exchange_(exchange),
        id_(id),
        request_(std::move(request)),
        stream_(std::make_shared<GenerateStream>(exchange->context_, std::move(origin), &request_)) {}

  uint64_t id() const { return id_; }
  GenerateStream& stream() { return *stream_; }

  // Of the exchange, under its lock.
  bool is_paused = false;
  std::vector<v1::DispatchEvent> held;  // while it is

 private:
  bool Write(v1::GenerateResponse* response) override {
    v1::DispatchEvent event;
    event.mutable_response()->Swap(response);
    return exchange_->Append(this, std::move(event));
  }
  void WriteAndFinish(v1::GenerateResponse* response) override {
    Write(response);
    Finish(absl::OkStatus());
  }
  void Finish(const absl::Status& status) override {
    v1::DispatchEvent event;
    *event.mutable_end() = service::ToRpc(status);
    exchange_->Append(this, std::move(event));
  }
  void CutOff() override { exchange_->GiveUp(this); }

  Exchange* const exchange_;
  const uint64_t id_;
  const v1::GenerateRequest request_;
  const std::shared_ptr<GenerateStream> stream_;
};

Exchange* Exchange::Launch(const ServiceContext* context, std::function<v1::Load()> read_load,
                           grpc::CallbackServerContext* call) {
  auto exchange = std::make_shared<Exchange>(context, std::move(read_load), call);
  exchange->self_ = exchange;
  const absl::Status caller = context->CheckCaller(*call);
  if (caller.ok()) {
    exchange->StartSendInitialMetadata();  // the router learns that it is open
    absl::MutexLock lock(&exchange->mutex_);
    exchange->ReadOn();
  } else {
    exchange->Break(caller);
  }
  return exchange.get();
}

Exchange::Exchange(const ServiceContext* context, std::function<v1::Load()> read_load,
                   grpc::CallbackServerContext* call)
    : context_(context), read_load_(std::move(read_load)), call_(call) {}

void Exchange::OnReadDone(bool ok) {
  if (!ok) return Break(absl::OkStatus());
  for (v1::DispatchCommand& command : *commands_.mutable_commands()) {
    const absl::Status status = Obey(command);
    if (!status.ok()) return Break(status);
  }
  absl::MutexLock lock(&mutex_);
  is_reading_ = false;
  ReadOn();
}

void Exchange::ReadOn() {
  if (is_reading_ || end_.has_value() || waiting_.size() > kMaxWaitingMessages) return;
  is_reading_ = true;
  StartRead(&commands_);
}

absl::Status Exchange::Obey(v1::DispatchCommand& command) {
  const uint64_t id = command.call_id();
  switch (command.command_case()) {
    case v1::DispatchCommand::kStart:
      return Start(id, *command.mutable_start());
    case v1::DispatchCommand::kCancel:
      if (const std::shared_ptr<Request> request = Find(id)) CancelRequest(request);
      return absl::OkStatus();
    case v1::DispatchCommand::kPause:
      SetPaused(id, true);
      return absl::OkStatus();
    case v1::DispatchCommand::kResume:
      SetPaused(id, false);
      return absl::OkStatus();
    case v1::DispatchCommand::kWantLoad: {
      absl::MutexLock lock(&mutex_);
      load_interval_ = std::max(kMinLoadInterval, service::FromProto(command.want_load().interval()));
      context_->loop->Post(shared_from_this());
      return absl::OkStatus();
    }
    case v1::DispatchCommand::COMMAND_NOT_SET:
      break;
  }
  return service::InvalidField("command", "is missing or not known here");
}

absl::Status Exchange::Start(uint64_t id, v1::DispatchCommand::Start& start) {
  CallOrigin origin;
  if (start.has_timeout()) origin.deadline = absl::Now() + service::FromProto(start.timeout());
  origin.trace = TraceOfStart(start);
  const absl::Status caller = context_->CheckCaller(*call_);
  if (!caller.ok()) {
    // It was accepted when the stream began. The router may have a new one: it tries again on a new stream.
    origin.caller = service::MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_DRAINING,
                                       absl::StrCat("the stream's credential is in force no more: ", caller.message()));
  }
  auto request = std::make_shared<Request>(this, id, std::move(origin), std::move(*start.mutable_request()));
  {
    absl::MutexLock lock(&mutex_);
    if (end_.has_value()) return absl::OkStatus();
    if (id <= last_id_) {
      return service::InvalidField("call_id", absl::StrCat(id, " is not above the last one, ", last_id_));
    }
    last_id_ = id;
    requests_[id] = request;
    if (!caller.ok() && !is_closing_) {
      is_closing_ = true;
      OpenBatch(0)->message.set_closing(true);
    }
  }
  request->stream().Begin(request.get());
  return absl::OkStatus();
}

std::shared_ptr<Exchange::Request> Exchange::Find(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  const auto found = requests_.find(id);
  return found == requests_.end() ? nullptr : found->second;
}

void Exchange::SetPaused(uint64_t id, bool paused) {
  const std::shared_ptr<Request> request = Find(id);
  if (request == nullptr) return;
  bool goes_on = false;
  {
    absl::MutexLock lock(&mutex_);
    request->is_paused = paused;
    if (paused) return;
    for (v1::DispatchEvent& event : request->held) goes_on |= AddEvent(request.get(), std::move(event));
    request->held.clear();
  }
  if (goes_on) request->stream().WriteDone(true);
}

void Exchange::CancelRequest(const std::shared_ptr<Request>& request) {
  request->stream().Cancelled();
  bool was_held = false;
  {
    absl::MutexLock lock(&mutex_);
    request->is_paused = false;
    // Of what it held nobody wants to know any more but the end.
    for (v1::DispatchEvent& event : request->held) {
      if (event.has_end()) AddEvent(request.get(), std::move(event));
      was_held |= event.has_response();
    }
    request->held.clear();
  }
  if (was_held) request->stream().WriteDone(true);
}

bool Exchange::Append(Request* request, v1::DispatchEvent event) {
  event.set_call_id(request->id());
  absl::MutexLock lock(&mutex_);
  if (request->is_paused) {
    request->held.push_back(std::move(event));
    return false;
  }
  return AddEvent(request, std::move(event));
}

void Exchange::GiveUp(Request* request) {
  absl::MutexLock lock(&mutex_);
  // One that is not paused waits for the connection, whose pings tell when it is dead.
  const auto found = requests_.find(request->id());
  if (!request->is_paused || found == requests_.end()) return;
  given_up_.push_back(found->second);
  context_->loop->Post(shared_from_this());
}

// Only what waits behind a message that is full has to wait until it is written.
bool Exchange::AddEvent(Request* request, v1::DispatchEvent event) {
  const auto found = requests_.find(request->id());
  if (found == requests_.end()) return false;  // it has ended, or the exchange is broken
  const size_t limit = context_->limits.max_message_bytes;
  size_t bytes = event.ByteSizeLong();
  if (bytes + kEnvelopeBytes > limit && event.has_response()) {
    *event.mutable_end() = service::ToRpc(service::InvalidField(
        "output", absl::StrCat("asks for a response of ", bytes, " bytes, the limit of a message is ", limit)));
    bytes = event.ByteSizeLong();
  }
  Batch* batch = OpenBatch(bytes);
  const bool must_wait = event.has_end() || waiting_.size() > 1;
  if (event.has_end()) {
    batch->ended.push_back(std::move(found->second));
    requests_.erase(found);
  } else if (must_wait) {
    batch->written.push_back(found->second);
  }
  batch->bytes += bytes + kFrameBytes;
  *batch->message.add_events() = std::move(event);
  return !must_wait;
}

// The batch to put `bytes` more into. What is posted to the loop already runs first: the requests of the same
// step.
Exchange::Batch* Exchange::OpenBatch(size_t bytes) {
  const size_t most = std::min<size_t>(kMaxExchangeBytes, context_->limits.max_message_bytes - kEnvelopeBytes);
  if (waiting_.empty() || (waiting_.back().bytes > 0 && waiting_.back().bytes + bytes > most)) {
    waiting_.emplace_back();
  }
  if (!is_writing_) context_->loop->Post(shared_from_this());
  return &waiting_.back();
}

void Exchange::AddLoad(absl::Time now) {
  if (load_interval_ == absl::InfiniteDuration() || end_.has_value() || now < load_due_) return;
  load_due_ = now + std::min(kChangeInterval, load_interval_);
  context_->loop->PostAt(load_due_, weak_from_this());
  v1::Load load = read_load_();
  if (now < load_sent_at_ + load_interval_ && !DiffersMuch(load, load_sent_)) return;
  load_sent_at_ = now;
  load_sent_ = load;
  *OpenBatch(0)->message.mutable_load() = std::move(load);
}

void Exchange::Pump() {
  Requests given_up;
  {
    absl::MutexLock lock(&mutex_);
    given_up.swap(given_up_);
    AddLoad(absl::Now());
    WriteOrFinish();
  }
  for (const std::shared_ptr<Request>& request : given_up) CancelRequest(request);
}

void Exchange::WriteOrFinish() {
  if (is_writing_ || is_finished_) return;
  if (end_.has_value()) {
    is_finished_ = true;
    Finish(service::ToGrpc(*end_));
  } else if (!waiting_.empty()) {
    written_ = std::move(waiting_.front());
    waiting_.pop_front();
    is_writing_ = true;
    StartWrite(&written_.message);
  }
}

void Exchange::OnWriteDone(bool ok) {
  Requests written, ended;
  {
    absl::MutexLock lock(&mutex_);
    is_writing_ = false;
    written.swap(written_.written);
    ended.swap(written_.ended);
    WriteOrFinish();
    ReadOn();
  }
  for (const std::shared_ptr<Request>& request : ended) request->stream().Released();
  for (const std::shared_ptr<Request>& request : written) request->stream().WriteDone(ok);
}

void Exchange::Break(const absl::Status& status) {
  absl::flat_hash_map<uint64_t, std::shared_ptr<Request>> requests;
  std::deque<Batch> dropped;
  {
    absl::MutexLock lock(&mutex_);
    if (!end_.has_value()) end_ = status;
    requests.swap(requests_);
    dropped.swap(waiting_);
  }
  for (const auto& [id, request] : requests) request->stream().Released();
  absl::MutexLock lock(&mutex_);
  WriteOrFinish();
}

void Exchange::OnDone() {
  Break(absl::OkStatus());
  std::shared_ptr<Exchange> self;
  absl::MutexLock lock(&mutex_);  // whoever called Finish() may hold it still
  self.swap(self_);
}

}  // namespace hekla::worker
