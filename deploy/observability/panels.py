"""Small words for Grafana panels: a dashboard is a list of rows, a row a title and panels of equal width.

Expressions are written without selectors of Grafana: `scoped` adds the chosen instances to every hekla_* metric, and
"[R]" stands for the range that fits the zoom.
"""
import re

WIDTH = 24
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
METRIC = re.compile(r"\b(hekla_(router|worker)_\w+|process_\w+)(\{[^}]*\})?")


def scoped(expression):
    """The expression over the instances that the dashboard's variables choose."""
    def add(match):
        name, side, labels = match.groups()
        if side is None:
            return match.group(0)
        chosen = f'instance=~"${side}"'
        return f"{name}{{{labels[1:-1]},{chosen}}}" if labels else f"{name}{{{chosen}}}"
    return METRIC.sub(add, expression).replace("[R]", "[$__rate_interval]")


def targets(queries):
    return [{"refId": chr(ord("A") + i), "datasource": DATASOURCE, "expr": scoped(expression), "legendFormat": legend}
            for i, (expression, legend) in enumerate(queries)]


def panel(kind, title, about, queries, unit, options, custom=None, **defaults):
    fields = {"unit": unit, **defaults}
    if custom is not None:
        fields["custom"] = custom
    return {"type": kind, "title": title, "description": about, "datasource": DATASOURCE, "targets": targets(queries),
            "fieldConfig": {"defaults": fields, "overrides": []}, "options": options}


def lines(title, unit, about, *queries, stack=False, **defaults):
    """Curves over time; `queries` are (expression, legend)."""
    custom = {"lineWidth": 1, "fillOpacity": 30 if stack else 0, "showPoints": "never",
              "stacking": {"mode": "normal" if stack else "none"}}
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    return panel("timeseries", title, about, queries, unit, options, custom, min=0, **defaults)


def quantile(share, family, by="", matchers=""):
    """The value below which `share` of a histogram's observations are."""
    labels = ", ".join(filter(None, ["le", by]))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({family}_bucket{matchers}[R])))"


def quantiles(title, unit, about, family):
    return lines(title, unit, about, *((quantile(share, family), f"p{share * 100:.0f}") for share in (0.5, 0.95, 0.99)))


def mean(family, by="", matchers=""):
    group = f"sum by ({by}) " if by else "sum "
    return f"{group}(rate({family}_sum{matchers}[R])) / {group}(rate({family}_count{matchers}[R]))"


def stat(title, unit, about, expression, steps=(), **defaults):
    """One number. `steps`: (value from which on, colour), the first colour is green."""
    thresholds = [{"value": None, "color": "green"}] + [{"value": value, "color": color} for value, color in steps]
    options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "value"}
    return panel("stat", title, about, [(expression, "")], unit, options,
                 thresholds={"mode": "absolute", "steps": thresholds}, **defaults)


def heatmap(title, unit, about, family):
    result = panel("heatmap", title, about, [(f"sum by (le) (increase({family}_bucket[R]))", "{{le}}")], unit,
                   {"calculate": False, "yAxis": {"unit": unit}, "color": {"mode": "scheme", "scheme": "Oranges"}})
    result["targets"][0]["format"] = "heatmap"
    return result


def table(title, about, label, columns):
    """A row for each value of `label`; `columns` are (header, unit, expression)."""
    result = panel("table", title, about, [(expression, header) for header, _, expression in columns], "short", {"showHeader": True})
    for target in result["targets"]:
        target.update(format="table", instant=True)
    renamed = {f"Value #{target['refId']}": header for target, (header, _, _) in zip(result["targets"], columns)}
    result["transformations"] = [
        {"id": "joinByField", "options": {"byField": label, "mode": "outer"}},
        {"id": "organize", "options": {"excludeByName": {f"Time {i + 1}": True for i in range(len(columns))} | {"Time": True},
                                       "renameByName": renamed}}]
    result["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": header}, "properties": [{"id": "unit", "value": unit}]}
        for header, unit, _ in columns]
    return result


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": query, "definition": query,
            "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}


def dashboard(uid, title, about, rows, height=8):
    """`rows`: (title, panels). Panels of a row share its width."""
    placed, top, number = [], 0, 0
    for row_title, panels in rows:
        number += 1
        placed.append({"id": number, "type": "row", "title": row_title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}})
        top += 1
        width = WIDTH // len(panels)
        tall = 4 if all(each["type"] == "stat" for each in panels) else height
        for column, each in enumerate(panels):
            number += 1
            placed.append({"id": number, **each, "gridPos": {"x": column * width, "y": top, "w": width, "h": tall}})
        top += tall
    return {
        "uid": f"hekla-{uid}", "title": f"Hekla / {title}", "description": about, "tags": ["hekla"], "schemaVersion": 39,
        "editable": True, "graphTooltip": 1, "refresh": "10s", "time": {"from": "now-1h", "to": "now"}, "timezone": "",
        "links": [{"type": "dashboards", "tags": ["hekla"], "title": "Hekla", "asDropdown": True, "includeVars": True,
                   "keepTime": True}],
        "templating": {"list": [
            {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}},
            variable("router", "Router", "label_values(hekla_router_build_info, instance)"),
            variable("worker", "Worker", "label_values(hekla_worker_build_info, instance)")]},
        "panels": placed,
    }
