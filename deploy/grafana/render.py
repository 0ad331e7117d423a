#!/usr/bin/env python3
"""Draws the dashboards from a living Prometheus as pictures, deploy/grafana/NAME.png.

usage: deploy/grafana/render.py [--prometheus URL] [--seconds N] [--out FOLDER] [--help]

  --prometheus URL   default http://127.0.0.1:9090
  --seconds N        the range shown, up to now (default 300)
  --out FOLDER       default: this script's

A Prometheus for deploy/demo: deploy/prometheus/demo.yaml says how to start it; then give the demo some work.

Needs a Chromium (apt install chromium): only this script does, so deploy/packages.txt does not name it. The pictures
are drawn by charts.py, not by Grafana: the same panels, expressions and values in plainer clothes.
"""
import argparse
import glob
import html
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import charts

HERE = os.path.dirname(os.path.abspath(__file__))
UNIT_WIDTH, UNIT_HEIGHT = 60, 30  # of Grafana's grid, in pixels
MAX_BYTES = 300_000
STYLE = """
body { margin: 0; background: #111217; color: #d8d9da; font: 12px sans-serif; position: relative }
.panel { position: absolute; background: #181b1f; border: 1px solid #24272c; box-sizing: border-box; padding: 4px 6px; overflow: hidden }
.row { position: absolute; left: 8px; font-size: 14px; font-weight: bold; padding-top: 8px }
.title { font-weight: bold; margin-bottom: 2px } .legend { font-size: 10px; line-height: 13px; color: #9fa7b3 }
.number { font-size: 34px; text-align: center; padding-top: 18px } td, th { text-align: left; padding: 2px 40px 2px 4px }
"""


class Source:
    def __init__(self, url, seconds):
        self.url, self.end = url, time.time()
        self.start = self.end - seconds
        self.step = max(1, round(seconds / 150))

    def ask(self, path, **query):
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=30) as page:
            return json.load(page)["data"]["result"]

    def prepared(self, expression):
        return re.sub(r"\$(router|worker)", ".*", expression).replace("$__rate_interval", f"{max(20, 4 * self.step)}s")

    def series(self, target):
        """[(legend, [(time, value)])] of a target over the range."""
        found = []
        answer = self.ask("query_range", query=self.prepared(target["expr"]), start=self.start, end=self.end, step=self.step)
        for each in answer:
            name = re.sub(r"{{\s*(\w+)\s*}}", lambda m, each=each: each["metric"].get(m.group(1), ""), target["legendFormat"])
            found.append((name, [(float(at), float(value)) for at, value in each["values"]]))
        return found

    def now(self, target):
        """[(labels, value)] of a target at the end of the range."""
        answer = self.ask("query", query=self.prepared(target["expr"]), time=self.end)
        return [(each["metric"], float(each["value"][1])) for each in answer]


def draw_table(panel, source):
    label = panel["transformations"][0]["options"]["byField"]
    headers = [target["legendFormat"] for target in panel["targets"]]
    units = {each["matcher"]["options"]: each["properties"][0]["value"] for each in panel["fieldConfig"]["overrides"]}
    rows = {}
    for header, target in zip(headers, panel["targets"]):
        for labels, value in source.now(target):
            rows.setdefault(labels.get(label, ""), {})[header] = value
    return charts.grid([label, *headers], [[name, *(charts.format_value(row.get(h), units[h]) for h in headers)]
                                           for name, row in sorted(rows.items())])


def draw(panel, source, width, height):
    """The inside of a panel."""
    defaults = panel["fieldConfig"]["defaults"]
    if panel["type"] == "table":
        return draw_table(panel, source)
    if panel["type"] == "stat":
        values = [value for _, value in source.now(panel["targets"][0]) if math.isfinite(value)]
        return charts.big_number(values[0] if values else None, defaults["unit"], defaults["thresholds"]["steps"])
    series = [each for target in panel["targets"] for each in source.series(target)]
    if panel["type"] == "heatmap":
        return charts.heat_chart(series, defaults["unit"], width, height - 4, source.start, source.end)
    stack = defaults["custom"]["stacking"]["mode"] == "normal"
    lines = charts.line_chart(series, defaults["unit"], width, height - 32, source.start, source.end, stack)
    return lines + charts.legend(series)


def page(board, source):
    """(HTML, its height in pixels)."""
    parts, bottom = [], 0
    for panel in board["panels"]:
        place = panel["gridPos"]
        x, y, width, height = (place["x"] * UNIT_WIDTH, 40 + place["y"] * UNIT_HEIGHT, place["w"] * UNIT_WIDTH, place["h"] * UNIT_HEIGHT)
        bottom = max(bottom, y + height)
        if panel["type"] == "row":
            parts.append(f'<div class="row" style="top:{y}px">{html.escape(panel["title"])}</div>')
            continue
        inside = draw(panel, source, width - 20, height - 28)
        parts.append(f'<div class="panel" style="left:{x + 2}px;top:{y + 2}px;width:{width - 4}px;height:{height - 4}px">'
                     f'<div class="title">{html.escape(panel["title"])}</div>{inside}</div>')
    title = f'<div class="row" style="top:0;font-size:17px">{html.escape(board["title"])}</div>'
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><body>{title}{"".join(parts)}</body>', bottom + 8


def photograph(chromium, path, picture, height):
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
                   f"--window-size={24 * UNIT_WIDTH},{height}", f"--screenshot={picture}", "file://" + path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if not os.path.exists(picture):
        raise SystemExit(f"render.py: {chromium} made no picture:\n{done.stderr}")


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--out", default=HERE)
    parser.add_argument("--help", "-h", action="store_true")
    arguments = parser.parse_args()
    if arguments.help:
        print(__doc__.strip())
        return 0
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("render.py: no chromium here; apt install chromium", file=sys.stderr)
        return 1
    source = Source(arguments.prometheus, arguments.seconds)
    for name in sorted(glob.glob(os.path.join(HERE, "dashboards", "*.json"))):
        with open(name, encoding="utf-8") as file:
            content, height = page(json.load(file), source)
        picture = os.path.join(os.path.abspath(arguments.out), os.path.basename(name)[:-len(".json")] + ".png")
        with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            photograph(chromium, file.name, picture, height)
        size = os.path.getsize(picture)
        print(f"{picture}: {size} bytes")
        if size > MAX_BYTES:
            print(f"render.py: {picture} has {size} bytes, {MAX_BYTES} at most", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
