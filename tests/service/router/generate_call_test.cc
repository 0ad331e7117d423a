#include "service/router/generate_call.h"

#include <gtest/gtest.h>

#include "service/router/result_builder.h"
#include "service/runtime/status.h"

namespace hekla::service {
namespace {

v1::GenerateResponse Delta(uint32_t offset, uint32_t count, const std::string& text, uint32_t sample = 0) {
  v1::GenerateResponse response;
  response.mutable_delta()->set_sample_index(sample);
  response.mutable_delta()->set_token_offset(offset);
  response.mutable_delta()->set_token_count(count);
  for (uint32_t i = 0; i < count; ++i) response.mutable_delta()->add_token_ids(offset + i);
  response.mutable_delta()->set_text(text);
  return response;
}

TEST(GenerateCallTest, MergesOnlyWhatFollows) {
  v1::GenerateResponse last = Delta(3, 2, "ab");
  EXPECT_TRUE(MergeDelta(Delta(5, 1, "c"), &last));
  EXPECT_EQ(last.delta().token_offset(), 3u);
  EXPECT_EQ(last.delta().token_count(), 3u);
  EXPECT_EQ(last.delta().text(), "abc");
  EXPECT_EQ(last.delta().token_ids(2), 5u);
  EXPECT_FALSE(MergeDelta(Delta(7, 1, "e"), &last)) << "a gap";
  EXPECT_FALSE(MergeDelta(Delta(6, 1, "d", 1), &last)) << "another sample";
  v1::GenerateResponse finished;
  finished.mutable_finished();
  EXPECT_FALSE(MergeDelta(finished, &last));
  EXPECT_FALSE(MergeDelta(Delta(0, 1, "x"), &finished));
}

TEST(GenerateCallTest, ACancelIsTheClientsOrTheDeadlines) {
  EXPECT_EQ(ReasonOf(CancelReason(absl::InfiniteFuture())), v1::ERROR_REASON_CANCELLED);
  EXPECT_EQ(ReasonOf(CancelReason(absl::UnixEpoch())), v1::ERROR_REASON_DEADLINE);
}

TEST(ResultBuilderTest, PutsAStreamTogether) {
  v1::Result result;
  v1::GenerateResponse started, finished, keepalive;
  started.mutable_started()->set_seed(5);
  finished.mutable_finished()->set_reason(v1::FINISH_REASON_EOS);
  keepalive.mutable_keepalive();
  for (const auto& response :
       {started, Delta(0, 1, "a"), Delta(0, 1, "x", 1), keepalive, Delta(1, 2, "bc"), finished}) {
    AddToResult(response, &result);
  }
  EXPECT_EQ(result.started().seed(), 5u);
  ASSERT_EQ(result.samples_size(), 2);
  EXPECT_EQ(result.samples(0).text(), "abc");
  EXPECT_EQ(result.samples(0).token_ids_size(), 3);
  EXPECT_EQ(result.samples(0).finished().reason(), v1::FINISH_REASON_EOS);
  EXPECT_EQ(result.samples(1).text(), "x");
}

}  // namespace
}  // namespace hekla::service
