"""A worker dies; its requests go on elsewhere."""
import concurrent.futures
import time
import unittest

import grpc

import cluster as c


class Failover(unittest.TestCase):
    def test_killed_while_requests_wait_for_their_first_token(self):
        """kill -9 of one of two workers: all 8 requests finish, from their first token to their last."""
        flags = ["--first_token_delay", "1500ms", "--max_sequences", "8"]
        with c.Cluster(workers=2, fake=True, worker_flags=flags) as cluster:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                calls = [pool.submit(c.generate, cluster.stub, c.make_request(f"prompt {i}", 12, request_id=f"r{i}"))
                         for i in range(8)]
                victim = cluster.workers[0]

                def both_busy():
                    placed = [worker.inflight for worker in cluster.ready_workers()]
                    return sum(placed) == 8 and min(placed) > 0
                c.eventually(both_busy, 10, "8 requests at two workers")
                self.assertFalse(any(call.done() for call in calls))
                began = time.monotonic()
                victim.signal(c.KILL)
                c.eventually(lambda: len(cluster.ready_workers()) == 1, 10, "the router drops the dead worker")
                noticed = time.monotonic() - began
                results = [call.result() for call in calls]
            print(f"the router noticed within {noticed * 1e3:.1f} ms (asked over the admin port)")
            for result in results:
                self.assertEqual(len(result.ids), 12)
                self.assertEqual(result.reason, "MAX_TOKENS")
            metrics = c.scrape(cluster.metrics_port)
            self.assertGreaterEqual(c.total(metrics, "hekla_router_retries_total"), 1)
            self.assertEqual(c.total(metrics, "hekla_router_inflight"), 0)

    def test_no_worker_is_unavailable_with_a_time_to_come_again(self):
        with c.Cluster(workers=0, fake=True, router_flags=["--worker-wait", "100ms"]) as cluster:
            with self.assertRaises(grpc.RpcError) as raised:
                c.generate(cluster.stub, c.make_request("x", 4))
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
            trailers = dict(raised.exception.trailing_metadata())
            self.assertIn(b"RetryInfo", trailers.get("grpc-status-details-bin", b""))

    def test_a_worker_comes_back_under_its_name(self):
        with c.Cluster(workers=1, fake=True) as cluster:
            cluster.workers[0].signal(c.KILL)
            c.eventually(lambda: not cluster.ready_workers(), 10, "the router drops the dead worker")
            cluster.workers.append(cluster.launch_worker("worker-0").start())
            c.eventually(lambda: len(cluster.ready_workers()) == 1, 10, "the worker is back")
            self.assertEqual(len(c.generate(cluster.stub, c.make_request("again", 5)).ids), 5)


if __name__ == "__main__":
    unittest.main()
