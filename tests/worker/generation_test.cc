#include "worker/generation.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "service/runtime/status.h"
#include "tests/support/engine_fake/byte_vocabulary.h"
#include "tests/support/engine_fake/service_fixture.h"
#include "worker/text/utf8.h"

namespace hekla::worker {
namespace {

using schedule::FinishReason;
using schedule::TokenId;

constexpr int kMaxContext = 4096;

class GenerationTest : public testing::Test {
 protected:
  GenerationTest() : tokenizer_(text::MakeByteTokenizer()) {
    engine::Limits limits;
    limits.max_context = kMaxContext;
    limits.max_sequences = 1;
    limits.kv_blocks = kMaxContext / schedule::kBlockTokens;
    model_ = MakeByteModel(*tokenizer_, limits, 8);
  }
  ReadRequest Read(const v1::GenerateRequest& request) {
    auto read = ReadGenerateRequest(request, model_, v1::PRIORITY_NORMAL);
    EXPECT_TRUE(read.ok()) << read.status();
    return *std::move(read);
  }
  std::unique_ptr<text::Tokenizer> tokenizer_;
  ServedModel model_;
};

std::vector<TokenId> Bytes(const std::string& text) {
  std::vector<TokenId> ids;
  for (char c : text) ids.push_back(static_cast<unsigned char>(c));
  return ids;
}

struct Played {
  std::string text;                     // all deltas'
  std::vector<std::string> text_after;  // text_after[n]: sent by the end of the delta that brought token n
  int tokens = 0;
  bool ended = false;
  v1::Finished finished;
};

// Feeds output ids [resumed, ...) in events of random sizes until the generation ends or the ids do.
Played Play(const ReadRequest& request, const ServedModel& model, const std::vector<TokenId>& output,
            std::mt19937* random) {
  Generation generation(&request, &model);
  Played played;
  played.tokens = request.engine.resumed_tokens;
  auto take = [&] {
    if (!generation.has_delta()) return;
    v1::Delta delta;
    generation.TakeDelta(&delta);
    EXPECT_EQ(static_cast<int>(delta.token_offset()), played.tokens);
    EXPECT_TRUE(text::IsValidUtf8(delta.text()));
    played.tokens += static_cast<int>(delta.token_count());
    played.text += delta.text();
    played.text_after.resize(played.tokens + 1);
    played.text_after[played.tokens] = played.text;
  };
  take();
  for (size_t at = request.engine.resumed_tokens; at < output.size() && !generation.ended();) {
    const size_t count = std::min<size_t>(1 + (*random)() % 4, output.size() - at);
    engine::TokenEvent event;
    event.token_offset = static_cast<int>(at);
    event.tokens.assign(output.begin() + at, output.begin() + at + count);
    EXPECT_TRUE(generation.OnEvent(event).ok());
    take();
    at += count;
  }
  played.ended = generation.ended();
  if (played.ended) generation.FillFinished(&played.finished);
  return played;
}

// What the whole text must be: repaired UTF-8, cut at the earliest stop string, the longest of those that
// begin there.
std::string Reference(const std::vector<TokenId>& output, const std::vector<std::string>& stops, bool include,
                      bool* matched) {
  std::string bytes;
  for (TokenId id : output) bytes += static_cast<char>(id);
  const std::string text = text::RepairUtf8(bytes);
  size_t first = std::string::npos, length = 0;
  for (const std::string& stop : stops) {
    const size_t at = text.find(stop);
    if (at == std::string::npos) continue;
    if (at < first || (at == first && stop.size() > length)) first = at, length = stop.size();
  }
  *matched = first != std::string::npos;
  if (!*matched) return text;
  return text.substr(0, first + (include ? length : 0));
}

TEST_F(GenerationTest, DeltasPutTogetherAreTheWholeTextAndResumingAnywhereChangesNothing) {
  const uint32_t seed = 20260301;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> alphabet = {
      "a", "b", "ab", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xFF", "\xE2\x82", "."};
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    std::string source;
    for (int i = 0; i < 24; ++i) source += alphabet[random() % alphabet.size()];
    const std::vector<TokenId> output = Bytes(source);
    v1::GenerateRequest request = TextRequest("prompt", static_cast<int>(output.size()));
    std::vector<std::string> stops;
    for (uint32_t i = 0; i < random() % 4; ++i) {
      std::string stop;
      for (uint32_t j = 0; j < 1 + random() % 4; ++j) stop += alphabet[random() % 6];
      stops.push_back(stop);
      request.mutable_stop()->add_stop_strings(stop);
    }
    request.mutable_stop()->set_include_stop(random() % 2 == 0);
    bool matched = false;
    const std::string expected = Reference(output, stops, request.stop().include_stop(), &matched);
    const Played whole = Play(Read(request), model_, output, &random);
    ASSERT_EQ(whole.text, expected);
    ASSERT_TRUE(whole.ended);
    EXPECT_EQ(whole.finished.reason(),
              matched ? v1::FINISH_REASON_STOP_STRING : v1::FINISH_REASON_MAX_TOKENS);

    const int tokens = static_cast<int>(whole.finished.usage().output_tokens());
    for (int cut = 0; cut <= tokens; ++cut) {  // where a delta ended
      if (cut >= static_cast<int>(whole.text_after.size()) || (cut > 0 && whole.text_after[cut].empty()))
        continue;
      v1::GenerateRequest resumed = request;
      for (int i = 0; i < cut; ++i) resumed.add_resume_token_ids(output[i]);
      const Played rest = Play(Read(resumed), model_, output, &random);
      EXPECT_EQ((cut == 0 ? "" : whole.text_after[cut]) + rest.text, expected) << "cut at " << cut;
      ASSERT_TRUE(rest.ended);
      EXPECT_EQ(rest.finished.reason(), whole.finished.reason());
      EXPECT_EQ(rest.finished.usage().output_tokens(), whole.finished.usage().output_tokens());
    }
  }
}

TEST_F(GenerationTest, StopStringEndsInTheMiddleOfAnEventAndDropsWhatFollows) {
  v1::GenerateRequest request = TextRequest("p", 100);
  request.mutable_stop()->add_stop_strings("cd");
  const ReadRequest read = Read(request);
  Generation generation(&read, &model_);
  engine::TokenEvent event;
  event.tokens = Bytes("abcdefg");
  ASSERT_TRUE(generation.OnEvent(event).ok());
  EXPECT_TRUE(generation.ended_by_text());
  v1::Delta delta;
  generation.TakeDelta(&delta);
  EXPECT_EQ(delta.text(), "ab");
  EXPECT_EQ(delta.token_count(), 4u);
  v1::Finished finished;
  generation.FillFinished(&finished);
  EXPECT_EQ(finished.matched_stop(), "cd");
  EXPECT_EQ(finished.usage().output_tokens(), 4u);
}

TEST_F(GenerationTest, StopStringsBeforeMinTokensDoNotCount) {
  v1::GenerateRequest request = TextRequest("p", 8);
  request.mutable_stop()->add_stop_strings("ab");
  request.mutable_stop()->set_min_tokens(4);
  std::mt19937 random(1);
  const Played played = Play(Read(request), model_, Bytes("abxxabxx"), &random);
  EXPECT_EQ(played.text, "abxx");
  EXPECT_EQ(played.finished.reason(), v1::FINISH_REASON_STOP_STRING);
}

TEST_F(GenerationTest, StopTokenTextOnlyWithIncludeStop) {
  for (bool include : {false, true}) {
    v1::GenerateRequest request = TextRequest("p", 8);
    request.mutable_stop()->add_stop_token_ids('!');
    request.mutable_stop()->set_include_stop(include);
    std::mt19937 random(1);
    const Played played = Play(Read(request), model_, Bytes("ab!cd"), &random);
    EXPECT_EQ(played.text, include ? "ab!" : "ab");
    EXPECT_EQ(played.finished.reason(), v1::FINISH_REASON_STOP_TOKEN);
    EXPECT_EQ(played.finished.matched_token(), static_cast<uint32_t>('!'));
    EXPECT_EQ(played.finished.usage().output_tokens(), 3u);
  }
}

TEST_F(GenerationTest, EndOfSequenceEndsUnlessIgnored) {
  for (bool ignore : {false, true}) {
    v1::GenerateRequest request = TextRequest("p", 4);
    request.mutable_stop()->set_ignore_eos(ignore);
    std::mt19937 random(1);
    const Played played = Play(Read(request), model_, {'a', text::kByteEos, 'b', 'c'}, &random);
    EXPECT_EQ(played.text, ignore ? "abc" : "a");
    EXPECT_EQ(played.finished.reason(), ignore ? v1::FINISH_REASON_MAX_TOKENS : v1::FINISH_REASON_EOS);
  }
}

TEST_F(GenerationTest, UnfinishedCharacterComesAsTrailingBytes) {
  std::mt19937 random(1);
  const Played played = Play(Read(TextRequest("p", 3)), model_, Bytes("a\xE2\x82"), &random);
  EXPECT_EQ(played.text, "a\xEF\xBF\xBD");
  EXPECT_EQ(played.finished.trailing_bytes(), "\xE2\x82");
}

TEST_F(GenerationTest, DefaultMaxTokensEndsAsContextLimit) {
  v1::GenerateRequest request;
  request.set_text(std::string(kMaxContext - 2, 'a'));
  std::mt19937 random(1);
  const Played played = Play(Read(request), model_, Bytes("xyz"), &random);
  EXPECT_EQ(played.text, "xy");
  EXPECT_EQ(played.finished.reason(), v1::FINISH_REASON_CONTEXT_LIMIT);
}

TEST_F(GenerationTest, WrongOffsetIsAnErrorAfterTheGoodText) {
  const ReadRequest read = Read(TextRequest("p", 8));
  Generation generation(&read, &model_);
  engine::TokenEvent event;
  event.tokens = Bytes("ab");
  ASSERT_TRUE(generation.OnEvent(event).ok());
  for (int offset : {1, 3}) {
    event.token_offset = offset;
    const absl::Status status = generation.OnEvent(event);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_EQ(generation.output_tokens(), 2);
  }
}

TEST_F(GenerationTest, TheEnginesEndsBecomeStatuses) {
  const struct {
    FinishReason finish;
    absl::StatusCode code;
    v1::ErrorReason reason;
  } cases[] = {{FinishReason::kCancelled, absl::StatusCode::kCancelled, v1::ERROR_REASON_CANCELLED},
               {FinishReason::kDeadline, absl::StatusCode::kDeadlineExceeded, v1::ERROR_REASON_DEADLINE},
               {FinishReason::kError, absl::StatusCode::kInternal, v1::ERROR_REASON_DEVICE_LOST}};
  for (const auto& expected : cases) {
    const ReadRequest read = Read(TextRequest("p", 8));
    Generation generation(&read, &model_);
    engine::TokenEvent event;
    event.finish = expected.finish;
    event.error = absl::UnavailableError("device lost");
    const absl::Status status = generation.OnEvent(event);
    EXPECT_EQ(status.code(), expected.code);
    EXPECT_EQ(service::ReasonOf(status), expected.reason);
  }
}

}  // namespace
}  // namespace hekla::worker
