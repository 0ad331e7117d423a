// hekla models, workers, health, tokenize: one question, one answer.
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "hekla/v1/admin.grpc.pb.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/client/command.h"
#include "service/client/connection.h"
#include "service/client/json.h"
#include "service/client/table.h"
#include "service/runtime/time.h"

namespace hekla::service {
namespace {

// A timeout so that a question is not asked for ever.
constexpr absl::Duration kAnswerLimit = absl::Seconds(10);

std::string Milliseconds(const google::protobuf::Duration& duration) {
  return absl::StrFormat("%.0f ms", absl::ToDoubleMilliseconds(FromProto(duration)));
}

}  // namespace

int RunModels(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  bool json = false;
  CommandLine line("hekla models [FLAGS]", "Lists the models that are served, with their limits.");
  line.AddSwitch("json", "print each model as a line of JSON", &json);
  AddConnectionFlags(line, kRouterAddress, &connection);
  int exit_code = kExitOk;
  if (!ParseOrExplain(line, arguments, streams, &exit_code)) return exit_code;
  const auto channel = OpenChannel(connection.channel);
  if (!channel.ok()) return Fail(channel.status(), streams);
  InterruptibleCall call(connection, streams);
  v1::ListModelsResponse response;
  const grpc::Status status =
      v1::Inference::NewStub(*channel)->ListModels(call.context(), v1::ListModelsRequest(), &response);
  if (!status.ok()) return Fail(Explain(status, connection), streams);
  Table table({"MODEL", "FAMILY", "WEIGHTS", "PARAMETERS", "CONTEXT", "SEQUENCES", "VOCABULARY", "WORKERS"});
  for (const v1::Model& model : response.models()) {
    if (json) streams.out << ToJson(model) << "\n";
    table.AddRow({model.name(), model.family(), model.weight_type(), absl::StrCat(model.parameters()),
                  absl::StrCat(model.limits().max_context()), absl::StrCat(model.limits().max_sequences()),
                  absl::StrCat(model.vocabulary_size()), absl::StrCat(model.workers())});
  }
  if (!json) streams.out << table.ToString();
  return kExitOk;
}

int RunWorkers(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  bool json = false;
  CommandLine line("hekla workers [FLAGS]",
                   "Lists the router's workers and their load. --address is the router's admin port.");
  line.AddSwitch("json", "print each worker as a line of JSON", &json);
  AddConnectionFlags(line, kRouterAdminAddress, &connection);
  int exit_code = kExitOk;
  if (!ParseOrExplain(line, arguments, streams, &exit_code)) return exit_code;
  const auto channel = OpenChannel(connection.channel);
  if (!channel.ok()) return Fail(channel.status(), streams);
  InterruptibleCall call(connection, streams);
  v1::ListWorkersResponse response;
  const grpc::Status status =
      v1::Admin::NewStub(*channel)->ListWorkers(call.context(), v1::ListWorkersRequest(), &response);
  if (!status.ok()) return Fail(Explain(status, connection), streams);
  Table table(
      {"WORKER", "STATE", "MODEL", "ENDPOINT", "INFLIGHT", "RUNNING", "WAITING", "STEP", "REPORT", "DEVICE"});
  for (const v1::WorkerState& worker : response.workers()) {
    if (json) streams.out << ToJson(worker) << "\n";
    table.AddRow({worker.worker_id(), v1::WorkerState::State_Name(worker.state()), worker.model().name(),
                  worker.endpoint(), absl::StrCat(worker.inflight()), absl::StrCat(worker.load().running()),
                  absl::StrCat(worker.load().waiting()),
                  absl::StrFormat("%.2f ms", worker.load().step_seconds() * 1e3),
                  worker.has_report_age() ? Milliseconds(worker.report_age()) : "none", worker.device()});
  }
  if (!json) streams.out << table.ToString();
  return kExitOk;
}

int RunHealth(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  using grpc::health::v1::HealthCheckResponse;
  Connection connection{{}, kAnswerLimit};
  std::string name;
  bool watch = false;
  CommandLine line(
      "hekla health [FLAGS]",
      "Says whether it is serving. Exit code 0 when it is, 1 when not. With --watch it prints each change\n"
      "until Ctrl-C.");
  line.Add("service", "NAME", "hekla.v1.Inference or model/NAME; unset: the whole server", &name);
  line.AddSwitch("watch", "follow the status", &watch);
  AddConnectionFlags(line, kRouterAddress, &connection);
  int exit_code = kExitOk;
  if (!ParseOrExplain(line, arguments, streams, &exit_code)) return exit_code;
  const auto channel = OpenChannel(connection.channel);
  if (!channel.ok()) return Fail(channel.status(), streams);
  const auto stub = grpc::health::v1::Health::NewStub(*channel);
  if (watch) connection.timeout = absl::ZeroDuration();
  InterruptibleCall call(connection, streams);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(name);
  HealthCheckResponse response;
  grpc::Status status;
  if (watch) {
    const auto stream = stub->Watch(call.context(), request);
    while (stream->Read(&response)) {
      streams.out << HealthCheckResponse::ServingStatus_Name(response.status()) << "\n" << std::flush;
    }
    status = stream->Finish();
  } else {
    status = stub->Check(call.context(), request, &response);
    if (status.ok()) streams.out << HealthCheckResponse::ServingStatus_Name(response.status()) << "\n";
  }
  if (!status.ok()) return Fail(Explain(status, connection), streams);
  return response.status() == HealthCheckResponse::SERVING ? kExitOk : kExitError;
}

int RunTokenize(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  std::string model;
  bool decode = false, pieces = false, bos = true;
  CommandLine line(
      "hekla tokenize [FLAGS] [TEXT]",
      "Prints the token ids of a text, separated by commas; without TEXT of stdin. With --decode it takes\n"
      "ids and prints their text.");
  line.Add("model", "NAME", "needed only where there are several", &model);
  line.AddSwitch("decode", "ids to text", &decode);
  line.AddSwitch("pieces", "a line a token: id and text", &pieces);
  line.AddSwitch("bos", "add the special tokens the model asks for; --no-bos leaves them out", &bos);
  AddConnectionFlags(line, kRouterAddress, &connection);
  int exit_code = kExitOk;
  if (!ParseOrExplain(line, arguments, streams, &exit_code)) return exit_code;
  const std::string text =
      line.positional().empty() ? ReadAll(streams.in) : absl::StrJoin(line.positional(), " ");
  const auto channel = OpenChannel(connection.channel);
  if (!channel.ok()) return Fail(channel.status(), streams);
  const auto stub = v1::Inference::NewStub(*channel);
  InterruptibleCall call(connection, streams);
  if (decode) {
    v1::DetokenizeRequest request;
    request.set_model(model);
    for (const absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(", \n"), absl::SkipEmpty())) {
      uint32_t id = 0;
      if (!absl::SimpleAtoi(word, &id)) {
        streams.err << "hekla: '" << word << "' is not a token id\n";
        return kExitUsage;
      }
      request.add_token_ids(id);
    }
    v1::DetokenizeResponse response;
    const grpc::Status status = stub->Detokenize(call.context(), request, &response);
    if (!status.ok()) return Fail(Explain(status, connection), streams);
    streams.out << response.text() << "\n";
    return kExitOk;
  }
  v1::TokenizeRequest request;
  request.set_model(model);
  request.set_text(text);
  request.set_add_special(bos);
  request.set_with_pieces(pieces);
  v1::TokenizeResponse response;
  const grpc::Status status = stub->Tokenize(call.context(), request, &response);
  if (!status.ok()) return Fail(Explain(status, connection), streams);
  if (!pieces) streams.out << absl::StrJoin(response.token_ids(), ",") << "\n";
  for (int i = 0; pieces && i < response.pieces_size(); ++i) {
    streams.out << response.token_ids(i) << "\t" << response.pieces(i) << "\n";
  }
  return kExitOk;
}

}  // namespace hekla::service
