"""Every expression of every dashboard and alert, asked of a real Prometheus that scrapes a router and workers at work.

Three failures are told apart: a metric that this build does not export (test_every_metric_is_exported lists them); an
expression over exported metrics that finds nothing (test_every_expression_finds_values); and what is empty here for a
reason, which EMPTY_HERE names.
"""
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request

import grpc

import cluster as c

sys.path.insert(0, os.path.join(c.ROOT, "deploy", "observability"))
import dashboards  # noqa: E402
import rules  # noqa: E402

# Metrics that have no value, or are not there at all, in the course of this test.
EMPTY_HERE = {
    "hekla_router_spawned_workers": "only of a router with --spawn-workers; its test is integration/spawn_workers",
    "hekla_router_spawned_worker_exits_total": "the same",
    "hekla_worker_transfer_seconds": "the model is on one device: nothing is sent to another",
    "hekla_worker_state_slots_used": "the model is not recurrent",
    "hekla_worker_state_slots_total": "the model is not recurrent",
}
FAMILY = re.compile(r"\bhekla_(?:router|worker)_\w+")


def family_of(name):
    return re.sub(r"_(bucket|sum|count)$", "", name)


def expressions():
    """{where: PromQL} of everything the generator knows."""
    found = {}
    for name, make in dashboards.ALL.items():
        for panel in make()["panels"]:
            for target in panel.get("targets", []):
                found[f"{name} / {panel['title']} / {target['refId']}"] = target["expr"]
    for alert in rules.ALERTS:
        for i, (value, _, _) in enumerate(alert.conditions):
            found[f"alert {alert.name} / {i}"] = value
    for name, expression in rules.RECORDING:
        found[f"record {name}"] = expression
    return found


class Prometheus:
    """Debian's Prometheus, scraping every second what `targets` names: {job: [port]}."""

    def __init__(self, folder, targets):
        self._targets = os.path.join(folder, "targets.json")
        self.aim(targets)
        jobs = [{"job_name": job, "file_sd_configs": [{"files": [self._targets], "refresh_interval": "1s"}],
                 "relabel_configs": [{"source_labels": ["job"], "regex": job, "action": "keep"}]} for job in targets]
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "scrape_configs": jobs,
                  "rule_files": [os.path.join(c.ROOT, "deploy", "prometheus", "hekla-rules.yaml")]}
        path = os.path.join(folder, "prometheus.json")  # JSON is YAML
        with open(path, "w") as file:
            json.dump(config, file)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = open(os.path.join(folder, "prometheus.log"), "w+")
        self.popen = subprocess.Popen(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/tsdb", "--log.level=warn",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        c.eventually(self.ready, 60, "Prometheus is ready")

    def aim(self, targets):
        groups = [{"labels": {"job": job}, "targets": [f"127.0.0.1:{port}" for port in ports]} for job, ports in targets.items()]
        with open(self._targets + ".new", "w") as file:
            json.dump(groups, file)
        os.replace(self._targets + ".new", self._targets)

    def ready(self):
        if self.popen.poll() is not None:
            self._log.seek(0)
            raise AssertionError(f"prometheus ended with {self.popen.returncode}:\n{self._log.read()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5) as page:
                return page.status == 200
        except OSError:
            return False

    def values(self, expression):
        """The finite values of an instant query."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=30) as page:
            answer = json.load(page)
        values = [float(series["value"][1]) for series in answer["data"]["result"]]
        return [value for value in values if value == value]

    def close(self):
        self.popen.terminate()
        self.popen.wait(30)
        self._log.close()


class Traffic:
    """Requests without end: streams, batches, cancels in every phase, requests that are refused."""

    def __init__(self, stub):
        self._stub, self._stopped, self.failure = stub, threading.Event(), None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            while not self._stopped.is_set():
                c.generate(self._stub, c.make_request("Once upon a time there was", 24, seed=1, temperature=0.8))
                batch = c.api.BatchGenerateRequest(items=[{"request": c.make_request("Long ago", 8)}] * 4)
                list(self._stub.BatchGenerate(batch, timeout=60 * c.PATIENCE))
                stream = self._stub.Generate(c.make_request("There once was", 400), timeout=60 * c.PATIENCE)
                while next(stream).WhichOneof("event") != "delta":
                    pass
                stream.cancel()
                with contextlib.suppress(grpc.RpcError):
                    c.generate(self._stub, c.make_request("Long ago", 8, model="no-such-model"))
        except Exception as error:  # shown by the test
            self.failure = error

    def close(self):
        self._stopped.set()
        self._thread.join()


class Observability(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.cluster = stack.enter_context(c.Cluster(workers=2))
        cls.targets = {"hekla-router": [cls.cluster.metrics_port], "hekla-worker": [w.metrics_port for w in cls.cluster.workers]}
        cls.prometheus = Prometheus(stack.enter_context(tempfile.TemporaryDirectory()), cls.targets)
        stack.callback(cls.prometheus.close)
        cls.traffic = Traffic(cls.cluster.connect(cls.cluster.address))
        stack.callback(cls.traffic.close)
        c.eventually(lambda: len(cls.prometheus.values("up == 1")) == 3, 30, "three targets are scraped")
        cls.lose_a_worker()

    @classmethod
    def lose_a_worker(cls):
        """Kills a worker whose streams then go on elsewhere, some before and some after their first token; starts another."""
        streams = [cls.cluster.stub.Generate(c.make_request("Once upon a time", 480), timeout=60 * c.PATIENCE) for _ in range(4)]
        for stream in streams:
            while next(stream).WhichOneof("event") != "delta":
                pass
        prompt = "Once upon a time there was a little fox who lived by the river with her mother. " * 8
        streams += [cls.cluster.stub.Generate(c.make_request(prompt, 4), timeout=60 * c.PATIENCE) for _ in range(40)]
        cls.cluster.workers[0].signal(c.KILL)
        for stream in streams:
            list(stream)
        fresh = cls.cluster.launch_worker("worker-2").start()
        cls.targets["hekla-worker"].append(fresh.metrics_port)
        cls.prometheus.aim(cls.targets)
        c.eventually(lambda: len(cls.prometheus.values("up == 1")) == 3, 30, "the new worker is scraped")

    def pages(self):
        for port in (self.targets["hekla-router"][0], self.targets["hekla-worker"][-1]):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
                yield page.read().decode()

    def exported(self):
        return {name for page in self.pages() for name in re.findall(r"^# TYPE (\w+)", page, re.M)}

    def test_every_metric_is_exported(self):
        wanted = {family_of(name) for expression in expressions().values() for name in FAMILY.findall(expression)}
        missing = sorted(wanted - self.exported() - set(EMPTY_HERE))
        self.assertFalse(missing, f"{len(missing)} metrics of dashboards and alerts are not exported by this build")

    def test_every_expression_finds_values(self):
        exported = self.exported()
        left = {}
        for where, expression in expressions().items():
            families = {family_of(name) for name in FAMILY.findall(expression)}
            if families - exported or families & set(EMPTY_HERE):
                continue  # the other test's
            left[where] = re.sub(r"\$(router|worker)", ".*", expression).replace("$__rate_interval", "1m")
        self.assertGreater(len(left), 50)

        def all_found():
            self.assertIsNone(self.traffic.failure)
            for where in [where for where, expression in left.items() if self.prometheus.values(expression)]:
                del left[where]
            return not left
        try:
            c.eventually(all_found, 40, "every expression has values")
        except AssertionError:
            if not left or self.traffic.failure:
                raise
            self.fail("found nothing:\n" + "\n".join(f"{where}: {expression}" for where, expression in left.items()))

    def test_prometheus_accepts_the_pages_without_remarks(self):
        for page in self.pages():
            done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_no_alert_fires_but_for_the_killed_worker(self):
        firing = 'ALERTS{alertstate="firing",alertname!="HeklaScrapeDown"}'
        self.assertEqual(self.prometheus.values(firing), [])


if __name__ == "__main__":
    unittest.main()
