// Reports of a run that is made up.
#include "service/client/bench/report.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/match.h"
#include "service/client/bench/json_object.h"
#include "service/client/bench/svg_plot.h"

namespace hekla::bench {
namespace {

class ReportTest : public testing::Test {
 protected:
  ReportTest() : summary_(absl::FromUnixSeconds(1'700'000'000), {absl::Seconds(1), absl::InfiniteDuration()}) {
    for (int i = 0; i < 100; ++i) {
      RequestRecord record;
      record.intended = record.started = absl::FromUnixSeconds(1'700'000'000 + i % 20);
      record.ended = record.intended + absl::Milliseconds(50 + i);
      record.attempts = 1;
      record.tokens = record.messages = 2;
      record.arrivals = {{static_cast<uint32_t>(1000 * (10 + i)), 1}, {static_cast<uint32_t>(1000 * (30 + i)), 1}};
      if (i == 99) record.status = absl::UnavailableError("gone");
      summary_.Add(record);
    }
    report_.title = "closed loop, <8> clients";
    report_.settings = {{"prompt_tokens", "uniform:\"1\",2"}};
    report_.begun = absl::FromUnixSeconds(1'700'000'000);
    report_.elapsed = absl::Seconds(20);
    report_.client_cpu_seconds = 0.01;
    report_.summary = &summary_;
  }

  Summary summary_;
  Report report_;
};

TEST_F(ReportTest, TheTableHasTheFigures) {
  const std::string text = ReportText(report_);
  EXPECT_TRUE(absl::StrContains(text, "requests     100: 99 completed, 1 failed")) << text;
  EXPECT_TRUE(absl::StrContains(text, "             1 UNAVAILABLE\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "rate         4.95 requests/s, 10.0 output tokens/s")) << text;
  EXPECT_TRUE(absl::StrContains(text, "goodput      4.95 requests/s within the objectives, 99.0 % of 100"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "tokens       0 skipped, 0 repeated\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "this client  50.0 us of CPU a message")) << text;
  EXPECT_TRUE(absl::StrContains(text, "\nTPOT            20.0 ms    20.0 ms")) << text;
}

TEST_F(ReportTest, BrokenStreamsAreNotOverlooked) {
  RequestRecord record;
  record.skipped = 1;
  summary_.Add(record);
  EXPECT_TRUE(absl::StrContains(ReportText(report_), "BROKEN"));
  EXPECT_TRUE(absl::StrContains(ReportHtml(report_), "The streams are broken"));
}

TEST_F(ReportTest, JsonCanBeRead) {
  google::protobuf::Struct json;
  const auto status = google::protobuf::util::JsonStringToMessage(ReportJson(report_), &json);
  ASSERT_TRUE(status.ok()) << status.ToString() << ReportJson(report_);
  const auto& fields = json.fields();
  EXPECT_EQ(fields.at("completed").number_value(), 99);
  EXPECT_EQ(fields.at("settings").struct_value().fields().at("prompt_tokens").string_value(), "uniform:\"1\",2");
  const auto& ttft =
      fields.at("latencies").struct_value().fields().at("time_to_first_token_seconds").struct_value().fields();
  EXPECT_NEAR(ttft.at("p50").number_value(), 0.059, 0.0005);
  EXPECT_EQ(ttft.at("max").number_value(), 0.109);
  EXPECT_EQ(fields.at("timeline").list_value().values_size(), 20);
  EXPECT_EQ(fields.at("errors").struct_value().fields().at("UNAVAILABLE").number_value(), 1);
  EXPECT_EQ(fields.at("objectives").struct_value().fields().size(), 1u);
}

TEST_F(ReportTest, TheHtmlPageIsWholeAndLoadsNothing) {
  const std::string html = ReportHtml(report_);
  EXPECT_TRUE(absl::StartsWith(html, "<!DOCTYPE html>"));
  EXPECT_TRUE(absl::EndsWith(html, "</body></html>\n"));
  EXPECT_TRUE(absl::StrContains(html, "closed loop, &lt;8&gt; clients")) << "texts are escaped";
  for (const char* foreign : {"http:", "https:", "src=", "href=", "@import", "<script"}) {
    EXPECT_FALSE(absl::StrContains(html, foreign)) << foreign;
  }
  size_t plots = 0, ends = 0, curves = 0, at = 0;
  while ((at = html.find("<svg ", at)) != std::string::npos) ++plots, ++at;
  for (at = 0; (at = html.find("</svg>", at)) != std::string::npos;) ++ends, ++at;
  for (at = 0; (at = html.find("<polyline ", at)) != std::string::npos;) ++curves, ++at;
  EXPECT_EQ(plots, 6u);
  EXPECT_EQ(ends, plots);
  EXPECT_EQ(curves, 12u) << "TTFT, E2E, ITL, TPOT; due, completed, failed; tokens; twice two latencies";
}

TEST_F(ReportTest, ARunWithoutRequestsHasAReport) {
  const Summary nothing(report_.begun, {});
  report_.summary = &nothing;
  EXPECT_TRUE(absl::StrContains(ReportText(report_), "requests     0:"));
  EXPECT_TRUE(absl::StrContains(ReportHtml(report_), "no samples"));
  google::protobuf::Struct json;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(ReportJson(report_), &json).ok());
}

TEST(SvgPlotTest, TicksAreRound) {
  EXPECT_EQ(RoundTicks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(RoundTicks(3, 47, 5), (std::vector<double>{10, 20, 30, 40}));
  EXPECT_EQ(RoundTicks(4, 4, 5), (std::vector<double>{4}));
  EXPECT_FALSE(std::signbit(RoundTicks(0, 10, 5)[0])) << "it would be shown as -0";
  EXPECT_EQ(DecadeTicks(0.5, 2000), (std::vector<double>{1, 10, 100, 1000}));
  const std::vector<double> narrow = DecadeTicks(30, 600);
  ASSERT_EQ(narrow.size(), 4u);
  EXPECT_DOUBLE_EQ(narrow[0], 50);
  EXPECT_DOUBLE_EQ(narrow[3], 500);
}

TEST(SvgPlotTest, PointsLieWhereTheAxesSay) {
  const Plot plot{"t", "x", "y", true, {{"line", {{1, 0}, {10, 50}, {100, 100}, {0, 7}}}}};
  const std::string svg = RenderSvg(plot);
  // The frame goes from 64 to 544 and from 236 up to 34; on a log axis 10 is half way from 1 to 100.
  EXPECT_TRUE(absl::StrContains(svg, "points=\"64.0,236.0 304.0,135.0 544.0,34.0\"")) << svg;
}

TEST(JsonObjectTest, TextsAreQuoted) {
  JsonObject json;
  json.Add("a\"b", "line\nend\\").Add("n", 1.5).Add("u", 7u).Add("no", 0.0 / 0.0).Add("yes", true);
  EXPECT_EQ(json.ToString(), R"({"a\"b": "line\u000aend\\", "n": 1.5, "u": 7, "no": null, "yes": true})");
}

TEST(ShowDurationTest, ThreeDigitsAndAUnit) {
  EXPECT_EQ(ShowDuration(absl::Microseconds(7)), "7.00 us");
  EXPECT_EQ(ShowDuration(absl::Microseconds(12'345)), "12.3 ms");
  EXPECT_EQ(ShowDuration(absl::Microseconds(999'400)), "999 ms");
  EXPECT_EQ(ShowDuration(absl::Seconds(75)), "75.0 s");
  EXPECT_EQ(ShowDuration(absl::ZeroDuration()), "0 ms");
}

}  // namespace
}  // namespace hekla::bench
