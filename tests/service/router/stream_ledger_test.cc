#include "service/router/stream_ledger.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace hekla::service {
namespace {

v1::GenerateResponse Started(const std::string& hash = "h") {
  v1::GenerateResponse response;
  response.mutable_started()->set_weights_hash(hash);
  response.mutable_started()->set_seed(99);
  return response;
}

v1::GenerateResponse Delta(uint32_t offset, uint32_t count, const std::string& text, uint32_t sample = 0) {
  v1::GenerateResponse response;
  v1::Delta& delta = *response.mutable_delta();
  delta.set_sample_index(sample);
  delta.set_token_offset(offset);
  delta.set_token_count(count);
  for (uint32_t i = 0; i < count; ++i) delta.add_token_ids(100 + offset + i);
  delta.set_text(text);
  return response;
}

v1::GenerateResponse Finished(uint32_t sample = 0) {
  v1::GenerateResponse response;
  response.mutable_finished()->set_sample_index(sample);
  response.mutable_finished()->set_reason(v1::FINISH_REASON_EOS);
  return response;
}

class StreamLedgerTest : public testing::Test {
 protected:
  absl::Status Accept(StreamLedger& ledger, v1::GenerateResponse response) {
    forwarded_.clear();
    return ledger.Accept(std::move(response), &forwarded_);
  }
  std::vector<v1::GenerateResponse> forwarded_;
};

TEST_F(StreamLedgerTest, LetsAWholeStreamThrough) {
  StreamLedger ledger{v1::GenerateRequest()};
  EXPECT_TRUE(Accept(ledger, Started()).ok());
  EXPECT_EQ(forwarded_.size(), 1u);
  EXPECT_TRUE(Accept(ledger, Delta(0, 2, "ab")).ok());
  EXPECT_EQ(forwarded_[0].delta().token_ids_size(), 2);
  EXPECT_FALSE(ledger.complete());
  EXPECT_TRUE(Accept(ledger, Finished()).ok());
  EXPECT_TRUE(ledger.complete());
  EXPECT_EQ(ledger.sent_tokens(), 2);
  EXPECT_EQ(forwarded_[0].finished().usage().resumed_times(), 0u);
}

TEST_F(StreamLedgerTest, AnIdBeyondTheVocabularyIsTheWorkersFault) {
  StreamLedger ledger{v1::GenerateRequest()};
  ledger.SetVocabulary(102);
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  EXPECT_TRUE(Accept(ledger, Delta(0, 2, "ab")).ok()) << "100 and 101";
  const absl::Status status = Accept(ledger, Delta(2, 1, "c"));
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_NE(status.message().find("token id 102, its vocabulary has 102"), absl::string_view::npos) << status;
  EXPECT_TRUE(forwarded_.empty());
}

TEST_F(StreamLedgerTest, ARequiredSessionIsTheRoutersAffair) {
  v1::GenerateRequest request;
  request.mutable_session()->set_id("talk");
  request.mutable_session()->set_affinity(v1::Session::REQUIRE);
  const v1::GenerateRequest asked = StreamLedger(request).WorkerRequest(request);
  EXPECT_EQ(asked.session().affinity(), v1::Session::PREFER);
  EXPECT_EQ(asked.session().id(), "talk");
}

TEST_F(StreamLedgerTest, GapsRepeatsAndDisorderAreTheWorkersFault) {
  StreamLedger ledger{v1::GenerateRequest()};
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Delta(0, 1, "a")))) << "before Started";
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Started()))) << "Started twice";
  ASSERT_TRUE(Accept(ledger, Delta(0, 2, "ab")).ok());
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Delta(3, 1, "d")))) << "gap";
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Delta(1, 1, "b")))) << "repeat";
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Delta(2, 1, "x", 1)))) << "a sample that was not asked for";
  v1::GenerateResponse miscounted = Delta(2, 1, "c");
  miscounted.mutable_delta()->set_token_count(2);
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, miscounted)));
  EXPECT_TRUE(forwarded_.empty());
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, v1::GenerateResponse()))) << "no event";
  ASSERT_TRUE(Accept(ledger, Finished()).ok());
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Delta(2, 1, "c")))) << "after the end";
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Finished())));
}

TEST_F(StreamLedgerTest, HoldsTheLastTextUntilTheEndIsCertain) {
  StreamLedger ledger{v1::GenerateRequest()};
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  ASSERT_TRUE(Accept(ledger, Delta(0, 1, "a")).ok());
  ASSERT_TRUE(Accept(ledger, Delta(1, 0, "tail")).ok());
  EXPECT_TRUE(forwarded_.empty());
  ledger.TakeOver();  // the worker died between the text and Finished
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  ASSERT_TRUE(Accept(ledger, Delta(1, 0, "tail")).ok());
  ASSERT_TRUE(Accept(ledger, Finished()).ok());
  ASSERT_EQ(forwarded_.size(), 2u);
  EXPECT_EQ(forwarded_[0].delta().text(), "tail");
  EXPECT_EQ(forwarded_[1].finished().usage().resumed_times(), 1u);
}

TEST_F(StreamLedgerTest, ATakeOverContinuesAndIsSeenOnlyInUsage) {
  v1::GenerateRequest request;
  request.add_resume_token_ids(7);
  request.mutable_output()->set_token_ids(false);
  StreamLedger ledger(request);
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  ASSERT_TRUE(Accept(ledger, Delta(1, 2, "bc")).ok());
  EXPECT_EQ(forwarded_[0].delta().token_ids_size(), 0) << "the client did not ask for ids";
  EXPECT_EQ(forwarded_[0].delta().token_count(), 2u);
  ledger.TakeOver();
  const v1::GenerateRequest next = ledger.WorkerRequest(request);
  EXPECT_EQ(next.resume_token_ids_size(), 3);
  EXPECT_EQ(next.resume_token_ids(0), 7u);
  EXPECT_EQ(next.resume_token_ids(2), 102u);
  EXPECT_EQ(next.sampling().seed(), 99u);
  EXPECT_TRUE(next.output().token_ids());
  EXPECT_TRUE(absl::IsDataLoss(Accept(ledger, Started("other weights"))));
  ledger.TakeOver();
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  EXPECT_TRUE(forwarded_.empty()) << "the client has had its Started";
  ASSERT_TRUE(Accept(ledger, Delta(3, 1, "d")).ok());
  EXPECT_EQ(ledger.sent_tokens(), 3);
}

// What the client has of the prompt is neither sent nor computed again; what it has not is.
TEST_F(StreamLedgerTest, ThePromptGoesThroughOnceOverAllWorkers) {
  v1::GenerateRequest request;
  request.mutable_output()->set_echo(true);
  request.mutable_output()->set_prompt_logprobs(3);
  StreamLedger ledger(request);
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  ledger.TakeOver();
  EXPECT_EQ(ledger.WorkerRequest(request).output().prompt_logprobs(), 3u);
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  v1::GenerateResponse prompt;
  prompt.mutable_prompt()->add_logprobs()->set_logprob(-1);
  ASSERT_TRUE(Accept(ledger, prompt).ok());
  ASSERT_EQ(forwarded_.size(), 1u);
  EXPECT_EQ(forwarded_[0].prompt().logprobs_size(), 1);
  ledger.TakeOver();
  EXPECT_FALSE(ledger.WorkerRequest(request).output().has_prompt_logprobs());
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  ASSERT_TRUE(Accept(ledger, prompt).ok());
  EXPECT_TRUE(forwarded_.empty());
}

TEST_F(StreamLedgerTest, SeveralSamplesAreCountedApart) {
  v1::GenerateRequest request;
  request.mutable_output()->set_n(2);
  StreamLedger ledger(request);
  EXPECT_FALSE(ledger.resumable());
  ASSERT_TRUE(Accept(ledger, Started()).ok());
  ASSERT_TRUE(Accept(ledger, Delta(0, 1, "a", 1)).ok());
  ASSERT_TRUE(Accept(ledger, Delta(0, 2, "xy", 0)).ok());
  ASSERT_TRUE(Accept(ledger, Delta(1, 1, "b", 1)).ok());
  ASSERT_TRUE(Accept(ledger, Finished(1)).ok());
  EXPECT_FALSE(ledger.complete());
  ASSERT_TRUE(Accept(ledger, Finished(0)).ok());
  EXPECT_TRUE(ledger.complete());
}

// Workers that die anywhere: the client's text and ids are those of one unbroken stream.
TEST_F(StreamLedgerTest, AnyDeathsGiveTheUnbrokenStream) {
  const uint64_t seed = 77;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const std::string whole = "the quick brown fox jumps over the lazy dog, again and again";
  for (int round = 0; round < 500; ++round) {
    StreamLedger ledger{v1::GenerateRequest()};
    std::string text;
    uint32_t tokens = 0;
    int deaths = 0;
    while (!ledger.complete()) {
      ASSERT_TRUE(Accept(ledger, Started()).ok());
      uint32_t next = static_cast<uint32_t>(ledger.WorkerRequest({}).resume_token_ids_size());
      ASSERT_EQ(next, tokens);
      while (true) {
        if (random() % 10 == 0) break;  // dies here
        const uint32_t left = static_cast<uint32_t>(whole.size()) - next;
        if (left == 0) {
          ASSERT_TRUE(Accept(ledger, Finished()).ok());
          break;
        }
        const uint32_t count = 1 + static_cast<uint32_t>(random() % std::min(left, 4u));
        ASSERT_TRUE(Accept(ledger, Delta(next, count, whole.substr(next, count))).ok());
        next += count;
        for (const v1::GenerateResponse& response : forwarded_) {
          ASSERT_EQ(response.delta().token_offset(), tokens);
          tokens += response.delta().token_count();
          text += response.delta().text();
        }
      }
      if (!ledger.complete()) ledger.TakeOver(), ++deaths;
    }
    EXPECT_EQ(text, whole);
    EXPECT_EQ(tokens, whole.size());
  }
}

}  // namespace
}  // namespace hekla::service
