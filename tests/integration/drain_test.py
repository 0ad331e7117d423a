"""SIGTERM: what runs finishes, nothing new is taken, the exit code is 0."""
import collections
import concurrent.futures
import threading
import unittest

import grpc

import cluster as c
from google.rpc import error_details_pb2, status_pb2  # made by cluster's stubs

SLOW = ["--rate", "40"]  # tokens a second: a stream of 40 takes a second


def start_stream(cluster, request_id):
    """A stream that has had its first token; the rest is read by the returned function."""
    call = cluster.stub.Generate(c.make_request("drain", 40, request_id=request_id), timeout=60 * c.PATIENCE)
    responses = iter(call)
    head = [next(responses)]
    while head[-1].WhichOneof("event") != "delta":
        head.append(next(responses))
    return lambda: c.Generation(head + list(responses))


def reason_of(status):
    """The reason of a google.rpc.Status, "" when there is none, and whether it says when to try again."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(retry)
    return info.reason, retry.HasField("retry_delay")


def end_of(error):
    """(code, reason, may be tried again) of a call."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    return (error.code().name, *reason_of(status_pb2.Status.FromString(details)))


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

    def test_router_at_its_limit(self):
        """What does not finish in time is told so by the router, a batch item by item."""
        limit = ["--drain-limit", "300ms"]
        with c.Cluster(workers=1, fake=True, worker_flags=["--rate", "1"], router_flags=limit) as cluster:
            rest = start_stream(cluster, "long")
            items = [c.api.BatchGenerateRequest.Item(request=c.make_request("drain", 40)) for _ in range(20)]
            batch = cluster.stub.BatchGenerate(c.api.BatchGenerateRequest(items=items), timeout=60 * c.PATIENCE)
            c.eventually(lambda: len(cluster.inflight()) == 21, 10, "stream and batch are there")
            cluster.router.signal(c.TERM)
            with self.assertRaises(grpc.RpcError) as raised:
                rest()
            self.assertEqual(end_of(raised.exception), ("UNAVAILABLE", "DRAINING", True))
            *ended, last = batch
            self.assertEqual(last.summary.failed, 20)
            for response in ended:
                status = response.item_finished.status
                self.assertEqual((status.code, *reason_of(status)), (grpc.StatusCode.UNAVAILABLE.value[0], "DRAINING", True))
            self.assertEqual(cluster.router.wait(), 0)

    def test_calls_at_the_router_s_end(self):
        self.check_calls_at_the_end(lambda cluster: cluster.router)

    def test_calls_at_a_worker_s_end(self):
        self.check_calls_at_the_end(lambda cluster: cluster.workers[0])

    def check_calls_at_the_end(self, process_of):
        """Those that come too late to be answered find a closed connection: UNAVAILABLE, too."""
        ends = collections.Counter()

        def call_until_unreachable(stub):
            while True:
                try:
                    c.generate(stub, c.make_request("late", 3))
                    ends["OK"] += 1
                except grpc.RpcError as error:
                    ends[end_of(error)] += 1
                    if error.code() == grpc.StatusCode.UNAVAILABLE and end_of(error)[1] == "":
                        return

        for _ in range(5):
            with c.Cluster(workers=1, fake=True) as cluster:
                process = process_of(cluster)
                clients = [threading.Thread(target=call_until_unreachable, args=(cluster.connect(process.address),))
                           for _ in range(8)]
                for client in clients:
                    client.start()
                process.signal(c.TERM)
                self.assertEqual(process.wait(), 0)
                for client in clients:
                    client.join()
        self.assertLessEqual(set(ends), {"OK", ("UNAVAILABLE", "DRAINING", True), ("UNAVAILABLE", "", False)}, ends)


if __name__ == "__main__":
    unittest.main()
