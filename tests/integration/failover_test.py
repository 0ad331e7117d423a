"""A worker dies; its requests go on elsewhere."""
import concurrent.futures
import signal
import tempfile
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

    def test_a_worker_that_makes_no_step_is_left(self):
        """It answers, reports and is healthy, but nothing moves: its stream goes on at another worker."""
        with c.Cluster(workers=1, fake=True, router_flags=["--stall-limit", "1s"],
                       worker_flags=["--fault", "hang", "--fault_after", "5", "--fault_strikes", "1"]) as cluster:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                call = pool.submit(c.generate, cluster.stub, c.make_request("a long story", 40))
                c.eventually(lambda: [r.output_tokens for r in cluster.inflight()] == [5], 10, "five tokens came")
                cluster.workers.append(cluster.launch_worker("worker-1", "--fault", "none").start())
                result = call.result()
            self.assertEqual(len(result.ids), 40)
            self.assertEqual(result.finished.usage.resumed_times, 1)
            self.assertEqual(result.ids, c.generate(cluster.stub, c.make_request("a long story", 40)).ids)
            metrics = c.scrape(cluster.metrics_port)
            self.assertEqual(metrics['hekla_router_worker_lost_total{cause="stalled"}'], 1)
            self.assertEqual(metrics['hekla_router_worker_breaker{state="open",worker="worker-0"}'], 1)

    def test_a_request_that_kills_workers_is_given_to_two(self):
        flags = ["--fault", "die", "--fault_marker", "deadly", "--fault_after", "2"]
        with c.Cluster(workers=4, fake=True, worker_flags=flags) as cluster:
            for attempt in range(2):
                with self.assertRaises(grpc.RpcError) as raised:
                    c.generate(cluster.stub, c.make_request("a deadly prompt", 20, request_id=f"attempt {attempt}"))
                self.assertEqual(raised.exception.code(), grpc.StatusCode.INTERNAL)
                trailers = dict(raised.exception.trailing_metadata())
                self.assertIn(b"POISON_REQUEST", trailers["grpc-status-details-bin"])
                c.eventually(lambda: len(cluster.ready_workers()) == 2, 10, "two of four workers died, no more")
            self.assertEqual(len(c.generate(cluster.stub, c.make_request("a harmless prompt", 20)).ids), 20)
            self.assertEqual(c.total(c.scrape(cluster.metrics_port), "hekla_router_poison_total"), 1)

    def test_a_killed_router(self):
        """kill -9 of the router: clients see UNAVAILABLE, workers cancel its requests and attach to the next one."""
        with c.Cluster(workers=2, fake=True, worker_flags=["--rate", "20"]) as cluster:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                calls = [pool.submit(c.generate, cluster.stub, c.make_request(f"prompt {i}", 2000)) for i in range(4)]
                c.eventually(lambda: len(cluster.inflight()) == 4 and all(r.output_tokens for r in cluster.inflight()), 10,
                             "four streams run")
                cluster.router.signal(c.KILL)
                for call in calls:
                    self.assertEqual(call.exception(30 * c.PATIENCE).code(), grpc.StatusCode.UNAVAILABLE)

            def running():
                return sum(c.total(c.scrape(worker.metrics_port), "hekla_worker_requests_running") for worker in cluster.workers)
            c.eventually(lambda: running() == 0, 10, "the workers cancel the orphans")
            cluster.router.wait()
            router = c.Process("hekla-router", "--listen", cluster.address, "--admin-listen", cluster.admin_address,
                               "--metrics-listen", "127.0.0.1:0")
            self.addCleanup(router.close)
            router.wait_for("router_ready")
            for worker in ("worker-0", "worker-1"):
                router.wait_for(f"worker_attached.*{worker}")
            self.assertEqual(len(c.generate(cluster.connect(cluster.address), c.make_request("again", 5)).ids), 5)

    def test_limits_are_reloaded(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("worker-wait 50ms\n")
            file.flush()
            with c.Cluster(workers=0, fake=True, router_flags=["--config", file.name]) as cluster:
                def refusal():
                    with self.assertRaises(grpc.RpcError) as raised:
                        c.generate(cluster.stub, c.make_request("x", 4))
                    return raised.exception.details()
                self.assertIn("the limit of 50ms", refusal())
                file.write("worker-wait 70ms\nlog-level debug\n")
                file.flush()
                cluster.router.signal(signal.SIGHUP)
                cluster.router.wait_for("reloaded.*log_level=debug")
                self.assertIn("the limit of 70ms", refusal())
                file.write("nonsense 1\n")
                file.flush()
                cluster.router.signal(signal.SIGHUP)
                cluster.router.wait_for("reload_refused.*nonsense")
                self.assertIn("the limit of 70ms", refusal())

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
