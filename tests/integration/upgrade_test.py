"""A whole upgrade while clients stream: two routers in front of two workers, each of the four replaced in turn. No
request fails, no token is missing or comes twice, no output is changed."""
import concurrent.futures
import contextlib
import itertools
import subprocess
import threading
import time
import unittest

import grpc

import careful_client
import cluster as c


class Load:
    """Clients that send one request after the other, each as careful_client.py does, to whichever router serves."""

    def __init__(self, addresses, requests, expected, clients):
        self.requests, self.expected = requests, expected  # (ids, text) of each request
        self.changed = threading.Condition()
        self.is_over, self.done, self.retries, self.resumed, self.tokens, self.faults = False, 0, 0, 0, 0, []
        self.latest = {}  # client -> the router that served its latest request
        self.threads = [threading.Thread(target=self.run_client, args=(number, addresses)) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def run_client(self, number, addresses):
        with contextlib.ExitStack() as stack:
            stubs = [c.api_services.InferenceStub(stack.enter_context(grpc.insecure_channel(a))) for a in addresses]
            router_of = dict(zip(stubs, addresses))
            if number % 2:
                stubs.reverse()  # both routers have clients
            for turn in itertools.count(number):
                index = turn % len(self.requests)
                request = c.api.GenerateRequest()
                request.CopyFrom(self.requests[index])
                generation = careful_client.Generation(request, timeout=120 * c.PATIENCE)
                generation.on_retry = self.count_retry
                try:
                    generation.run(stubs)
                    fault = None if (generation.ids, generation.text) == self.expected[index] else "another output"
                except Exception as error:
                    fault = repr(error)
                with self.changed:
                    self.latest[number] = router_of[stubs[0]]
                    self.done += 1
                    self.tokens += len(generation.ids)
                    self.resumed += generation.finished.usage.resumed_times if generation.finished else 0
                    if fault:
                        self.faults.append(f"request {index}, {len(generation.ids)} tokens: {fault}")
                    self.changed.notify_all()
                    if self.is_over:
                        return

    def count_retry(self, error, delay):
        with self.changed:
            self.retries += 1

    def wait(self, what, condition):
        with self.changed:
            if not self.changed.wait_for(condition, 120 * c.PATIENCE):
                raise AssertionError(f"{what}: {self.done} requests done, {self.latest}, {self.faults}")

    def wait_for_requests(self):
        """So many more that the load is seen to go on."""
        wanted = self.done + 2 * len(self.threads)
        self.wait("requests end", lambda: self.done >= wanted)

    def wait_for_router(self, address):
        self.wait(f"all clients are at {address}", lambda: set(self.latest.values()) == {address})

    def finish(self):
        with self.changed:
            self.is_over = True
        for thread in self.threads:
            thread.join()


class Upgrade(unittest.TestCase):
    def launch_router(self, number, ports=(0, 0, 0)):
        router = c.Router(*self.router_flags, ports=ports)
        self.addCleanup(router.close)
        self.routers[number:number + 1] = [router.start()]

    def launch_worker(self, number):
        """Returns when both routers take it."""
        addresses = [router.admin_address for router in self.routers]
        program, flags = self.worker_program
        attached = ["--router", ",".join(addresses)] if "fake" in program else [f"--router={a}" for a in addresses]
        worker = c.Worker(program, "--id", f"worker-{number}", *attached, *flags)
        self.addCleanup(worker.close)
        self.workers[number:number + 1] = [worker.start()]
        self.wait_for_workers(len(self.workers))

    def wait_for_workers(self, count):
        def ready(router):
            with grpc.insecure_channel(router.admin_address) as channel:
                return len(c.ready_workers(c.admin_services.AdminStub(channel)))
        c.eventually(lambda: [ready(router) for router in self.routers] == [count] * len(self.routers), 60,
                     f"{count} workers at each router")

    def wait_until_busy(self, metrics_port, name):
        c.eventually(lambda: c.total(c.scrape(metrics_port), name) > 0, 60, "requests run there")

    def start(self, worker_program, router_flags=()):
        self.worker_program, self.router_flags, self.routers, self.workers = worker_program, router_flags, [], []
        for number in range(2):
            self.launch_router(number)
        for number in range(2):
            self.launch_worker(number)

    def expect(self, requests):
        """What each request gives while nothing is restarted."""
        with grpc.insecure_channel(self.routers[0].address) as channel, concurrent.futures.ThreadPoolExecutor(4) as pool:
            stub = c.api_services.InferenceStub(channel)
            return [(each.ids, each.text) for each in pool.map(lambda request: c.generate(stub, request), requests)]

    def replace_worker(self, number, by_operator):
        """SIGTERM, its end, a new one. `by_operator`: drained with the hekla command before, until it is idle."""
        worker = self.workers[number]
        self.wait_until_busy(worker.metrics_port, "hekla_worker_requests_running")
        if by_operator:
            subprocess.run([f"{c.BIN}/hekla", "drain", "--address", self.routers[0].admin_address, f"worker-{number}"],
                           check=True, capture_output=True)
            c.eventually(lambda: c.total(c.scrape(worker.metrics_port), "hekla_worker_requests_running") == 0, 60, "it is idle")
        worker.signal(c.TERM)
        self.assertEqual(worker.wait(60), 0)
        self.launch_worker(number)

    def replace_router(self, number, load):
        router = self.routers[number]
        self.wait_until_busy(router.metrics_port, "hekla_router_inflight")
        router.signal(c.TERM)
        self.assertEqual(router.wait(60), 0)
        load.wait_for_router(self.routers[1 - number].address)
        self.launch_router(number, router.ports)
        self.wait_for_workers(2)

    def upgrade(self, requests, clients):
        """Replaces all four under load; returns the load after its end."""
        expected = self.expect(requests)
        began = time.monotonic()
        load = Load([router.address for router in self.routers], requests, expected, clients)
        try:
            for number in range(2):
                load.wait_for_requests()
                self.replace_worker(number, by_operator=number == 1)
            for number in range(2):
                load.wait_for_requests()
                self.replace_router(number, load)
            load.wait_for_requests()
        finally:
            load.finish()
        print(f"{load.done} requests, {load.tokens} tokens in {time.monotonic() - began:.1f} s, 2 workers and 2 routers "
              f"replaced: {len(load.faults)} failed or changed; {load.retries} calls made again by clients, "
              f"{load.resumed} streams resumed by routers", flush=True)
        self.assertEqual(load.faults, [])
        for router in self.routers:
            c.eventually(lambda: c.total(c.scrape(router.metrics_port), "hekla_router_inflight") == 0, 10, "nothing stays behind")
        return load

    @staticmethod
    def requests(count, tokens, **more):
        """Every other one greedy, the rest drawn with a seed."""
        return [c.make_request(f"Once upon a time there were {i} dragons", tokens + i, seed=i if i % 2 else None,
                               temperature=i % 2 * 0.9, **more) for i in range(count)]

    def test_streams_finish_where_they_are(self):
        """The limits of the drains are longer than the streams: no stream is moved, only new requests go elsewhere."""
        self.start(("hekla-fake-worker", ["--rate", "100", "--max_sequences", "16"]))
        load = self.upgrade(self.requests(12, 50), clients=12)
        self.assertEqual(load.resumed, 0)

    def test_streams_longer_than_the_drain(self):
        """Streams that are not done at the limit go on elsewhere: of a worker by the router, of a router by the client."""
        self.start(("hekla-fake-worker", ["--rate", "100", "--max_sequences", "16", "--drain_limit", "50ms"]),
                   router_flags=("--drain-limit", "50ms"))
        load = self.upgrade(self.requests(12, 120), clients=12)
        self.assertGreater(load.resumed, 0)
        self.assertGreater(load.retries, 0)

    def test_of_a_real_model(self):
        self.start(("hekla-worker", ["--model", c.MODEL]))
        self.upgrade(self.requests(8, 60), clients=6)


if __name__ == "__main__":
    unittest.main()
