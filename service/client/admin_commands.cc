// hekla drain, undrain, inflight, cancel, top: what operators do, on the router's admin port.
#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "hekla/v1/admin.grpc.pb.h"
#include "service/client/command.h"
#include "service/client/connection.h"
#include "service/client/json.h"
#include "service/client/table.h"
#include "service/client/top_view.h"
#include "service/runtime/time.h"

namespace hekla::service {
namespace {

constexpr absl::Duration kAnswerLimit = absl::Seconds(10);
constexpr absl::Duration kDrainPoll = absl::Milliseconds(50);
constexpr absl::Duration kInterruptPoll = absl::Milliseconds(20);
// Cursor home, and clear from there to the end.
constexpr char kRedraw[] = "\x1b[H\x1b[J";

// The admin service, asked one question at a time.
class Operator {
 public:
  Operator(const Connection& connection, const CommandStreams& streams)
      : connection_(connection), streams_(streams) {}

  absl::Status Open() {
    const auto channel = OpenChannel(connection_.channel);
    if (channel.ok()) stub_ = v1::Admin::NewStub(*channel);
    return channel.status();
  }
  // `method` is one of the stub's, such as &v1::Admin::Stub::Drain.
  template <typename Request, typename Response>
  absl::Status Ask(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request, Response* response) {
    InterruptibleCall call(connection_, streams_);
    const grpc::Status status = (stub_.get()->*method)(call.context(), request, response);
    return status.ok() ? absl::OkStatus() : Explain(status, connection_);
  }

 private:
  const Connection& connection_;
  const CommandStreams& streams_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

// Parses, checks that there are positional arguments called `wanted` ("" none, "X" one, "X..." some), and
// opens the channel. False: return *exit_code.
bool Prepare(CommandLine& line, const std::vector<std::string>& arguments, const std::string& wanted,
             const CommandStreams& streams, Operator& router, int* exit_code) {
  if (!ParseOrExplain(line, arguments, streams, exit_code)) return false;
  const size_t given = line.positional().size();
  const bool some = absl::EndsWith(wanted, "...");
  const bool right = wanted.empty() ? given == 0 : some ? given >= 1 : given == 1;
  if (!right) {
    streams.err << "hekla: " << (wanted.empty() ? "unexpected argument '" + line.positional()[0] + "'"
                                                : "give " + wanted + "; see --help")
                << "\n";
    *exit_code = kExitUsage;
    return false;
  }
  const absl::Status status = router.Open();
  if (!status.ok()) *exit_code = Fail(status, streams);
  return status.ok();
}

// How many requests the worker has; 0 when it is gone.
absl::Status CountAt(Operator& router, const std::string& worker_id, uint32_t* inflight) {
  v1::ListWorkersResponse workers;
  *inflight = 0;
  const absl::Status status = router.Ask(&v1::Admin::Stub::ListWorkers, v1::ListWorkersRequest(), &workers);
  for (const v1::WorkerState& worker : workers.workers()) {
    if (worker.worker_id() == worker_id) *inflight = worker.inflight();
  }
  return status;
}

// Until `limit` is over or the user interrupts; then true.
bool SleepUntilInterrupted(absl::Duration limit, const CommandStreams& streams) {
  const absl::Time end = absl::Now() + limit;
  while (!streams.interrupted()) {
    if (absl::Now() >= end) return false;
    absl::SleepFor(std::min(kInterruptPoll, end - absl::Now()));
  }
  return true;
}

}  // namespace

int RunDrain(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  absl::Duration limit = absl::ZeroDuration();
  bool wait = false;
  CommandLine line("hekla drain [FLAGS] WORKER",
                   "Gives a worker no new requests; what runs there finishes. `hekla undrain` takes it back. WORKER is\n"
                   "its name in `hekla workers`; --address is the router's admin port.");
  line.Add("limit", "TIME", "then what still runs there ends or moves; 0 = no limit", &limit);
  line.AddSwitch("wait", "return when no request is left there", &wait);
  AddConnectionFlags(line, kRouterAdminAddress, &connection);
  int exit_code = kExitOk;
  Operator router(connection, streams);
  if (!Prepare(line, arguments, "WORKER", streams, router, &exit_code)) return exit_code;
  v1::DrainRequest request;
  request.set_worker_id(line.positional()[0]);
  if (limit > absl::ZeroDuration()) *request.mutable_limit() = ToProto(limit);
  v1::DrainResponse response;
  absl::Status status = router.Ask(&v1::Admin::Stub::Drain, request, &response);
  if (!status.ok()) return Fail(status, streams);
  streams.out << request.worker_id() << " is draining, " << response.inflight() << " requests are there\n"
              << std::flush;
  uint32_t inflight = response.inflight();
  while (wait && inflight > 0) {
    if (SleepUntilInterrupted(kDrainPoll, streams)) return kExitCancelled;
    if (status = CountAt(router, request.worker_id(), &inflight); !status.ok()) return Fail(status, streams);
  }
  if (wait) streams.out << request.worker_id() << " is empty\n";
  return kExitOk;
}

int RunUndrain(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  CommandLine line("hekla undrain [FLAGS] WORKER",
                   "Gives a drained worker requests again. --address is the router's admin port.");
  AddConnectionFlags(line, kRouterAdminAddress, &connection);
  int exit_code = kExitOk;
  Operator router(connection, streams);
  if (!Prepare(line, arguments, "WORKER", streams, router, &exit_code)) return exit_code;
  v1::UndrainRequest request;
  request.set_worker_id(line.positional()[0]);
  v1::UndrainResponse response;
  const absl::Status status = router.Ask(&v1::Admin::Stub::Undrain, request, &response);
  if (!status.ok()) return Fail(status, streams);
  streams.out << request.worker_id() << " takes requests\n";
  return kExitOk;
}

int RunInflight(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  bool json = false;
  CommandLine line("hekla inflight [FLAGS]",
                   "Lists the requests a router has now, oldest first. --address is the router's admin port.");
  line.AddSwitch("json", "print each request as a line of JSON", &json);
  AddConnectionFlags(line, kRouterAdminAddress, &connection);
  int exit_code = kExitOk;
  Operator router(connection, streams);
  if (!Prepare(line, arguments, "", streams, router, &exit_code)) return exit_code;
  v1::ListInFlightResponse response;
  const absl::Status status =
      router.Ask(&v1::Admin::Stub::ListInFlight, v1::ListInFlightRequest(), &response);
  if (!status.ok()) return Fail(status, streams);
  Table table({"REQUEST", "MODEL", "WORKER", "PHASE", "AGE", "TOKENS", "ATTEMPTS", "PRIORITY", "PEER"});
  for (const v1::InFlight& each : response.requests()) {
    if (json) streams.out << ToJson(each) << "\n";
    table.AddRow({each.request_id(), each.model(), each.worker_id(), v1::InFlight::Phase_Name(each.phase()),
                  absl::StrFormat("%.1f s", absl::ToDoubleSeconds(FromProto(each.age()))),
                  absl::StrCat(each.output_tokens()), absl::StrCat(each.attempts()),
                  std::string(absl::StripPrefix(v1::Priority_Name(each.priority()), "PRIORITY_")), each.peer()});
  }
  if (!json) streams.out << table.ToString();
  return kExitOk;
}

int RunCancel(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  CommandLine line("hekla cancel [FLAGS] REQUEST...",
                   "Ends requests; their clients see CANCELLED. REQUEST is a name in `hekla inflight`; --address is\n"
                   "the router's admin port. Exit code 1 when one of them is not there; the others are cancelled.");
  AddConnectionFlags(line, kRouterAdminAddress, &connection);
  int exit_code = kExitOk;
  Operator router(connection, streams);
  if (!Prepare(line, arguments, "REQUEST...", streams, router, &exit_code)) return exit_code;
  for (const std::string& id : line.positional()) {
    v1::CancelRequest request;
    request.set_request_id(id);
    v1::CancelResponse response;
    const absl::Status status = router.Ask(&v1::Admin::Stub::Cancel, request, &response);
    if (status.ok()) {
      streams.out << id << " is cancelled\n";
    } else {
      exit_code = Fail(status, streams);
    }
    if (streams.interrupted()) return kExitCancelled;
  }
  return exit_code;
}

int RunTop(const std::vector<std::string>& arguments, const CommandStreams& streams) {
  Connection connection{{}, kAnswerLimit};
  absl::Duration interval = absl::Seconds(1);
  uint32_t rows = 30, count = 0;
  CommandLine line("hekla top [FLAGS]",
                   "Shows workers and requests again and again, with tokens a second since the view before. On a\n"
                   "terminal it draws in place; elsewhere one view follows the other. Ctrl-C ends it, with exit code\n"
                   "0. --address is the router's admin port.");
  line.Add("interval", "TIME", "between two views", &interval);
  line.Add("rows", "N", "requests to show; the oldest", &rows);
  line.Add("count", "N", "end after so many views; 0 = never", &count);
  AddConnectionFlags(line, kRouterAdminAddress, &connection);
  int exit_code = kExitOk;
  Operator router(connection, streams);
  if (!Prepare(line, arguments, "", streams, router, &exit_code)) return exit_code;
  TopView view(rows);
  for (uint32_t shown = 0; count == 0 || shown < count; ++shown) {
    if (shown > 0 && SleepUntilInterrupted(interval, streams)) return kExitOk;
    v1::ListWorkersResponse workers;
    v1::ListInFlightResponse inflight;
    absl::Status status = router.Ask(&v1::Admin::Stub::ListWorkers, v1::ListWorkersRequest(), &workers);
    if (status.ok())
      status = router.Ask(&v1::Admin::Stub::ListInFlight, v1::ListInFlightRequest(), &inflight);
    if (streams.interrupted()) return kExitOk;
    if (!status.ok()) return Fail(status, streams);
    streams.out << (streams.is_terminal ? kRedraw : shown > 0 ? "\n" : "")
                << view.Render(workers, inflight, absl::Now()) << std::flush;
  }
  return kExitOk;
}

}  // namespace hekla::service
