"""hekla-router --spawn-workers: its workers serve, come back when they die, and none is left when the router goes."""
import itertools
import os
import signal
import socket
import tempfile
import unittest

import grpc

import cluster as c

FREE = [word for name in ("listen", "admin-listen", "metrics-listen") for word in (f"--{name}", "127.0.0.1:0")]
FAKE = os.path.join(c.BIN, "hekla-fake-worker")


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class SpawnWorkers(unittest.TestCase):
    def start(self, count, *words):
        self.router = c.Process("hekla-router", *FREE, "--spawn-workers", str(count), *words)
        self.addCleanup(self.router.close)
        line = self.router.wait_for("router_ready")
        self.metrics_port = int(c.field(line, "metrics_port"))
        channel = grpc.insecure_channel(f"127.0.0.1:{c.field(line, 'port')}")
        self.addCleanup(channel.close)
        self.stub = c.api_services.InferenceStub(channel)

    def metric(self, name):
        return c.total(c.scrape(self.metrics_port), name)

    def await_ready(self, count):
        c.eventually(lambda: self.metric('hekla_router_workers{state="ready"}') == count, 60, f"{count} workers are ready")

    def pids(self):
        """The workers started so far, the latest of each number."""
        lines = [line for line in self.router.lines if line is not None and "spawned_worker_started" in line]
        return {int(c.field(line, "number")): int(c.field(line, "pid")) for line in lines}

    def generate(self, prompt="abc"):
        return c.generate(self.stub, c.make_request(prompt, 8))

    def test_a_killed_worker_comes_back(self):
        self.start(2, "--spawn-program", FAKE, "--", "--name", "fake")
        self.await_ready(2)
        self.assertEqual(self.generate().reason, "MAX_TOKENS")
        before = self.pids()
        os.kill(before[1], signal.SIGKILL)
        self.router.wait_for(r"spawned_worker_ended number=1 cause=signal code=-9 again_in=500ms")
        c.eventually(lambda: self.pids()[1] != before[1], 30, "worker 1 is started again")
        self.await_ready(2)
        self.assertEqual(self.pids()[0], before[0])
        self.assertEqual(self.metric('hekla_router_spawned_worker_exits_total{cause="signal"}'), 1)
        self.assertEqual(self.generate().reason, "MAX_TOKENS")

    def test_sigterm_finishes_requests_then_ends_the_workers(self):
        self.start(2, "--spawn-program", FAKE, "--", "--rate", "100")
        self.await_ready(2)
        stream = self.stub.Generate(c.make_request("abc", 50), timeout=60 * c.PATIENCE)
        started = next(stream)
        self.router.signal(c.TERM)
        self.assertEqual(c.Generation(itertools.chain([started], stream)).reason, "MAX_TOKENS")
        self.assertEqual(self.router.wait(), 0)
        self.assertEqual([pid for pid in self.pids().values() if exists(pid)], [])

    def test_no_worker_outlives_a_killed_router(self):
        self.start(2, "--spawn-program", FAKE)
        self.await_ready(2)
        pids = self.pids().values()
        self.assertTrue(all(exists(pid) for pid in pids))
        self.router.signal(c.KILL)
        self.router.wait()
        c.eventually(lambda: not any(exists(pid) for pid in pids), 10, "the workers are gone")

    def test_a_second_signal_leaves_no_worker_either(self):
        self.start(1, "--spawn-program", FAKE, "--", "--rate", "1")
        self.await_ready(1)
        stream = self.stub.Generate(c.make_request("abc", 50), timeout=60 * c.PATIENCE)
        next(stream)
        self.router.signal(c.TERM)
        self.router.wait_for("draining")
        self.router.signal(c.TERM)
        self.assertEqual(self.router.wait(), 128 + c.TERM)
        pids = self.pids().values()
        c.eventually(lambda: not any(exists(pid) for pid in pids), 10, "the worker is gone")

    def test_the_real_worker_is_found_and_wrong_flags_park_it(self):
        self.start(2, "--", "--model", c.MODEL, "--device", "cpu", "--max-sequences", "{n}")
        self.router.wait_for("spawned_worker_parked number=0 cause=failed code=2")  # --max-sequences 0
        self.await_ready(1)
        self.assertEqual(self.metric('hekla_router_spawned_workers{state="parked"}'), 1)
        self.assertEqual(self.metric('hekla_router_spawned_workers{state="running"}'), 1)
        self.assertEqual(self.generate("Once upon a time").reason, "MAX_TOKENS")

    def test_flags_of_workers_without_workers(self):
        router = c.Process("hekla-router", *FREE, "--", "--model", c.MODEL)
        self.addCleanup(router.close)
        self.assertEqual(router.wait(), 2)
        router.wait_for("unexpected argument '--model': only with --spawn-workers")


class Systemd(unittest.TestCase):
    """What systemd hears of a service of Type=notify."""

    def start(self, program, *flags, **environment):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.listener.close)
        path = os.path.join(folder.name, "notify")
        self.listener.bind(path)
        self.listener.settimeout(60 * c.PATIENCE)
        for name, value in dict(environment, NOTIFY_SOCKET=path).items():
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name)
        process = c.Process(program, *flags)
        self.addCleanup(process.close)
        return process

    def heard(self):
        return self.listener.recv(100).decode()

    def test_router(self):
        router = self.start("hekla-router", *FREE)
        self.assertEqual(self.heard(), "READY=1")
        router.wait_for("router_ready")
        router.signal(c.TERM)
        self.assertEqual(self.heard(), "STOPPING=1")

    def test_worker_feeds_the_watchdog(self):
        worker = self.start("hekla-worker", "--model", c.MODEL, "--device", "cpu", WATCHDOG_USEC="400000")
        self.assertEqual(self.heard(), "READY=1")
        worker.wait_for(r"\bready\b")
        for _ in range(3):
            self.assertEqual(self.heard(), "WATCHDOG=1")
        worker.signal(c.TERM)
        while (state := self.heard()) == "WATCHDOG=1":
            pass
        self.assertEqual(state, "STOPPING=1")


if __name__ == "__main__":
    unittest.main()
