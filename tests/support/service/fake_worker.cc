#include "tests/support/service/fake_worker.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "service/runtime/channel.h"
#include "tests/support/service/fake_dispatch.h"
#include "worker/base/check.h"

namespace hekla::service {
namespace {

constexpr absl::Duration kAwaitLimit = absl::Seconds(20);

char LetterOf(uint32_t token) { return static_cast<char>('a' + token % 26); }

}  // namespace

uint32_t FakeToken(uint64_t seed, uint32_t offset) {
  uint64_t x = seed * 0x9e3779b97f4a7c15u + offset + 1;
  x ^= x >> 31;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 29;
  return static_cast<uint32_t>(x % 1000);
}

std::string FakeText(uint64_t seed, uint32_t first, uint32_t end) {
  std::string text;
  for (uint32_t i = first; i < end; ++i) text += LetterOf(FakeToken(seed, i));
  return text;
}

float FakePromptLogprob(int index) { return -0.25f * static_cast<float>(1 + index); }

FakeStream::FakeStream(const v1::GenerateRequest& request, const std::string& weights_hash, FakeCall* call)
    : request_(request),
      weights_hash_(weights_hash),
      call_(call),
      next_(static_cast<uint32_t>(request.resume_token_ids_size())) {}

bool FakeStream::Write(const v1::GenerateResponse& response) {
  return call_->Write(response) && !cancelled();
}

bool FakeStream::Start() {
  v1::GenerateResponse response;
  v1::Started& started = *response.mutable_started();
  started.set_request_id(request_.request_id());
  started.set_model(request_.model());
  started.set_weights_hash(weights_hash_);
  started.set_seed(request_.sampling().seed());
  started.set_prompt_tokens(3);
  return Write(response);
}

bool FakeStream::Prompt() {
  const v1::Output& output = request_.output();
  if (!output.echo() && !output.has_prompt_logprobs()) return !cancelled();
  v1::GenerateResponse response;
  v1::Prompt& prompt = *response.mutable_prompt();
  prompt.set_text(request_.text());
  for (uint32_t i = 0; i < 3; ++i) prompt.add_token_ids(i);
  for (int i = 1; i < 3 && output.has_prompt_logprobs(); ++i) {
    v1::TokenLogprob& logprob = *prompt.add_logprobs();
    logprob.set_token_id(prompt.token_ids(i));
    logprob.set_logprob(FakePromptLogprob(i));
    for (uint32_t k = 0; k < output.prompt_logprobs(); ++k) logprob.add_top()->set_token_id(k);
  }
  return Write(response);
}

bool FakeStream::Tokens(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i, ++next_) {
    const uint64_t seed = request_.sampling().seed();
    v1::GenerateResponse response;
    v1::Delta& delta = *response.mutable_delta();
    delta.set_token_offset(next_);
    delta.set_token_count(1);
    if (request_.output().token_ids()) delta.add_token_ids(FakeToken(seed, next_));
    delta.set_text(FakeText(seed, next_, next_ + 1));
    if (!Write(response)) return false;
  }
  return !cancelled();
}

bool FakeStream::Finish() {
  v1::GenerateResponse response;
  response.mutable_finished()->set_reason(v1::FINISH_REASON_MAX_TOKENS);
  response.mutable_finished()->mutable_usage()->set_prompt_tokens(3);
  response.mutable_finished()->mutable_usage()->set_output_tokens(next_);
  return Write(response);
}

grpc::Status UsualScript(FakeStream& stream) {
  stream.Start();
  stream.Prompt();
  stream.Tokens(stream.max_tokens() - stream.next());
  stream.Finish();
  return grpc::Status::OK;
}

// A call of Inference.Generate.
class GrpcFakeCall final : public FakeCall {
 public:
  GrpcFakeCall(grpc::ServerContext* context, grpc::ServerWriter<v1::GenerateResponse>* writer)
      : context_(context), writer_(writer) {}
  bool Write(const v1::GenerateResponse& response) override { return writer_->Write(response); }
  bool cancelled() const override { return context_->IsCancelled(); }
  absl::Time deadline() const override { return absl::FromChrono(context_->deadline()); }
  std::string metadata(const std::string& key) const override {
    const auto found = context_->client_metadata().find(key);
    return found == context_->client_metadata().end() ? "" : std::string(found->second.data(), found->second.size());
  }

 private:
  grpc::ServerContext* const context_;
  grpc::ServerWriter<v1::GenerateResponse>* const writer_;
};

class FakeWorker::Service final : public v1::Inference::Service {
 public:
  explicit Service(FakeWorker* worker) : worker_(worker) {}

  v1::Model Describe() const {
    v1::Model model;
    model.set_name(worker_->options_.model);
    model.set_weights_hash(worker_->options_.weights_hash);
    model.set_vocabulary_size(worker_->options_.vocabulary);
    model.mutable_limits()->set_max_context(worker_->options_.context);
    model.mutable_limits()->set_max_sequences(worker_->options_.sequences);
    model.mutable_limits()->set_max_message_bytes(worker_->options_.max_message_bytes);
    return model;
  }

  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateResponse>* writer) override {
    GrpcFakeCall call(context, writer);
    return worker_->RunScript(*request, &call);
  }

  grpc::Status Tokenize(grpc::ServerContext*, const v1::TokenizeRequest* request,
                        v1::TokenizeResponse* response) override {
    for (const char c : request->text()) {
      response->add_token_ids(static_cast<unsigned char>(c));
      if (request->with_pieces()) response->add_pieces(std::string(1, c));
    }
    return grpc::Status::OK;
  }

  grpc::Status Detokenize(grpc::ServerContext*, const v1::DetokenizeRequest* request,
                          v1::DetokenizeResponse* response) override {
    for (const uint32_t id : request->token_ids()) response->mutable_text()->push_back(static_cast<char>(id));
    return grpc::Status::OK;
  }

  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest*, v1::Model* response) override {
    *response = Describe();
    return grpc::Status::OK;
  }

 private:
  FakeWorker* const worker_;
};

class FakeWorker::DispatchService final : public FakeDispatch {
 public:
  explicit DispatchService(FakeWorker* worker)
      : FakeDispatch([worker](const v1::GenerateRequest& request, FakeCall* call) {
          return worker->RunScript(request, call);
        }, [worker] { return worker->LoadForExchange(); }) {}
};

void FakeWorker::CloseExchange() { dispatch_->CloseAtNext(); }
void FakeWorker::BreakExchanges() { dispatch_->BreakExchanges(); }
int FakeWorker::exchanges() const { return dispatch_->exchanges(); }

grpc::Status FakeWorker::RunScript(const v1::GenerateRequest& request, FakeCall* call) {
  {
    absl::MutexLock lock(&mutex_);
    requests_.push_back(request);
    ++running_;
  }
  FakeStream stream(request, options_.weights_hash, call);
  const grpc::Status status = options_.script(stream);
  absl::MutexLock lock(&mutex_);
  --running_;
  if (call->cancelled()) ++cancelled_;
  return status;
}

FakeWorker::FakeWorker(FakeWorkerOptions options) : options_(std::move(options)) {
  service_ = std::make_unique<Service>(this);
  dispatch_ = std::make_unique<DispatchService>(this);
  health_.Set("", true);
  ServerOptions server;
  server.address = options_.listen;
  server.services = {service_.get(), &health_};
  if (options_.serves_dispatch) server.services.push_back(dispatch_.get());
  auto started = GrpcServer::Start(server);
  HEKLA_CHECK(started.ok(), std::string(started.status().message()).c_str());
  server_ = *std::move(started);
  port_ = server_->port();
  if (options_.router_admin_port == 0) return;

  ChannelOptions channel;
  channel.address = absl::StrCat("127.0.0.1:", options_.router_admin_port);
  channel.token_path = options_.router_token_path;
  lease_stub_ = v1::Attachment::NewStub(*OpenChannel(channel));
  lease_context_ = std::make_unique<grpc::ClientContext>();
  lease_ = lease_stub_->Attach(lease_context_.get());
  v1::WorkerReport report;
  v1::Registration& registration = *report.mutable_registration();
  registration.set_worker_id(options_.id);
  registration.set_incarnation(options_.incarnation);
  registration.set_endpoint(address());
  *registration.mutable_model() = service_->Describe();
  report.mutable_load();
  HEKLA_CHECK(lease_->Write(report), "the router is there");
  v1::RouterCommand attached;
  if (lease_->Read(&attached)) {
    absl::MutexLock lock(&mutex_);
    commands_.push_back(attached);
  }
  lease_thread_ = std::thread([this] { FollowLease(); });
  report_thread_ = std::thread([this] { ReportLoop(); });
}

FakeWorker::~FakeWorker() { Kill(); }

std::string FakeWorker::address() const { return absl::StrCat("127.0.0.1:", port_); }

void FakeWorker::FollowLease() {
  v1::RouterCommand command;
  while (lease_->Read(&command)) {
    absl::MutexLock lock(&mutex_);
    commands_.push_back(command);
  }
}

v1::Load FakeWorker::ReadLoad() {
  v1::Load load = load_;
  load.set_running(load_.running() + static_cast<uint32_t>(running()));
  return load;
}

std::optional<v1::Load> FakeWorker::LoadForExchange() {
  absl::MutexLock lock(&lease_mutex_);
  if (silent_) return std::nullopt;
  if (!stalled_) load_.set_steps_total(load_.steps_total() + 1);
  return ReadLoad();
}

void FakeWorker::WriteReport() {
  v1::WorkerReport report;
  *report.mutable_load() = ReadLoad();
  lease_->Write(report);
}

void FakeWorker::ReportLoop() {
  absl::MutexLock lock(&lease_mutex_);
  while (!detaching_) {
    report_changed_.WaitWithTimeout(&lease_mutex_, options_.report_interval);
    if (detaching_ || silent_) continue;
    if (!stalled_) load_.set_steps_total(load_.steps_total() + 1);
    WriteReport();
  }
}

void FakeWorker::Report(const v1::Load& load) {
  absl::MutexLock lock(&lease_mutex_);
  load_ = load;
  WriteReport();
}

void FakeWorker::SetLoad(const v1::Load& load) {
  absl::MutexLock lock(&lease_mutex_);
  load_ = load;
}

void FakeWorker::Stall(bool stalled) {
  absl::MutexLock lock(&lease_mutex_);
  stalled_ = stalled;
}

void FakeWorker::Silence() {
  absl::MutexLock lock(&lease_mutex_);
  silent_ = true;
}

void FakeWorker::Detach() {
  if (lease_context_ == nullptr) return;
  {
    absl::MutexLock lock(&lease_mutex_);
    detaching_ = true;
    report_changed_.SignalAll();
  }
  lease_context_->TryCancel();
  if (report_thread_.joinable()) report_thread_.join();
  if (lease_thread_.joinable()) lease_thread_.join();
  lease_->Finish();
  lease_.reset();
  lease_context_.reset();
}

void FakeWorker::Kill() {
  if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
  server_.reset();
  Detach();
}

int FakeWorker::calls() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(requests_.size());
}

int FakeWorker::running() const {
  absl::MutexLock lock(&mutex_);
  return running_;
}

int FakeWorker::cancelled() const {
  absl::MutexLock lock(&mutex_);
  return cancelled_;
}

std::vector<v1::GenerateRequest> FakeWorker::requests() const {
  absl::MutexLock lock(&mutex_);
  return requests_;
}

std::vector<v1::RouterCommand> FakeWorker::commands() const {
  absl::MutexLock lock(&mutex_);
  return commands_;
}

bool FakeWorker::Await(const std::function<bool(const FakeWorker&)>& condition) const {
  const absl::Time end = absl::Now() + kAwaitLimit;
  while (!condition(*this)) {
    if (absl::Now() > end) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

}  // namespace hekla::service
