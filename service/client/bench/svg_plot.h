// A line plot as an SVG element, for an HTML page: axes with ticks, a legend, nothing to load.
#ifndef HEKLA_SERVICE_CLIENT_BENCH_SVG_PLOT_H_
#define HEKLA_SERVICE_CLIENT_BENCH_SVG_PLOT_H_

#include <string>
#include <utility>
#include <vector>

namespace hekla::bench {

struct PlotLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y; by x
};

struct Plot {
  std::string title, x_name, y_name;
  bool log_x = false;  // points at x <= 0 are left out
  std::vector<PlotLine> lines;
};

// Without any point: a frame that says so. Texts are escaped.
std::string RenderSvg(const Plot& plot);

// Ticks at round numbers (1, 2, 5 times a power of ten; on a log axis powers of ten) within [low, high], about
// `wanted` of them.
std::vector<double> RoundTicks(double low, double high, int wanted);
std::vector<double> DecadeTicks(double low, double high);

std::string EscapeXml(const std::string& text);

}  // namespace hekla::bench

#endif  // HEKLA_SERVICE_CLIENT_BENCH_SVG_PLOT_H_
