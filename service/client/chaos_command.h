// hekla bench --chaos: the kill matrix.
#ifndef HEKLA_SERVICE_CLIENT_CHAOS_COMMAND_H_
#define HEKLA_SERVICE_CLIENT_CHAOS_COMMAND_H_

#include <string>

#include "service/client/bench_flags.h"
#include "service/client/command.h"
#include "service/runtime/command_line.h"

namespace hekla::service {

struct ChaosFlags {
  bool chaos = false;
  std::string faults = "none,kill,freeze,link-reset,link-silent,slow,drain,restart";
  std::string workers = "2,4";
  std::string model_path;
  std::string programs;  // empty: the folder of this program
  absl::Duration relents_after = absl::Seconds(60);

  void AddTo(CommandLine& line);
  friend bool operator==(const ChaosFlags&, const ChaosFlags&) = default;
};

// `bench`: requests, clients, lengths, temperature, seed and reports are taken from it. Returns the exit code: 0
// when no request was lost and every output was right.
int RunChaos(const ChaosFlags& flags, const BenchFlags& bench, const CommandStreams& streams);

}  // namespace hekla::service

#endif  // HEKLA_SERVICE_CLIENT_CHAOS_COMMAND_H_
