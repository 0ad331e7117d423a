#include "service/client/chaos/fault_row.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "service/runtime/status.h"

namespace hekla::chaos {
namespace {

const absl::Time kFaultTime = absl::FromUnixSeconds(1000);

// Tokens at these times in ms after the fault.
bench::RequestRecord Record(uint64_t index, std::vector<int> tokens_ms, uint64_t hash) {
  bench::RequestRecord record;
  record.index = index;
  record.intended = record.started = kFaultTime + absl::Milliseconds(tokens_ms.front()) - absl::Seconds(1);
  for (const int ms : tokens_ms)
    record.arrivals.push_back({static_cast<uint32_t>(1'000'000 + 1000 * (ms - tokens_ms.front())), 1});
  record.ended = kFaultTime + absl::Milliseconds(tokens_ms.back());
  record.attempts = 1;
  record.output_hash = hash;
  return record;
}

TEST(FaultRowTest, EveryKindOfDamageIsCounted) {
  bench::RequestRecord lost = Record(0, {-50, -40}, 1);
  lost.status =
      service::MakeError(absl::StatusCode::kUnavailable, v1::ERROR_REASON_WORKER_LOST, "could not be resumed");
  bench::RequestRecord wrong = Record(1, {-50, -40}, 99);
  bench::RequestRecord repeated = Record(2, {-50, -40}, 1);
  repeated.repeated = 2;
  bench::RequestRecord skipped = Record(3, {-50, -40}, 2);
  skipped.skipped = 3;
  bench::RequestRecord again = Record(4, {-50, -40}, 1);
  again.attempts = 2;
  bench::RequestRecord resumed = Record(5, {-50, -40}, 2);
  resumed.resumed_times = 1;
  const FaultRow row =
      MakeRow(Fault::kKill, 2, kFaultTime, {lost, wrong, repeated, skipped, again, resumed}, {1, 2});
  EXPECT_EQ(row.requests, 6u);
  EXPECT_EQ(row.lost, 1u);
  EXPECT_EQ(row.mismatched, 1u) << "a lost one is not wrong as well";
  EXPECT_EQ(row.duplicated, 2u);
  EXPECT_EQ(row.skipped, 3u);
  EXPECT_EQ(row.retried, 1u);
  EXPECT_EQ(row.resumed, 1u);
  EXPECT_EQ(row.errors.at("UNAVAILABLE (WORKER_LOST)"), 1u);
  EXPECT_FALSE(row.recovered.has_value()) << "all had ended before the fault";
  EXPECT_FALSE(row.IsClean());
  EXPECT_TRUE(MakeRow(Fault::kKill, 2, kFaultTime, {again, resumed}, {1, 2}).IsClean());
}

TEST(FaultRowTest, RecoveryIsTheLongestPauseFromTheFaultOn) {
  const auto recovered = [](const std::vector<int>& tokens_ms) {
    return MakeRow(Fault::kKill, 2, kFaultTime, {Record(0, tokens_ms, 1)}, {1}).recovered;
  };
  EXPECT_EQ(recovered({-200, -10, 90, 100}), absl::Milliseconds(90)) << "the part before the fault does not count";
  EXPECT_EQ(recovered({-10, 10, 20, 320, 330}), absl::Milliseconds(300));
  EXPECT_EQ(recovered({990, 995, 1100}), absl::Milliseconds(990)) << "sent at -10 ms, without a token until then";
  EXPECT_EQ(recovered({1500, 1600}), std::nullopt) << "sent after the fault";
}

TEST(FaultRowTest, TableAndJson) {
  FaultRow row = MakeRow(Fault::kKill, 4, kFaultTime, {Record(0, {-10, 40}, 1)}, {1});
  row.detected = absl::Milliseconds(3);
  const auto table = FaultTable({row});
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[1], (std::vector<std::string>{"kill -9 of a worker", "4", "1", "0", "0", "0", "0", "0", "0", "3.00 ms",
                                                "40.0 ms", ""}));
  EXPECT_EQ(table[0].size(), table[1].size());
  google::protobuf::ListValue json;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(FaultJson({row, row}), &json).ok()) << FaultJson({row});
  EXPECT_EQ(json.values(1).struct_value().fields().at("fault").string_value(), "kill");
  EXPECT_EQ(json.values(0).struct_value().fields().at("recovered_seconds").number_value(), 0.04);
}

TEST(FaultTest, NamesGoBothWays) {
  std::string all;
  for (const Fault fault : AllFaults()) all += std::string(FaultName(fault)) + ",";
  EXPECT_EQ(*ParseFaults(all), AllFaults());
  EXPECT_EQ(ParseFaults("kill,flood").status().message(),
            "'flood' is not one of none, kill, freeze, link-reset, link-silent, slow, drain, restart");
  EXPECT_FALSE(ParseFaults("").ok());
}

}  // namespace
}  // namespace hekla::chaos
