#include "service/router/poison_table.h"

#include <gtest/gtest.h>

#include <set>

namespace hekla::service {
namespace {

absl::Time At(double seconds) { return absl::UnixEpoch() + absl::Seconds(seconds); }

v1::GenerateRequest Request(const std::string& text) {
  v1::GenerateRequest request;
  request.set_model("m");
  request.set_text(text);
  return request;
}

TEST(PoisonTableTest, TheFingerprintIsOfModelPromptAndSampling) {
  const v1::GenerateRequest plain = Request("a");
  v1::GenerateRequest other_model = plain, other_prompt = Request("b"), ids = plain, chat = plain, warm = plain;
  other_model.set_model("n");
  ids.mutable_token_ids()->add_ids('a');
  chat.mutable_chat()->add_messages()->set_content("a");
  warm.mutable_sampling()->set_temperature(0.5);
  const std::set<uint64_t> all = {Fingerprint(plain), Fingerprint(other_model), Fingerprint(other_prompt),
                                  Fingerprint(ids), Fingerprint(chat), Fingerprint(warm)};
  EXPECT_EQ(all.size(), 6u);
  v1::GenerateRequest again = plain;
  again.set_request_id("another");
  again.mutable_queue_timeout()->set_seconds(3);
  again.set_priority(v1::PRIORITY_BATCH);
  EXPECT_EQ(Fingerprint(again), Fingerprint(plain)) << "sent again under another name it is the same request";
}

TEST(PoisonTableTest, TheOrderOfBiasesDoesNotMatter) {
  v1::GenerateRequest up = Request("a"), down = Request("a");
  for (uint32_t i = 0; i < 200; ++i) {
    (*up.mutable_sampling()->mutable_logit_bias())[i] = 1;
    (*down.mutable_sampling()->mutable_logit_bias())[199 - i] = 1;
  }
  EXPECT_EQ(Fingerprint(up), Fingerprint(down));
}

TEST(PoisonTableTest, ForTenMinutes) {
  PoisonTable table;
  EXPECT_EQ(table.RefusedFor(7, At(0)), absl::ZeroDuration());
  table.Add(7, At(0));
  EXPECT_EQ(table.RefusedFor(7, At(60)), absl::Minutes(9));
  EXPECT_EQ(table.RefusedFor(8, At(60)), absl::ZeroDuration());
  EXPECT_EQ(table.RefusedFor(7, At(600)), absl::ZeroDuration());
}

TEST(PoisonTableTest, IsBounded) {
  PoisonTable table(absl::Minutes(10), /*max_entries=*/3);
  for (uint64_t i = 0; i < 10; ++i) table.Add(i, At(static_cast<double>(i)));
  for (uint64_t i = 0; i < 10; ++i) EXPECT_EQ(table.RefusedFor(i, At(10)) > absl::ZeroDuration(), i >= 7) << i;
}

TEST(PoisonTableTest, AddedAgainItStaysLonger) {
  PoisonTable table;
  table.Add(7, At(0));
  table.Add(7, At(300));
  EXPECT_EQ(table.RefusedFor(7, At(700)), absl::Seconds(200));
}

}  // namespace
}  // namespace hekla::service
