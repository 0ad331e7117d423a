"""deploy/grafana/charts.py and render.py without Prometheus and Chromium: what the pictures are drawn from."""
import glob
import json
import math
import os
import re
import sys
import unittest
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GRAFANA = os.path.join(ROOT, "deploy", "grafana")
sys.path.insert(0, GRAFANA)
import charts  # noqa: E402
import render  # noqa: E402

NAN = math.nan


def points(svg, shape):
    """The places of each shape of a picture."""
    root = xml.etree.ElementTree.fromstring(svg)
    return [[tuple(map(float, place.split(","))) for place in each.get("points").split()] for each in root.iter(shape)]


class Charts(unittest.TestCase):
    def test_values_have_units(self):
        for value, unit, words in ((0.0123, "s", "12.3 ms"), (0, "s", "0 s"), (2.5e-5, "s", "25 us"), (0.956, "percentunit", "95.6 %"),
                                   (3 << 30, "bytes", "3 GiB"), (2.5e9, "Bps", "2.5 GB/s"), (1234, "short", "1.23 k"),
                                   (7, "reqps", "7 req/s"), (NAN, "s", "-"), (None, "short", "-")):
            self.assertEqual(charts.format_value(value, unit), words)

    def test_ticks_are_round_and_end_below_the_top(self):
        self.assertEqual(charts.nice_ticks(9), [0, 2.5, 5, 7.5])
        self.assertEqual(charts.nice_ticks(0.04), [0, 0.01, 0.02, 0.03, 0.04])

    def test_a_line_goes_from_the_start_to_the_end_and_up(self):
        svg = charts.line_chart([("a", [(100, 0), (110, 5), (120, 10)])], "short", 464, 200, 100, 120, False)
        [line] = points(svg, "polyline")
        self.assertEqual([x for x, _ in line], [56, 256, 456])
        self.assertEqual([y for _, y in line], sorted((y for _, y in line), reverse=True))

    def test_stacked_series_stand_on_those_below_them(self):
        series = [("a", [(1, 1), (2, 2)]), ("b", [(1, 10), (2, NAN)])]
        self.assertEqual(charts.stacked(series), [("a", [(1, 1), (2, 2)]), ("b", [(1, 11), (2, 2)])])
        self.assertEqual(len(points(charts.line_chart(series, "short", 400, 200, 1, 2, True), "polygon")), 2)

    def test_what_has_no_value_is_left_out(self):
        svg = charts.line_chart([("a", [(1, NAN), (2, 3)])], "short", 400, 200, 1, 2, False)
        self.assertEqual(len(points(svg, "polyline")[0]), 1)
        self.assertIn("no value", charts.line_chart([("a", [(1, NAN)])], "short", 400, 200, 1, 2, False))
        self.assertIn("no value", charts.heat_chart([("1", [(1, 0)])], "s", 400, 200, 1, 2))

    def test_heat_is_what_a_bucket_holds_beyond_those_below_it(self):
        buckets = [("+Inf", [(1, 6), (2, 0)]), ("0.1", [(1, 1), (2, 0)]), ("1", [(1, 5), (2, 0)])]
        cells = re.findall(r'<rect [^>]*fill-opacity="([\d.]+)"', charts.heat_chart(buckets, "s", 400, 200, 1, 2))
        self.assertEqual(cells, [f"{0.15 + 0.85 * (count / 4) ** 0.5:.2f}" for count in (1, 4, 1)])

    def test_a_number_has_the_colour_of_the_last_step_it_reached(self):
        steps = [{"value": None, "color": "green"}, {"value": 1, "color": "orange"}, {"value": 5, "color": "red"}]
        for value, color in ((0, "#73bf69"), (1, "#ff780a"), (9, "#e02f44"), (None, "#73bf69")):
            self.assertIn(color, charts.big_number(value, "short", steps))

    def test_names_are_not_markup(self):
        self.assertIn("&lt;b&gt;", charts.legend([("<b>", [])]))
        self.assertIn("&lt;b&gt;", charts.grid(["<b>"], []))


class FixedSource(render.Source):
    """Answers every query with one or two series; remembers the queries."""

    def __init__(self):
        super().__init__("nowhere", 60)
        self.asked = []

    def ask(self, path, **query):
        self.asked.append(query["query"])
        times = [self.start + 10 * i for i in range(6)]
        labels = {"le": "0.5", "model": "m<1>", "phase": "decode"}
        return [{"metric": labels, "value": [self.end, "3"], "values": [[at, str(i)] for i, at in enumerate(times)]}]


class Pages(unittest.TestCase):
    def test_every_panel_of_every_dashboard_is_drawn(self):
        for path in glob.glob(os.path.join(GRAFANA, "dashboards", "*.json")):
            with open(path, encoding="utf-8") as file:
                board = json.load(file)
            source = FixedSource()
            text, height = render.page(board, source)
            panels = [panel for panel in board["panels"] if panel["type"] != "row"]
            self.assertEqual(text.count('class="panel"'), len(panels))
            self.assertEqual(len(source.asked), sum(len(panel["targets"]) for panel in panels))
            self.assertNotIn("no value", text)
            self.assertNotIn("m<1>", text)
            self.assertFalse([query for query in source.asked if "$" in query], "a variable is left")
            self.assertGreater(height, 500)

    def test_pictures_are_committed_and_small(self):
        for path in glob.glob(os.path.join(GRAFANA, "dashboards", "*.json")):
            picture = os.path.join(GRAFANA, os.path.basename(path).replace(".json", ".png"))
            self.assertLess(os.path.getsize(picture), render.MAX_BYTES)


if __name__ == "__main__":
    unittest.main()
