#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/client/bench/report.h"
#include "service/client/bench/svg_plot.h"

namespace hekla::bench {
namespace {

constexpr size_t kCdfPoints = 200;

constexpr char kHead[] = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>hekla bench</title><style>
body{font:15px/1.45 system-ui,sans-serif;margin:24px auto;max-width:1180px;padding:0 16px;color:#222;background:#fff}
h1{font-size:22px}h2{font-size:17px;margin-top:28px}
table{border-collapse:collapse}td,th{padding:3px 14px 3px 0;text-align:right;border-bottom:1px solid #e4e4e4}
td:first-child,th:first-child{text-align:left}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:18px}
svg{width:100%;height:auto;font:11px system-ui,sans-serif;fill:#444}
svg .grid{stroke:#e4e4e4}svg .title{font-size:13px;font-weight:600}
.bad{color:#b00020;font-weight:600}
</style></head><body>
)";

std::string Cell(const std::string& text) { return absl::StrCat("<td>", EscapeXml(text), "</td>"); }

std::string NameAndValue(const std::string& name, const std::string& value) {
  return absl::StrCat("<tr>", Cell(name), Cell(value), "</tr>\n");
}

std::string Figures(const Report& report) {
  const Summary& s = *report.summary;
  std::string html = "<table>\n";
  html += NameAndValue("requests", absl::StrCat(s.requests));
  html += NameAndValue("completed", absl::StrCat(s.completed));
  html += NameAndValue("failed", absl::StrCat(s.failed));
  html += NameAndValue("cancelled as planned", absl::StrCat(s.cancelled));
  html += NameAndValue("resumed at another worker", absl::StrCat(s.resumed));
  html += NameAndValue("requests / s", absl::StrFormat("%.2f", report.PerSecond(s.completed)));
  html += NameAndValue("output tokens / s", absl::StrFormat("%.1f", report.PerSecond(s.output_tokens)));
  if (s.objectives().IsGiven())
    html += NameAndValue("goodput, requests / s", absl::StrFormat("%.2f", report.PerSecond(s.good)));
  html += NameAndValue("tokens skipped / repeated", absl::StrCat(s.skipped_tokens, " / ", s.repeated_tokens));
  html += NameAndValue("client CPU a message", absl::StrFormat("%.1f us", report.CpuMicrosPerMessage()));
  html += "</table>\n";
  if (!s.IsExact()) html += "<p class=\"bad\">The streams are broken: tokens are missing or came twice.</p>\n";
  return html;
}

std::string LatencyTable(const Summary& summary) {
  std::string html =
      "<table><tr><th></th><th>p50</th><th>p90</th><th>p95</th><th>p99</th><th>max</th><th>mean</th>"
      "<th>samples</th></tr>\n";
  for (const NamedLatency& latency : LatenciesOf(summary)) {
    const LatencyHistogram& h = *latency.histogram;
    absl::StrAppend(&html, "<tr>", Cell(latency.name));
    for (const double q : {0.5, 0.9, 0.95, 0.99}) html += Cell(ShowDuration(h.Quantile(q)));
    absl::StrAppend(&html, Cell(ShowDuration(h.Max())), Cell(ShowDuration(h.Mean())),
                    Cell(absl::StrCat(h.count())), "</tr>\n");
  }
  return html + "</table>\n";
}

std::string ErrorTable(const Summary& summary) {
  if (summary.errors.empty()) return "";
  std::string html = "<h2>Errors</h2><table>\n";
  for (const auto& [name, count] : summary.errors) html += NameAndValue(name, absl::StrCat(count));
  return html + "</table>\n";
}

PlotLine CdfLine(const char* name, const LatencyHistogram& histogram) {
  PlotLine line{name, {}};
  for (const LatencyHistogram::CdfPoint& point : histogram.Cdf(kCdfPoints))
    line.points.emplace_back(1e3 * point.seconds, 100 * point.share);
  return line;
}

std::string CdfPlot(const char* title, std::vector<PlotLine> lines) {
  return RenderSvg({title, "ms", "%", true, std::move(lines)});
}

std::string TimelinePlots(const Timeline& timeline) {
  PlotLine due{"due", {}}, completed{"completed", {}}, failed{"failed", {}}, tokens{"tokens", {}};
  PlotLine ttft50{"TTFT p50", {}}, ttft99{"TTFT p99", {}}, itl50{"ITL p50", {}}, itl99{"ITL p99", {}};
  const double length = absl::ToDoubleSeconds(timeline.slice_length());
  double at = length / 2;
  for (const TimeSlice& slice : timeline.slices()) {
    due.points.emplace_back(at, static_cast<double>(slice.due) / length);
    completed.points.emplace_back(at, static_cast<double>(slice.completed) / length);
    failed.points.emplace_back(at, static_cast<double>(slice.failed) / length);
    tokens.points.emplace_back(at, static_cast<double>(slice.tokens) / length);
    const auto add = [at](PlotLine& line, const LatencyHistogram& histogram, double q) {
      if (histogram.count() > 0)
        line.points.emplace_back(at, absl::ToDoubleMilliseconds(histogram.Quantile(q)));
    };
    add(ttft50, slice.first_token, 0.5);
    add(ttft99, slice.first_token, 0.99);
    add(itl50, slice.between_tokens, 0.5);
    add(itl99, slice.between_tokens, 0.99);
    at += length;
  }
  return absl::StrCat(RenderSvg({"Requests a second", "s", "1/s", false, {due, completed, failed}}),
                      RenderSvg({"Output tokens a second", "s", "1/s", false, {tokens}}),
                      RenderSvg({"Time to first token", "s", "ms", false, {ttft50, ttft99}}),
                      RenderSvg({"Inter-token latency", "s", "ms", false, {itl50, itl99}}));
}

}  // namespace

std::string ReportHtml(const Report& report) {
  const Summary& s = *report.summary;
  std::string html = kHead;
  absl::StrAppend(&html, "<h1>hekla bench: ", EscapeXml(report.title), "</h1>\n<p>",
                  absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", report.begun, absl::UTCTimeZone()), ", ",
                  absl::StrFormat("%.1f s", absl::ToDoubleSeconds(report.elapsed)),
                  report.interrupted ? ", interrupted" : "", "</p>\n");
  absl::StrAppend(&html, Figures(report), "<h2>Latencies</h2>\n", LatencyTable(s), ErrorTable(s));
  absl::StrAppend(&html, "<h2>Distributions</h2>\n<div class=\"plots\">\n",
                  CdfPlot("Time to first token, end to end",
                          {CdfLine("TTFT", s.first_token), CdfLine("E2E", s.whole)}),
                  CdfPlot("Between tokens", {CdfLine("ITL", s.between_tokens), CdfLine("TPOT", s.per_token)}),
                  "</div>\n<h2>Over time</h2>\n<div class=\"plots\">\n", TimelinePlots(s.timeline()), "</div>\n");
  html += "<h2>Settings</h2>\n<table>\n";
  for (const auto& [name, value] : report.settings) html += NameAndValue(name, value);
  return absl::StrCat(html, "</table>\n</body></html>\n");
}

}  // namespace hekla::bench
