#include "worker/config.h"

#include <gtest/gtest.h>

#include <string>

namespace hekla::worker {
namespace {

WorkerConfig Good() {
  WorkerConfig config;
  config.model_path = "model.gguf";
  return config;
}

TEST(WorkerConfigTest, DefaultsWithAModelAreGood) {
  EXPECT_TRUE(Good().Validate().ok()) << Good().Validate();
}

TEST(WorkerConfigTest, EveryProblemIsNamedAtOnce) {
  WorkerConfig config;
  config.device = "cuda";
  config.listen = "nowhere";
  config.metrics_listen = "host:70000";
  config.routers = {"host:0"};
  config.max_sequences = 0;
  config.kv_tokens = 64;
  config.kv_memory_mib = 1;
  config.max_queue = -1;
  config.tls_cert = "cert.pem";
  const absl::Status status = config.Validate();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  for (const char* part : {"--model", "cuda", "nowhere", "host:70000", "host:0", "--max-sequences is 0",
                           "--kv-tokens and", "--max-queue is -1", "--tls-key"}) {
    EXPECT_NE(std::string(status.message()).find(part), std::string::npos) << part << " not in\n"
                                                                           << status.message();
  }
}

TEST(WorkerConfigTest, DevicesAndAStepThatHoldsEverySequence) {
  for (const char* device : {"auto", "cpu", "vulkan", "vulkan:0", "vulkan:12"}) {
    WorkerConfig config = Good();
    config.device = device;
    EXPECT_TRUE(config.Validate().ok()) << device;
  }
  for (const char* device : {"", "vulkan:", "vulkan:-1", "gpu"}) {
    WorkerConfig config = Good();
    config.device = device;
    EXPECT_FALSE(config.Validate().ok()) << device;
  }
  WorkerConfig config = Good();
  config.step_tokens = config.max_sequences - 1;
  EXPECT_FALSE(config.Validate().ok());
}

}  // namespace
}  // namespace hekla::worker
