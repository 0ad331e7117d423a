#include "worker/model_loading.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/model/gguf_writer.h"
#include "tests/support/model/tiny_llama.h"
#include "worker/request_reader.h"

namespace hekla::worker {
namespace {

model::ModelConfig Model() {
  model::ModelConfig model;
  model.layers = 2;
  model.head_dim = 64;
  model.kv_heads = {4, 4};  // 2 * 4 * 64 * 2 * 2 = 2048 bytes a token
  model.context_length = 1024;
  return model;
}

TEST(ModelLoadingTest, DefaultsFitTheModel) {
  WorkerConfig config;
  config.max_sequences = 4;
  const auto limits = ChooseLimits(config, Model());
  ASSERT_TRUE(limits.ok()) << limits.status();
  EXPECT_EQ(limits->max_context, 1024);
  EXPECT_EQ(limits->kv_blocks, 4 * 1024 / 32);  // never more than all sequences can use
}

TEST(ModelLoadingTest, LongContextModelsAreHeldTo4096) {
  model::ModelConfig model = Model();
  model.context_length = 131072;
  EXPECT_EQ(ChooseLimits(WorkerConfig(), model)->max_context, 4096);
}

TEST(ModelLoadingTest, KvMemoryIsCountedInBytesOrTokens) {
  WorkerConfig config;
  config.kv_memory_mib = 4;
  EXPECT_EQ(ChooseLimits(config, Model())->kv_blocks, (4 << 20) / 2048 / 32);
  config.kv_memory_mib = 0;
  config.kv_tokens = 1024 + 31;
  EXPECT_EQ(ChooseLimits(config, Model())->kv_blocks, 32);
}

TEST(ModelLoadingTest, RefusesWhatDoesNotFit) {
  WorkerConfig config;
  config.max_context = 2048;
  EXPECT_NE(std::string(ChooseLimits(config, Model()).status().message()).find("1024"), std::string::npos);
  config.max_context = 0;
  config.kv_tokens = 512;
  EXPECT_NE(std::string(ChooseLimits(config, Model()).status().message()).find("512"), std::string::npos);
}

TEST(ModelLoadingTest, ErrorsNameTheFile) {
  WorkerConfig config;
  config.model_path = "/nonexistent/model.gguf";
  const absl::Status missing = LoadModel(config, {}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(std::string(missing.message()).find(config.model_path), std::string::npos);
  config.model_path = std::string(HEKLA_SOURCE_DIR) + "/tests/data/llama-plain.gguf";  // has no tokenizer
  const absl::Status status = LoadModel(config, {}).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("llama-plain.gguf"), std::string::npos);
}

TEST(ModelLoadingTest, TheStoryModelRunsOnTheProcessor) {
  WorkerConfig config;
  config.model_path = std::string(HEKLA_SOURCE_DIR) + "/deploy/model/hekla-stories.gguf";
  config.device = "cpu";
  config.max_sequences = 2;
  config.step_tokens = 32;
  uint64_t done = 0, total = 0;
  LoadCallbacks callbacks;
  callbacks.weight_progress = [&](uint64_t done_bytes, uint64_t total_bytes) {
    done = done_bytes, total = total_bytes;
  };
  const auto loaded = LoadModel(config, callbacks);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_GT(total, 0u);
  EXPECT_EQ(done, total);
  EXPECT_EQ(loaded->served.description.weights_hash().size(), 32u);
  EXPECT_EQ(loaded->served.description.family(), "llama");
  EXPECT_GT(loaded->served.description.parameters(), 0u);
  EXPECT_EQ(loaded->engine->Status().limits.max_sequences, 2);
}

TEST(ModelLoadingTest, TheFilesChatTemplateRendersChatsWithOneBos) {
  v1::GenerateRequest request;
  v1::Chat::Message* message = request.mutable_chat()->add_messages();
  message->set_role("user");
  message->set_content("hello");
  std::vector<schedule::TokenId> prompts[2];
  for (bool writes_bos : {false, true}) {
    test::GgufWriter writer = test::TinyLlama(1);
    writer.AddString(
        "tokenizer.chat_template",
        std::string(writes_bos ? "{{ bos_token }}" : "") +
            "{% for m in messages %}{{ m['role'] }}: {{ m['content'] | trim }}{{ eos_token }}{% endfor %}");
    const test::TemporaryFile file(writer.Build());
    WorkerConfig config;
    config.model_path = file.path();
    config.device = "cpu";
    const auto loaded = LoadModel(config, {});
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_TRUE(loaded->served.description.has_chat_template());
    ServedModel served = loaded->served;
    served.description.mutable_limits()->set_max_context(128);
    const auto read = ReadGenerateRequest(request, served, v1::PRIORITY_NORMAL);
    ASSERT_TRUE(read.ok()) << read.status();
    prompts[writes_bos] = read->engine.prompt;
    EXPECT_EQ(served.tokenizer->Decode(prompts[writes_bos], true), "<|begin|>user: hello<|endoftext|>");
  }
  EXPECT_EQ(prompts[0], prompts[1]);
  EXPECT_EQ(prompts[0].front(), 260);
  EXPECT_EQ(prompts[0].back(), 261);
}

}  // namespace
}  // namespace hekla::worker
