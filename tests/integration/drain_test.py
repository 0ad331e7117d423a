"""SIGTERM: what runs finishes, nothing new is taken, the exit code is 0."""
import concurrent.futures
import unittest

import grpc

import cluster as c

SLOW = ["--rate", "40"]  # tokens a second: a stream of 40 takes a second


def start_stream(cluster, request_id):
    """A stream that has had its first token; the rest is read by the returned function."""
    call = cluster.stub.Generate(c.make_request("drain", 40, request_id=request_id), timeout=60 * c.PATIENCE)
    responses = iter(call)
    head = [next(responses)]
    while head[-1].WhichOneof("event") != "delta":
        head.append(next(responses))
    return lambda: c.Generation(head + list(responses))


class Drain(unittest.TestCase):
    def test_worker(self):
        with c.Cluster(workers=2, fake=True, worker_flags=SLOW) as cluster:
            streams = [start_stream(cluster, f"r{i}") for i in range(4)]
            cluster.workers[0].signal(c.TERM)
            c.eventually(lambda: len(cluster.ready_workers()) == 1, 10, "the router sees the drain")
            self.assertEqual(len(c.generate(cluster.stub, c.make_request("new", 3)).ids), 3)
            for rest in streams:
                self.assertEqual(len(rest().ids), 40)
            self.assertEqual(cluster.workers[0].wait(), 0)
            metrics = c.scrape(cluster.metrics_port)
            self.assertEqual(c.total(metrics, "hekla_router_inflight"), 0)

    def test_router(self):
        with c.Cluster(workers=2, fake=True, worker_flags=SLOW) as cluster:
            streams = [start_stream(cluster, f"r{i}") for i in range(4)]
            cluster.router.signal(c.TERM)
            cluster.router.wait_for("signal")

            def refused():
                try:
                    c.generate(cluster.stub, c.make_request("late", 3))
                    return False
                except grpc.RpcError as error:
                    return error.code() == grpc.StatusCode.UNAVAILABLE
            c.eventually(refused, 10, "the draining router refuses new requests")
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                for result in pool.map(lambda rest: rest(), streams):
                    self.assertEqual(len(result.ids), 40)
            self.assertEqual(cluster.router.wait(), 0)


if __name__ == "__main__":
    unittest.main()
