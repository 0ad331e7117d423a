// hekla batch: many prompts, each result as it is finished.
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/client/command.h"
#include "service/client/connection.h"
#include "service/client/json.h"
#include "service/client/request_flags.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

absl::Status ReadPrompts(std::istream& in, std::vector<std::string>* prompts) {
  std::string text;
  while (std::getline(in, text)) {
    if (!text.empty()) prompts->push_back(text);
  }
  return prompts->empty() ? absl::InvalidArgumentError("there is no prompt") : absl::OkStatus();
}

absl::Status GatherPrompts(const std::string& file, const CommandStreams& streams,
                           std::vector<std::string>* prompts) {
  if (!prompts->empty() && file.empty()) return absl::OkStatus();
  if (file.empty() || file == "-") return ReadPrompts(streams.in, prompts);
  std::ifstream opened(file);
  if (!opened) return absl::NotFoundError(absl::StrCat("--file: ", file, " cannot be read"));
  return ReadPrompts(opened, prompts);
}

void PrintItem(const v1::BatchGenerateResponse::ItemFinished& item, const std::vector<std::string>& prompts,
               const CommandStreams& streams) {
  const absl::Status status = FromRpc(item.status());
  streams.out << absl::StreamFormat("[%d] %s", item.index(), prompts[item.index()]);
  for (const v1::Result::Sample& sample : item.result().samples()) streams.out << sample.text();
  streams.out << "\n";
  if (!status.ok()) streams.out << absl::StreamFormat("[%d] failed: %s\n", item.index(), Describe(status));
  streams.out << std::flush;
}

void PrintSummary(const v1::BatchGenerateResponse::Summary& summary, absl::Duration took,
                  const CommandStreams& streams) {
  const double seconds = absl::ToDoubleSeconds(took);
  streams.err << absl::StreamFormat(
      "%d of %d done, %d prompt tokens, %d tokens in %.2f s, %.1f tok/s, batch %s\n", summary.succeeded(),
      summary.items(), summary.prompt_tokens(), summary.output_tokens(), seconds,
      static_cast<double>(summary.output_tokens()) / seconds, summary.batch_id());
}

}  // namespace

int RunBatch(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection;
  RequestFlags flags;
  std::vector<std::string> prompts;
  std::string file;
  bool json = false, quiet = false;
  CommandLine line(
      "hekla batch [FLAGS] [PROMPT...]",
      "Continues many prompts at once and prints each when it is finished, with its number.\n"
      "Prompts are arguments, --prompt, the lines of --file, or the lines of stdin. Ctrl-C cancels all.\n"
      "Exit code 1 when any of them failed.");
  line.Add("prompt", "TEXT", "a prompt; may be given again", &prompts);
  line.Add("file", "FILE", "a prompt a line; - = stdin", &file);
  line.AddSwitch("json", "print each message as a line of JSON", &json);
  line.AddSwitch("quiet", "no summary on stderr", &quiet);
  flags.AddTo(line);
  AddConnectionFlags(line, kRouterAddress, &connection);
  int exit_code = kExitOk;
  if (!ParseOrExplain(line, arguments, streams, &exit_code)) return exit_code;
  prompts.insert(prompts.end(), line.positional().begin(), line.positional().end());

  const absl::StatusOr<v1::GenerateRequest> item = flags.ToRequest();
  absl::Status status = item.ok() ? GatherPrompts(file, streams, &prompts) : item.status();
  if (!status.ok()) {
    streams.err << "hekla: " << status.message() << "\n";
    return kExitUsage;
  }
  v1::BatchGenerateRequest request;
  for (const std::string& prompt : prompts) {
    v1::GenerateRequest& each = *request.add_items()->mutable_request();
    each = *item;
    each.set_text(prompt);
  }

  const auto channel = OpenChannel(connection.channel);
  if (!channel.ok()) return Fail(channel.status(), streams);
  const auto stub = v1::Inference::NewStub(*channel);
  const absl::Time begun = absl::Now();
  InterruptibleCall call(connection, streams);
  const auto stream = stub->BatchGenerate(call.context(), request);
  v1::BatchGenerateResponse response;
  v1::BatchGenerateResponse::Summary summary;
  while (stream->Read(&response)) {
    if (json) streams.out << ToJson(response) << "\n" << std::flush;
    if (!json && response.has_item_finished()) PrintItem(response.item_finished(), prompts, streams);
    if (response.has_summary()) summary = response.summary();
  }
  const grpc::Status ended = stream->Finish();
  if (!ended.ok()) return Fail(Explain(ended, connection), streams);
  if (!quiet) PrintSummary(summary, absl::Now() - begun, streams);
  return summary.failed() == 0 ? kExitOk : kExitError;
}

}  // namespace hekla::service
