#include "service/client/bench/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace hekla::bench {
namespace {

constexpr double kWidth = 560, kHeight = 280;
constexpr double kLeft = 64, kRight = 16, kTop = 34, kBottom = 44;
constexpr const char* kColours[] = {"#1f6fb4", "#d9541e", "#2c8c4a", "#8a4fb5", "#a07a12"};

// From values to pixels, along one axis.
class Scale {
 public:
  Scale(double low, double high, bool is_log, double from, double to)
      : is_log_(is_log), low_(Position(low)), high_(Position(high)), from_(from), to_(to) {}
  double At(double value) const {
    const double span = high_ > low_ ? high_ - low_ : 1;
    return from_ + (to_ - from_) * (Position(value) - low_) / span;
  }

 private:
  double Position(double value) const { return is_log_ ? std::log10(value) : value; }

  const bool is_log_;
  const double low_, high_, from_, to_;
};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void Take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor,
                         EscapeXml(text));
}

std::string Line(double x1, double y1, double x2, double y2) {
  return absl::StrFormat("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n", x1, y1, x2,
                         y2);
}

std::string Curve(const PlotLine& line, const Plot& plot, const Scale& x, const Scale& y,
                  const char* colour) {
  std::string points;
  for (const auto& [at, value] : line.points) {
    if (plot.log_x && at <= 0) continue;
    absl::StrAppendFormat(&points, "%.1f,%.1f ", x.At(at), y.At(value));
  }
  if (points.empty()) return "";
  points.pop_back();
  return absl::StrFormat("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" points=\"%s\"/>\n", colour,
                         points);
}

}  // namespace

std::string EscapeXml(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::vector<double> RoundTicks(double low, double high, int wanted) {
  std::vector<double> ticks;
  if (!(high > low)) return {low};
  const double rough = (high - low) / wanted, power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough) step = factor * power;
  }
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) ticks.push_back(k * step + 0.0);  // no -0
  return ticks;
}

std::vector<double> DecadeTicks(double low, double high) {
  std::vector<double> ticks;
  for (double power = std::floor(std::log10(low)); power <= std::ceil(std::log10(high)); ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10, power);
      const bool fits = tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9);
      // Over more than two decades only the powers themselves, or the labels would overlap.
      if (fits && (factor == 1 || high / low < 100)) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string RenderSvg(const Plot& plot) {
  Range x_range, y_range;
  y_range.Take(0);
  for (const PlotLine& line : plot.lines) {
    for (const auto& [x, y] : line.points) {
      if (plot.log_x && x <= 0) continue;
      x_range.Take(x);
      y_range.Take(y);
    }
  }
  std::string svg = absl::StrFormat(
      "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n", kWidth, kHeight, EscapeXml(plot.title));
  svg += absl::StrFormat("<text x=\"%.1f\" y=\"16\" class=\"title\">%s</text>\n", kLeft, EscapeXml(plot.title));
  const double right = kWidth - kRight, bottom = kHeight - kBottom;
  if (x_range.empty()) return absl::StrCat(svg, Text(kWidth / 2, kHeight / 2, "middle", "no samples"), "</svg>\n");
  if (y_range.high <= y_range.low) y_range.high = y_range.low + 1;
  const Scale x(x_range.low, x_range.high, plot.log_x, kLeft, right);
  const Scale y(y_range.low, y_range.high, false, bottom, kTop);
  for (const double tick : RoundTicks(y_range.low, y_range.high, 5)) {
    svg += Line(kLeft, y.At(tick), right, y.At(tick));
    svg += Text(kLeft - 6, y.At(tick) + 4, "end", absl::StrFormat("%.4g", tick));
  }
  const auto ticks = plot.log_x ? DecadeTicks(x_range.low, x_range.high) : RoundTicks(x_range.low, x_range.high, 8);
  for (const double tick : ticks) {
    svg += Line(x.At(tick), kTop, x.At(tick), bottom);
    svg += Text(x.At(tick), bottom + 16, "middle", absl::StrFormat("%.4g", tick));
  }
  svg += Text((kLeft + right) / 2, kHeight - 8, "middle", plot.x_name);
  svg += Text(kLeft - 6, kTop - 8, "end", plot.y_name);
  double legend = right;
  for (size_t i = plot.lines.size(); i-- > 0;) {
    const char* colour = kColours[i % std::size(kColours)];
    svg += Curve(plot.lines[i], plot, x, y, colour);
    svg += absl::StrFormat("<text x=\"%.1f\" y=\"16\" text-anchor=\"end\" fill=\"%s\">%s</text>\n", legend, colour,
                           EscapeXml(plot.lines[i].name));
    legend -= 14 + 7 * static_cast<double>(plot.lines[i].name.size());
  }
  return absl::StrCat(svg, "</svg>\n");
}

}  // namespace hekla::bench
