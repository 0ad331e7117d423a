"""Grafana's panels, in plain SVG and HTML, from what Prometheus answered: as much as pictures of a README need."""
import html
import math

COLORS = ("#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#e02f44", "#b877d9", "#8ab8ff", "#37872d", "#fa6400", "#ca95e5")
GRID, TEXT = "#2c3235", "#9fa7b3"
MAX_LEGEND = 8


def format_value(value, unit):
    """A number as Grafana writes it, about three digits."""
    if value is None or math.isnan(value):
        return "-"
    if unit == "percentunit":
        return f"{100 * value:.3g} %"
    if unit == "s":
        for factor, name in ((1, "s"), (1e-3, "ms")):
            if abs(value) >= factor or value == 0:
                return f"{value / factor:.3g} {name}"
        return f"{value * 1e6:.3g} us"
    suffix = {"bytes": "B", "Bps": "B/s", "reqps": "req/s"}.get(unit, "")
    steps = ((2**30, "Gi"), (2**20, "Mi"), (2**10, "Ki")) if unit == "bytes" else ((1e9, "G"), (1e6, "M"), (1e3, "k"))
    for factor, name in steps:
        if abs(value) >= factor:
            return f"{value / factor:.3g} {name}{suffix}"
    return f"{value:.3g} {suffix}".rstrip()


def nice_ticks(top, count=4):
    raw = top / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    return [i * step for i in range(count + 1) if i * step <= top * 1.001]


def text(x, y, words, anchor="start", size=10, color=TEXT):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{color}">{html.escape(words)}</text>'


def stacked(series):
    """Each series on top of those before it; times are shared."""
    below, result = {}, []
    for name, points in series:
        lifted = []
        for time, value in points:
            below[time] = below.get(time, 0) + (0 if math.isnan(value) else value)
            lifted.append((time, below[time]))
        result.append((name, lifted))
    return result


def frame(width, height, top, unit, start, end):
    """Axes, and the functions from values to places."""
    left, right, upper, lower = 56, width - 8, 6, height - 18
    parts = []
    place_x = lambda time: left + (time - start) / (end - start) * (right - left)  # noqa: E731
    place_y = lambda value: lower - value / top * (lower - upper)  # noqa: E731
    for tick in nice_ticks(top):
        y = place_y(tick)
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(text(left - 4, y + 3, format_value(tick, unit), "end"))
    for i in range(5):
        time = start + (end - start) * i / 4
        parts.append(text(place_x(time), height - 4, f"{time - end:.0f} s", "end" if i == 4 else "middle"))
    return parts, place_x, place_y


def line_chart(series, unit, width, height, start, end, stack):
    shown = stacked(series) if stack else series
    values = [value for _, points in shown for _, value in points if math.isfinite(value)]
    if not values:
        return f'<svg width="{width}" height="{height}">{text(width / 2, height / 2, "no value in this range", "middle", 12)}</svg>'
    top = max(values) * 1.1 or 1
    parts, place_x, place_y = frame(width, height, top, unit, start, end)
    for number, (_, points) in reversed(list(enumerate(shown))):
        color = COLORS[number % len(COLORS)]
        places = [(place_x(time), place_y(value)) for time, value in points if math.isfinite(value)]
        if not places:
            continue
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        if stack:
            area = f"{places[0][0]:.1f},{place_y(0):.1f} {line} {places[-1][0]:.1f},{place_y(0):.1f}"
            parts.append(f'<polygon points="{area}" fill="{color}" fill-opacity="0.35"/>')
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.4"/>')
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def legend(series):
    items = []
    for number, (name, _) in enumerate(series[:MAX_LEGEND]):
        items.append(f'<span style="color:{COLORS[number % len(COLORS)]}">&#9644;</span> {html.escape(name)} &nbsp; ')
    if len(series) > MAX_LEGEND:
        items.append(f"and {len(series) - MAX_LEGEND} more")
    return f'<div class="legend">{"".join(items)}</div>'


def heat_chart(series, unit, width, height, start, end):
    """Cells of a cumulative histogram: time by bucket, darker where more fell in."""
    bounds = sorted((float(name), dict(points)) for name, points in series)
    times = sorted({time for _, points in bounds for time in points})
    rows, below = [], {}
    for bound, points in bounds:
        rows.append((bound, {time: max(0, points.get(time, 0) - below.get(time, 0)) for time in times}))
        below = points
    used = [i for i, (_, cells) in enumerate(rows) if any(cells.values())]
    if not used:
        return f'<svg width="{width}" height="{height}">{text(width / 2, height / 2, "no value in this range", "middle", 12)}</svg>'
    rows = rows[max(0, used[0] - 1):used[-1] + 2]
    most = max(value for _, cells in rows for value in cells.values())
    left, lower = 56, height - 18
    cell_width, cell_height = (width - 8 - left) / max(1, len(times)), (lower - 6) / len(rows)
    parts = []
    for i, (bound, cells) in enumerate(rows):
        y = lower - (i + 1) * cell_height
        if len(rows) < 14 or i % 2 == 0:
            parts.append(text(left - 4, y + cell_height / 2 + 3, "+Inf" if math.isinf(bound) else format_value(bound, unit), "end"))
        for j, time in enumerate(times):
            if cells[time] > 0:
                parts.append(f'<rect x="{left + j * cell_width:.1f}" y="{y:.1f}" width="{cell_width:.1f}" height="{cell_height:.1f}" '
                             f'fill="#ff780a" fill-opacity="{0.15 + 0.85 * (cells[time] / most) ** 0.5:.2f}"/>')
    for i in range(5):
        x = left + (width - 8 - left) * i / 4
        parts.append(text(x, height - 4, f"{(start - end) * (4 - i) / 4:.0f} s", "end" if i == 4 else "middle"))
    return f'<svg width="{width}" height="{height}">{"".join(parts)}</svg>'


def big_number(value, unit, steps):
    color = "#73bf69"
    for step in steps:
        if step["value"] is not None and value is not None and value >= step["value"]:
            color = {"orange": "#ff780a", "red": "#e02f44"}[step["color"]]
    return f'<div class="number" style="color:{color}">{format_value(value, unit)}</div>'


def grid(headers, rows):
    head = "".join(f"<th>{html.escape(header)}</th>" for header in headers)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
