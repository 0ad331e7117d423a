"""The generated dashboards, rules and alerts, without any process of ours: current, well formed, each alert's stories."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPLOY = os.path.join(ROOT, "deploy")
RULES = os.path.join(DEPLOY, "prometheus", "hekla-rules.yaml")
sys.path.insert(0, os.path.join(DEPLOY, "observability"))
import generate  # noqa: E402
import panels  # noqa: E402
import rules  # noqa: E402


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def promtool_test(document):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stories.yaml")
        with open(path, "w") as file:
            yaml.safe_dump(document, file)
        return promtool("test", "rules", path)


class Generated(unittest.TestCase):
    def test_committed_files_are_what_the_generator_writes(self):
        for name, text in generate.outputs().items():
            with open(os.path.join(DEPLOY, name), encoding="utf-8") as file:
                self.assertEqual(file.read(), text, f"deploy/{name} differs: run deploy/observability/generate.py")
        written = {name for name in generate.outputs() if name.startswith("grafana/dashboards/")}
        there = {"grafana/dashboards/" + name for name in os.listdir(os.path.join(DEPLOY, "grafana", "dashboards"))}
        self.assertEqual(there, written)

    def test_check_names_a_file_that_differs(self):
        program = os.path.join(DEPLOY, "observability", "generate.py")
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "deploy")
            subprocess.run(["cp", "-r", DEPLOY, copy], check=True)
            program = os.path.join(copy, "observability", "generate.py")
            self.assertEqual(subprocess.run([sys.executable, program, "--check"], timeout=60).returncode, 0)
            with open(os.path.join(copy, "prometheus", "hekla-rules.yaml"), "a") as file:
                file.write("# by hand\n")
            done = subprocess.run([sys.executable, program, "--check"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, "deploy/prometheus/hekla-rules.yaml: differs\n"))


class Alerts(unittest.TestCase):
    def test_rules_are_well_formed(self):
        code, output = promtool("check", "rules", RULES)
        self.assertEqual(code, 0, output)
        self.assertIn(f"{len(rules.ALERTS) + len(rules.RECORDING)} rules found", output)

    def test_each_alert_fires_in_its_story_and_not_in_the_quiet_one(self):
        code, output = promtool_test(rules.rule_tests(RULES))
        self.assertEqual(code, 0, output)

    def test_a_wrong_story_is_noticed(self):
        """Expecting the opposite of every story must fail for every story: none of them says nothing."""
        document = rules.rule_tests(RULES)
        for test in document["tests"]:
            sample = test["promql_expr_test"][0]["exp_samples"][0]
            sample["value"] = 1 - sample["value"]
        code, output = promtool_test(document)
        self.assertEqual(code, 1, output)
        for alert in rules.ALERTS:
            self.assertEqual(len(re.findall(rf'alertname=\\"{alert.name}\\".*\n.*exp:.*\n.*got:', output)), 2, alert.name)

    def test_names_are_unique_and_texts_end_well(self):
        names = [alert.name for alert in rules.ALERTS]
        self.assertEqual(len(names), len(set(names)))
        for alert in rules.ALERTS:
            self.assertIn(alert.severity, ("page", "ticket"))
            self.assertFalse(alert.summary.endswith("."), alert.name)
            self.assertTrue(alert.action.endswith("."), alert.name)


class Dashboards(unittest.TestCase):
    def setUp(self):
        self.boards = {}
        for name, text in generate.outputs().items():
            if name.startswith("grafana/"):
                self.boards[name] = json.loads(text)

    def test_panels_have_places_numbers_and_words(self):
        self.assertEqual(len({board["uid"] for board in self.boards.values()}), len(self.boards))
        for name, board in self.boards.items():
            taken, numbers = set(), set()
            for panel in board["panels"]:
                place = panel["gridPos"]
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                         for y in range(place["y"], place["y"] + place["h"])}
                self.assertFalse(taken & cells, f"{name}: {panel['title']} lies on another panel")
                self.assertLessEqual(place["x"] + place["w"], panels.WIDTH, f"{name}: {panel['title']}")
                taken |= cells
                self.assertNotIn(panel["id"], numbers)
                numbers.add(panel["id"])
                if panel["type"] != "row":
                    self.assertTrue(panel["description"].endswith("."), f"{name}: {panel['title']} says nothing about itself")

    def test_expressions_parse_and_choose_instances(self):
        recorded = []
        for name, board in self.boards.items():
            for panel in board["panels"]:
                for target in panel.get("targets", []):
                    for metric in re.findall(r"\bhekla_(?:router|worker)_\w+(?:\{[^}]*\})?", target["expr"]):
                        self.assertIn('instance=~"$', metric, f"{name}: {panel['title']}")
                    expression = re.sub(r"\$(router|worker)", ".*", target["expr"]).replace("$__rate_interval", "1m")
                    recorded.append({"record": f"e{len(recorded)}", "expr": expression})
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}, file)
            file.flush()
            code, output = promtool("check", "rules", file.name)
        self.assertEqual(code, 0, output)
        self.assertGreater(len(recorded), 80)

    def test_selectors_are_added_to_every_metric(self):
        self.assertEqual(panels.scoped('a(hekla_router_x_total{k="v"}[R]) / hekla_worker_y'),
                         'a(hekla_router_x_total{k="v",instance=~"$router"}[$__rate_interval]) / hekla_worker_y{instance=~"$worker"}')


if __name__ == "__main__":
    unittest.main()
