// What a worker is told on its command line. A plain struct that main fills; Validate() names every problem
// at once.
#ifndef HEKLA_WORKER_CONFIG_H_
#define HEKLA_WORKER_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "service/runtime/command_line.h"
#include "service/runtime/grpc_server.h"
#include "service/runtime/prompt_limit.h"

namespace hekla::worker {

struct WorkerConfig {
  std::string model_path;       // GGUF
  std::string model_name;       // what clients call it; empty = the file's own name
  std::string device = "auto";  // "auto", "cpu", "vulkan", "vulkan:N"
  std::string worker_id;        // empty = "HOST:PORT" of the endpoint

  std::string listen = "127.0.0.1:0";  // HOST:PORT of the service; port 0 takes a free one
  std::string endpoint;                // HOST:PORT told to routers; empty = the listening address
  std::string metrics_listen;          // HOST:PORT of /metrics; empty = not served
  std::vector<std::string> routers;    // HOST:PORT of admin ports

  int max_sequences = 32;  // running at once
  int max_context = 0;     // tokens of one sequence; 0 = what the model was trained for, at most 4096
  int64_t kv_tokens = 0;   // tokens of KV memory, all sequences together; 0 = from kv_memory_mib
  int64_t kv_memory_mib =
      0;                    // KV memory; 0 = 1024, or what one sequence of max_context needs if that is more
  int max_queue = 256;      // requests waiting
  int step_tokens = 512;    // tokens computed in one step
  int prefill_chunk = 256;  // prompt tokens in one step
  absl::Duration drain_limit = absl::Seconds(30);  // for what runs, after SIGTERM

  std::string tls_cert, tls_key, tls_client_ca;  // PEM files of the service
  bool insecure = false;                         // listen beyond loopback without TLS
  std::string token_file;                        // tokens that callers may show
  std::string router_tls_ca, router_tls_cert, router_tls_key,
      router_token_file;  // of the link to the routers

  service::ServerLimits limits;  // of the service's port
  int max_prompt_bytes = service::kMaxPromptBytes;

  std::string log_level = "info";
  bool log_json = false;

  // INVALID_ARGUMENT with a line for each problem.
  absl::Status Validate() const;
};

// The flags of hekla-worker, filling `config`.
service::CommandLine WorkerCommandLine(WorkerConfig* config);

}  // namespace hekla::worker

#endif  // HEKLA_WORKER_CONFIG_H_
