"""A router and two real workers on the demo model: streams, batches, many at once with cancels, a killed worker."""
import concurrent.futures
import os
import random
import unittest

import cluster as c

SEED = int(os.environ.get("HEKLA_TEST_SEED", "1"))
PROMPTS = ["Once upon a time", "One day", "There was a little", "In a small house", "The dog", "A girl named"]


def idle(cluster, workers):
    """Nothing left anywhere: requests, KV blocks."""
    for worker in workers:
        metrics = c.scrape(worker.metrics_port)
        for name in ("requests_running", "requests_waiting", "kv_cache_usage_ratio"):
            if c.total(metrics, "hekla_worker_" + name) != 0:
                return False
    return c.total(c.scrape(cluster.metrics_port), "hekla_router_inflight") == 0


def threads_of(process):
    return len(os.listdir(f"/proc/{process.popen.pid}/task"))


class Serving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(c.MODEL):
            raise unittest.SkipTest(f"there is no {c.MODEL}")
        cls.cluster = c.Cluster(workers=2).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def test_one_stream(self):
        request = c.make_request("Once upon a time", 24)
        first, second = c.generate(self.cluster.stub, request), c.generate(self.cluster.stub, request)
        self.assertEqual(len(first.ids), 24)
        self.assertGreater(len(first.text.split()), 5)
        self.assertEqual(first.text, second.text)

    def test_worker_and_router_answer_the_same(self):
        request = c.make_request("One day", 24, seed=5, temperature=0.9)
        through_router = c.generate(self.cluster.stub, request)
        for worker in self.cluster.workers:
            self.assertEqual(c.generate(self.cluster.connect(worker.address), request).ids, through_router.ids)

    def test_samples_of_one_prompt(self):
        """output.n gives what so many single requests with these sample indices give."""
        request = c.make_request(" ".join(PROMPTS) * 3, 24, seed=9, temperature=0.9, output=c.api.Output(n=4))
        texts, finished = [""] * 4, []
        for response in self.cluster.stub.Generate(request, timeout=120 * c.PATIENCE):
            if response.HasField("delta"):
                texts[response.delta.sample_index] += response.delta.text
            elif response.HasField("finished"):
                finished.append(response.finished)
        self.assertEqual(sorted(f.sample_index for f in finished), [0, 1, 2, 3])
        self.assertGreater(sum(f.usage.cached_tokens for f in finished), 0)
        for k, text in enumerate(texts):
            single = c.make_request(request.text, 24, seed=9, temperature=0.9, first_sample_index=k)
            self.assertEqual(c.generate(self.cluster.stub, single).text, text)
        self.assertEqual(len(set(texts)), 4)

    def test_prompt_logprobs(self):
        """What was drawn greedily, sent again as a prompt, is as likely as it was then, to the last bit."""
        ids, drawn = [], []
        request = c.make_request("Once upon a time", 40, output=c.api.Output(echo=True, logprobs=3))
        for response in self.cluster.stub.Generate(request, timeout=120 * c.PATIENCE):
            ids += response.prompt.token_ids
            drawn += response.delta.logprobs
        ids += [each.token_id for each in drawn]
        again = c.make_request("", 1, output=c.api.Output(prompt_logprobs=3))
        again.token_ids.ids.extend(ids)
        responses = list(self.cluster.stub.Generate(again, timeout=120 * c.PATIENCE))
        self.assertEqual([r.WhichOneof("event") for r in responses[:3]], ["started", "prompt", "delta"])
        scored = responses[1].prompt.logprobs
        self.assertEqual([each.token_id for each in scored], ids[1:])
        self.assertEqual(list(scored[-len(drawn):]), drawn)
        self.assertTrue(all(each.logprob <= 0 and len(each.top) == 3 for each in scored))

    def test_batch(self):
        items = [c.api.BatchGenerateRequest.Item(tag=f"t{i}", request=c.make_request(prompt, 8 + i, seed=i, temperature=0.8))
                 for i, prompt in enumerate(PROMPTS)]
        items.append(c.api.BatchGenerateRequest.Item(tag="bad", request=c.make_request("x", 4, temperature=-1)))
        responses = list(self.cluster.stub.BatchGenerate(c.api.BatchGenerateRequest(items=items), timeout=120 * c.PATIENCE))
        self.assertTrue(responses[-1].HasField("summary"))
        self.assertEqual((responses[-1].summary.succeeded, responses[-1].summary.failed), (len(PROMPTS), 1))
        finished = {r.item_finished.index: r.item_finished for r in responses[:-1]}
        self.assertEqual(sorted(finished), list(range(len(items))))
        self.assertEqual(finished[len(PROMPTS)].status.code, 3)  # INVALID_ARGUMENT
        for i in range(len(PROMPTS)):
            alone = c.generate(self.cluster.stub, items[i].request)
            self.assertEqual(finished[i].result.samples[0].text, alone.text)
            self.assertEqual(finished[i].tag, f"t{i}")

    def test_many_streams_some_cancelled(self):
        """32 streams of different lengths, about a third cancelled at random: the others are as if alone."""
        print(f"seed {SEED}; HEKLA_TEST_SEED chooses another")
        rng = random.Random(SEED)
        requests = [c.make_request(rng.choice(PROMPTS), rng.randint(4, 48), seed=rng.randint(0, 2**63),
                                   temperature=rng.choice([0.0, 0.7, 1.0])) for _ in range(32)]
        cancel_after = [rng.randint(0, 6) if rng.random() < 1 / 3 else None for _ in requests]

        def run(request, events):
            if events is None:
                return c.generate(self.cluster.stub, request, 240)
            call = self.cluster.stub.Generate(request, timeout=240 * c.PATIENCE)
            for _, _ in zip(range(events), call):
                pass
            call.cancel()
            return None
        threads = []
        for _ in range(2):
            with concurrent.futures.ThreadPoolExecutor(32) as pool:
                together = list(pool.map(run, requests, cancel_after))
            c.eventually(lambda: idle(self.cluster, self.cluster.workers), 20, "nothing running, no KV block in use")
            threads.append([threads_of(p) for p in (self.cluster.router, *self.cluster.workers)])
        print(f"threads of router and workers after each round: {threads}")
        for first, second in zip(*threads):
            self.assertLessEqual(second, first + 8)  # a leak would be one a stream
        finished = [(request, result) for request, result in zip(requests, together) if result is not None]
        print(f"{len(finished)} finished, {len(requests) - len(finished)} cancelled")
        self.assertGreater(len(finished), 10)
        self.assertLess(len(finished), 32)
        for request, result in finished:
            alone = c.generate(self.cluster.stub, request)
            self.assertEqual((alone.ids, alone.text, alone.reason), (result.ids, result.text, result.reason))

    def test_worker_killed_in_the_middle(self):
        """Streams that have begun go on at the other worker, without a gap, a repeat or another text."""
        with c.Cluster(workers=2) as cluster:
            requests = [c.make_request(PROMPTS[i % len(PROMPTS)], 60, seed=i, temperature=0.8) for i in range(8)]
            expected = [c.generate(self.cluster.stub, request, 120) for request in requests]
            calls = [cluster.stub.Generate(request, timeout=240 * c.PATIENCE) for request in requests]
            streams = [iter(call) for call in calls]
            heads = [[next(stream), next(stream)] for stream in streams]  # Started and the first Delta
            cluster.workers[0].signal(c.KILL)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                results = list(pool.map(lambda pair: c.Generation(pair[0] + list(pair[1])), zip(heads, streams)))
            for result, alone in zip(results, expected):
                self.assertEqual((result.ids, result.text), (alone.ids, alone.text))
            self.assertGreater(sum(result.finished.usage.resumed_times for result in results), 0)
            c.eventually(lambda: idle(cluster, cluster.workers[1:]), 20, "nothing left")


if __name__ == "__main__":
    unittest.main()
