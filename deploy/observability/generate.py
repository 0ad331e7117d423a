#!/usr/bin/env python3
"""Writes the Grafana dashboards and the Prometheus rules from their definitions beside this script.

usage: deploy/observability/generate.py [--check] [--help]

  --check   write nothing; name the files that differ from what would be written, and exit 1 when there are any

Writes deploy/grafana/dashboards/*.json, deploy/prometheus/hekla-rules.yaml and the same rules for
deploy/helm and, as a PrometheusRule, for deploy/kubernetes/monitoring. Thresholds: objectives.py; panels: dashboards.py; alerts: rules.py.
"""
import json
import os
import sys

import yaml

import dashboards
import rules

DEPLOY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTE = "# Written by deploy/observability/generate.py: change the definitions there.\n"


def as_yaml(document):
    return NOTE + yaml.safe_dump(document, sort_keys=False, width=130, allow_unicode=True)


def outputs():
    """{path below deploy/: text}."""
    written = {f"grafana/dashboards/{name}.json": json.dumps(make(), indent=1) + "\n" for name, make in dashboards.ALL.items()}
    groups = rules.rule_groups()
    written["prometheus/hekla-rules.yaml"] = written["helm/hekla/files/hekla-rules.yaml"] = as_yaml(groups)
    written["kubernetes/monitoring/prometheus-rule.yaml"] = as_yaml({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "hekla", "labels": {"app.kubernetes.io/name": "hekla"}}, "spec": groups})
    return written


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    if set(arguments) - {"--check"}:
        print(f"generate.py: unknown argument {arguments[0]}; see --help", file=sys.stderr)
        return 2
    differing = []
    for name, text in sorted(outputs().items()):
        path = os.path.join(DEPLOY, name)
        current = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                current = file.read()
        if current == text:
            continue
        differing.append(name)
        if not arguments:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    for name in differing:
        print(f"deploy/{name}: {'differs' if arguments else 'written'}")
    return 1 if arguments and differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
