"""Where requests go: cached prefixes, sessions, two routers in front of the same workers."""
import concurrent.futures
import unittest

import grpc

import cluster as c

SYSTEM = "You are a careful assistant of a small library in the north. " * 20  # bytes are tokens here


class Routing(unittest.TestCase):
    def test_prompts_go_where_their_beginning_is_cached(self):
        with c.Cluster(workers=3, fake=True, worker_flags=["--prefill_rate", "100000"]) as cluster:
            first = c.generate(cluster.stub, c.make_request(SYSTEM + "0", 4))
            self.assertEqual(first.started.cached_tokens, 0)
            for i in range(1, 20):
                again = c.generate(cluster.stub, c.make_request(SYSTEM + str(i), 4))
                self.assertGreater(again.started.cached_tokens, 0.9 * len(SYSTEM), f"request {i}")
                other = c.generate(cluster.stub, c.make_request(SYSTEM + str(i), 4, cache_scope=f"scope {i}"))
                self.assertEqual(len(other.ids), 4)
            metrics = c.scrape(cluster.metrics_port)
            self.assertEqual(metrics['hekla_router_route_total{branch="prefix"}'], 19)
            cached = metrics['hekla_router_prompt_tokens_total{source="cached"}']
            self.assertGreater(cached, 19 * 0.9 * len(SYSTEM))

    def test_a_session_stays_and_a_required_one_is_lost_with_its_worker(self):
        required = c.api.Session(id="talk", affinity=c.api.Session.REQUIRE)
        with c.Cluster(workers=3, fake=True, worker_flags=["--rate", "50"]) as cluster:
            def place():
                """Where a turn runs; it is long enough to be seen there."""
                call = cluster.stub.Generate(c.make_request("turn", 3000, session=required), timeout=60)
                next(iter(call))
                found = {request.worker_id for request in cluster.inflight()}
                call.cancel()
                c.eventually(lambda: not cluster.inflight(), 10, "the turn is over")
                return found
            places = [place() for _ in range(5)]
            self.assertEqual(len(set().union(*places)), 1, places)
            [name] = places[0]
            cluster.workers[int(name.rsplit("-", 1)[1])].signal(c.KILL)
            c.eventually(lambda: len(cluster.ready_workers()) == 2, 10, "the router drops the dead worker")
            with self.assertRaises(grpc.RpcError) as raised:
                c.generate(cluster.stub, c.make_request("turn", 4, session=required))
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertIn(b"SESSION_LOST", dict(raised.exception.trailing_metadata())["grpc-status-details-bin"])
            again = c.generate(cluster.stub, c.make_request("from the start", 4, session=required))
            self.assertEqual(len(again.ids), 4)

    def test_two_routers_share_the_workers(self):
        with c.Cluster(workers=0, fake=True) as cluster:
            second = cluster._keep(c.Router()).start()
            stub = cluster.connect(second.address)
            channel = cluster._stack.enter_context(grpc.insecure_channel(second.admin_address))
            admins = [cluster.admin, c.admin_services.AdminStub(channel)]
            routers = f"{cluster.admin_address},{second.admin_address}"
            cluster.workers = [cluster._keep(c.Worker("hekla-fake-worker", "--id", f"worker-{i}", "--router", routers,
                                                      "--rate", "100")) for i in range(2)]
            for worker in cluster.workers:
                worker.start()

            def ready(admin):
                return len(c.ready_workers(admin))

            def running(admin):
                listed = admin.ListWorkers(c.admin.ListWorkersRequest(), timeout=10).workers
                return sum(worker.load.running for worker in listed)
            c.eventually(lambda: [ready(admin) for admin in admins] == [2, 2], 20, "both routers see both workers")
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                calls = [pool.submit(c.generate, (cluster.stub, stub)[i % 2], c.make_request(f"prompt {i}", 100))
                         for i in range(8)]
                c.eventually(lambda: [running(admin) for admin in admins] == [8, 8], 20,
                             "each router sees what runs for the other one too")
                for call in calls:
                    self.assertEqual(len(call.result().ids), 100)
            c.eventually(lambda: [running(admin) for admin in admins] == [0, 0], 20, "nothing runs any more")
            cluster.workers[0].signal(c.KILL)
            c.eventually(lambda: [ready(admin) for admin in admins] == [1, 1], 10, "both drop the dead worker")
            for each in (cluster.stub, stub):
                self.assertEqual(len(c.generate(each, c.make_request("after", 5)).ids), 5)


if __name__ == "__main__":
    unittest.main()
