// hekla generate: one prompt, its text as it comes.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "hekla/v1/inference.grpc.pb.h"
#include "service/client/command.h"
#include "service/client/connection.h"
#include "service/client/json.h"
#include "service/client/request_flags.h"

namespace hekla::service {
namespace {

// Prints a stream and measures it.
class StreamPrinter {
 public:
  StreamPrinter(const CommandStreams& streams, bool json) : streams_(streams), json_(json) {}

  // DATA_LOSS when tokens are missing or come twice.
  absl::Status Print(const v1::GenerateResponse& response) {
    if (json_) streams_.out << ToJson(response) << "\n" << std::flush;
    if (response.has_started()) started_ = response.started();
    if (response.has_prompt() && !json_) streams_.out << response.prompt().text() << std::flush;
    if (response.has_finished()) finished_ = response.finished();
    if (!response.has_delta()) return absl::OkStatus();
    const v1::Delta& delta = response.delta();
    if (delta.token_offset() != tokens_) {
      return absl::DataLossError(absl::StrCat("the stream is broken: token ", delta.token_offset(),
                                              " came after ", tokens_, " tokens"));
    }
    if (!first_token_.has_value()) first_token_ = absl::Now();
    tokens_ += delta.token_count();
    if (!json_) streams_.out << delta.text() << std::flush;
    ends_line_ = absl::EndsWith(delta.text(), "\n");
    return absl::OkStatus();
  }

  void EndLine() {
    if (!json_ && tokens_ > 0 && !ends_line_) streams_.out << "\n" << std::flush;
  }

  void PrintSummary() const {
    const absl::Time now = absl::Now();
    const absl::Duration first = first_token_.value_or(now) - begun_;
    const double decode_seconds = absl::ToDoubleSeconds(now - first_token_.value_or(now));
    const double rate = tokens_ > 1 && decode_seconds > 0 ? (tokens_ - 1) / decode_seconds : 0;
    const std::string& reason = v1::FinishReason_Name(finished_.reason());
    streams_.err << absl::StreamFormat(
        "%d prompt tokens, %d tokens, TTFT %.1f ms, %.1f tok/s, %s, request %s\n", started_.prompt_tokens(),
        tokens_, absl::ToDoubleMilliseconds(first), rate,
        absl::AsciiStrToLower(absl::StripPrefix(reason, "FINISH_REASON_")), started_.request_id());
  }

 private:
  const CommandStreams& streams_;
  const bool json_;
  const absl::Time begun_ = absl::Now();
  std::optional<absl::Time> first_token_;
  v1::Started started_;
  v1::Finished finished_;
  uint32_t tokens_ = 0;
  bool ends_line_ = false;
};

}  // namespace

int RunGenerate(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection;
  RequestFlags flags;
  std::optional<std::string> prompt;
  std::string request_id;
  bool json = false, quiet = false;
  CommandLine line("hekla generate [FLAGS] [PROMPT]",
                   "Continues a prompt and prints the text as it comes; what was measured goes to stderr.\n"
                   "Without a prompt the text on stdin is taken. Ctrl-C cancels.");
  line.Add("prompt", "TEXT", "the text to go on from", &prompt);
  line.Add("request-id", "ID", "name of the request in logs; unset: made", &request_id);
  line.AddSwitch("json", "print each event of the stream as a line of JSON", &json);
  line.AddSwitch("quiet", "no summary on stderr", &quiet);
  flags.AddTo(line);
  AddConnectionFlags(line, kRouterAddress, &connection);
  int exit_code = kExitOk;
  if (!ParseOrExplain(line, arguments, streams, &exit_code)) return exit_code;

  absl::StatusOr<v1::GenerateRequest> request = flags.ToRequest();
  if (!request.ok()) {
    streams.err << "hekla: " << request.status().message() << "\n";
    return kExitUsage;
  }
  if (!prompt.has_value()) {
    prompt = line.positional().empty() ? ReadAll(streams.in) : absl::StrJoin(line.positional(), " ");
  }
  request->set_text(*prompt);
  request->set_request_id(request_id);

  const auto channel = OpenChannel(connection.channel);
  if (!channel.ok()) return Fail(channel.status(), streams);
  const auto stub = v1::Inference::NewStub(*channel);
  InterruptibleCall call(connection, streams);
  StreamPrinter printer(streams, json);
  const auto stream = stub->Generate(call.context(), *request);
  v1::GenerateResponse response;
  absl::Status broken;
  while (broken.ok() && stream->Read(&response)) broken = printer.Print(response);
  if (!broken.ok()) call.context()->TryCancel();
  const grpc::Status status = stream->Finish();
  printer.EndLine();
  if (!broken.ok()) return Fail(broken, streams);
  if (!status.ok()) return Fail(Explain(status, connection), streams);
  if (!quiet) printer.PrintSummary();
  return kExitOk;
}

}  // namespace hekla::service
