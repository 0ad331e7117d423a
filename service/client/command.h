// The commands of `hekla`. Each is a function of its arguments and streams, so that tests run them
// in-process.
#ifndef HEKLA_SERVICE_CLIENT_COMMAND_H_
#define HEKLA_SERVICE_CLIENT_COMMAND_H_

#include <functional>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "service/runtime/command_line.h"

namespace hekla::service {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitCancelled = 130;  // Ctrl-C

// Where a command reads and writes, and how it learns of Ctrl-C.
struct CommandStreams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  std::function<bool()> interrupted;  // polled; any thread
  bool is_terminal = false;           // out and err are one: lines may be drawn again
};

// arguments[0] is the command's name.
int RunHekla(const std::vector<std::string>& arguments, const CommandStreams& streams);

int RunGenerate(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunBatch(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunModels(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunWorkers(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunHealth(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunTokenize(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunBench(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunDrain(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunUndrain(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunInflight(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunCancel(const std::vector<std::string>& arguments, const CommandStreams& streams);
int RunTop(const std::vector<std::string>& arguments, const CommandStreams& streams);

// Parses, and answers --help and wrong usage. True: go on; false: return *exit_code.
bool ParseOrExplain(CommandLine& line, const std::vector<std::string>& arguments,
                    const CommandStreams& streams, int* exit_code);

// "hekla: UNAVAILABLE (NO_WORKER): ..." on err. Returns the exit code.
int Fail(const absl::Status& status, const CommandStreams& streams);

// All of `in`, without the line end at its end.
std::string ReadAll(std::istream& in);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_COMMAND_H_
