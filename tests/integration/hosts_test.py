"""Router, workers and clients each on a host of its own (a network namespace), with mutual TLS and tokens. A pulled
cable, which tells nobody, costs a pause; workers found by a name with many addresses."""
import collections
import os
import subprocess
import tempfile
import time
import unittest

import grpc
from google.protobuf import json_format

import cluster as c
import network
import security_test

WORKERS = ["worker-0", "worker-1", "worker-2"]
REQUESTS = 6


class Hosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            cls.network = network.Network(["router", "second-router", "client", *WORKERS])
        except network.NoNetwork as error:
            raise unittest.SkipTest(str(error))
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.make_secrets()
        cls.router = cls.launch_router("router")
        for name in WORKERS:
            worker = c.Process(
                "hekla-worker", "--model", c.MODEL, "--id", name, "--listen", "0.0.0.0:8093", "--endpoint", f"{name}:8093",
                "--router", "router:8091", *cls.tls("", "worker", "client-ca"), "--token-file", cls.path("routers.tokens"),
                *cls.tls("router-", "worker", "ca"), "--router-token-file", cls.path("operators"), prefix=network.at(name))
            cls.addClassCleanup(worker.close)
        cls.admin = cls.connect("router")
        cls.wait_for_workers(cls.admin, len(WORKERS))
        cls.expected = [each.ids for each in cls.generate("router")]

    @classmethod
    def make_secrets(cls):
        """Certificates; a token for clients, one for operators and workers, one for routers at workers; their hashes."""
        names = [word for name in ("router", "second-router", "workers", *WORKERS) for word in ("--host", name)]
        security_test.make_ca(cls.path(""), *names)
        for name in ("clients", "operators", "routers"):
            for path, text in zip((name, f"{name}.tokens"), security_test.new_token(name)):
                with open(cls.path(path), "w") as file:
                    file.write(text + "\n")

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def read(cls, name):
        with open(cls.path(name)) as file:
            return file.read()

    @classmethod
    def tls(cls, kind, name, ca):
        """Flags: the certificate called `name`, and the CA of whoever is at the other end."""
        return [f"--{kind}tls-cert", cls.path(f"{name}.pem"), f"--{kind}tls-key", cls.path(f"{name}.key"), f"--{kind}tls-{ca}",
                cls.path("ca.pem")]

    @classmethod
    def launch_router(cls, host, *flags):
        router = c.Process(
            "hekla-router", "--listen", "0.0.0.0:8090", "--admin-listen", "0.0.0.0:8091", "--stall-limit", f"{5 * c.PATIENCE}s",
            *cls.tls("", "router", "client-ca"), *cls.tls("worker-", "router", "ca"), "--worker-token-file", cls.path("routers"),
            "--token-file", cls.path("clients.tokens"), "--admin-token-file", cls.path("operators.tokens"), *flags,
            prefix=network.at(host))
        cls.addClassCleanup(router.close)
        router.wait_for("router_ready")
        return router

    @classmethod
    def connect(cls, host):
        """The admin service of a router, for this program, which is at the bridge."""
        ca, key, certificate = (cls.read(name).encode() for name in ("ca.pem", "client.key", "client.pem"))
        channel = grpc.secure_channel(f"{host}:8091", grpc.ssl_channel_credentials(ca, key, certificate))
        cls.addClassCleanup(channel.close)
        return c.admin_services.AdminStub(channel)

    @classmethod
    def ask(cls, method, request):
        return method(request, timeout=10, metadata=[("authorization", f"Bearer {cls.read('operators').strip()}")])

    @classmethod
    def workers(cls, admin):
        """worker id -> its state"""
        listed = cls.ask(admin.ListWorkers, c.admin.ListWorkersRequest()).workers
        return {worker.worker_id: c.admin.WorkerState.State.Name(worker.state) for worker in listed}

    @classmethod
    def wait_for_workers(cls, admin, count):
        c.eventually(lambda: list(cls.workers(admin).values()) == ["READY"] * count, 120, f"{count} workers are ready")

    @classmethod
    def inflight(cls, admin):
        return cls.ask(admin.ListInFlight, c.admin.ListInFlightRequest()).requests

    @classmethod
    def generate(cls, router, meanwhile=lambda: None):
        """The streams of all requests at once, by clients on their host."""
        def command(number):
            return [*network.at("client"), os.path.join(c.BIN, "hekla"), "generate", "--json", "--quiet", "--address", f"{router}:8090",
                    *cls.tls("", "client", "ca"), "--token-file", cls.path("clients"), "--prompt", f"Once there were {number}",
                    "--max-tokens", "440", "--ignore-eos", "--temperature", "0.9", "--seed", str(number)]
        clients = [subprocess.Popen(command(number), stdout=subprocess.PIPE, text=True) for number in range(REQUESTS)]
        try:
            meanwhile()
        finally:
            outputs = [client.communicate()[0] for client in clients]
        assert [client.returncode for client in clients] == [0] * REQUESTS
        return [c.Generation(json_format.Parse(line, c.api.GenerateResponse()) for line in output.splitlines())
                for output in outputs]

    def pull_a_cable(self, router, admin):
        """In mid-stream, of a worker that has work: its streams go on elsewhere. Returns its id and its host."""
        cut = {}

        def choose():
            """A worker all of whose streams have begun, with their number."""
            tokens = collections.defaultdict(list)
            for request in self.inflight(admin):
                tokens[request.worker_id].append(request.output_tokens)
            return next(((worker, len(of)) for worker, of in tokens.items() if worker and min(of) >= 5), None)

        def pull():
            c.eventually(lambda: cut.update(chosen=choose()) or cut["chosen"], 60, "streams have begun")
            cut["host"] = self.network.host_of(cut["chosen"][0])
            self.network.pull(cut["host"])
            cut["at"] = time.monotonic()
        results = self.generate(router, pull)
        seconds = time.monotonic() - cut["at"]
        worker, streams = cut["chosen"]
        resumed = sum(result.finished.usage.resumed_times for result in results)
        print(f"the cable of {cut['host']} pulled: {resumed} of its {streams} streams went on elsewhere; all {REQUESTS} were whole "
              f"{seconds:.1f} s later", flush=True)
        self.assertEqual([result.ids for result in results], self.expected)
        self.assertGreaterEqual(resumed, streams)
        return worker, cut["host"]

    def plug_it_in(self, router, admin, worker, host):
        """Once the router has given the worker up: it comes back by itself, and serves."""
        c.eventually(lambda: worker not in self.workers(admin), 120, "the connection is given up")
        self.network.plug(host)
        self.wait_for_workers(admin, len(WORKERS))
        results = self.generate(router, lambda: c.eventually(
            lambda: worker in [request.worker_id for request in self.inflight(admin)], 60, "it has work again"))
        self.assertEqual([result.ids for result in results], self.expected)

    def test_a_pulled_cable(self):
        """Of a worker that attached by itself. What it computed for nobody ends when it hears of it."""
        worker, host = self.pull_a_cable("router", self.admin)
        self.plug_it_in("router", self.admin, worker, host)

        def running():
            return sum(each.load.running for each in self.ask(self.admin.ListWorkers, c.admin.ListWorkersRequest()).workers)
        c.eventually(lambda: running() == 0, 60, "nothing runs for nobody")

    def test_workers_of_one_name(self):
        """A second router is told one name: each of its addresses is a worker, also one that the name gets later."""
        names = {host: [host] for host in self.network.addresses}
        self.network.name_addresses(dict(names, workers=WORKERS[:2]))
        self.launch_router("second-router", "--worker", "workers:8093")
        admin = self.connect("second-router")
        self.wait_for_workers(admin, 2)
        self.network.name_addresses(dict(names, workers=WORKERS))
        self.wait_for_workers(admin, 3)
        worker, host = self.pull_a_cable("second-router", admin)
        self.plug_it_in("second-router", admin, worker, host)


if __name__ == "__main__":
    network.enter()
    unittest.main()
