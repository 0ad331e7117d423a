"""careful_client.py and careful_client.js against real processes: deadline, cancel, retry, resume, a second router,
TLS, token."""
import functools
import hashlib
import os
import subprocess
import tempfile
import threading
import unittest

import clients_test
import cluster as c

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT, TOKENS = "Once upon a time", 60


class Client:
    """A running client whose stderr can be waited for."""

    def __init__(self, command, environment, flags):
        self.popen = subprocess.Popen([*command, "--prompt", PROMPT, "--max-tokens", str(TOKENS), *flags],
                                      env=dict(os.environ, **environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True)
        self.notes = []
        self.changed = threading.Condition()
        self.text = None
        self.readers = [threading.Thread(target=self.read_notes), threading.Thread(target=self.read_text)]
        for reader in self.readers:
            reader.start()

    def read_notes(self):
        for line in self.popen.stderr:
            with self.changed:
                self.notes.append(line)
                self.changed.notify_all()

    def read_text(self):
        self.text = self.popen.stdout.read()

    def wait_for(self, word):
        with self.changed:
            found = self.changed.wait_for(lambda: any(word in line for line in self.notes), 60 * c.PATIENCE)
        assert found, (word, self.notes)

    def finish(self):
        """(exit code, text)"""
        code = self.popen.wait(60 * c.PATIENCE)
        for reader in self.readers:
            reader.join()
        self.popen.stdout.close()
        self.popen.stderr.close()
        return code, self.text


@functools.lru_cache(maxsize=None)
def expected_text():
    with c.Cluster(workers=1, fake=True) as cluster:
        return c.generate(cluster.stub, c.make_request(PROMPT, TOKENS)).text


class Careful:
    """The cases; each client below runs them all."""

    def start(self, cluster_or_address, *flags):
        address = getattr(cluster_or_address, "address", cluster_or_address)
        client = Client(self.command, self.environment, ["--address", address, *flags])
        self.addCleanup(client.popen.kill)
        return client

    def test_done(self):
        expected = expected_text()
        with c.Cluster(workers=1, fake=True) as cluster:
            self.assertEqual(self.start(cluster).finish(), (0, expected))

    def test_tries_again_when_told(self):
        """No worker: UNAVAILABLE with RetryInfo. The client waits for one."""
        with c.Cluster(workers=0, fake=True, router_flags=("--worker-wait", "0s")) as cluster:
            client = self.start(cluster)
            client.wait_for("again in")
            cluster.launch_worker("late").start()
            self.assertEqual(client.finish(), (0, expected_text()))
            self.assertTrue(any("UNAVAILABLE NO_WORKER: again in" in note for note in client.notes), client.notes)

    def test_goes_on_where_the_stream_broke(self):
        with c.Cluster(workers=1, fake=True, worker_flags=("--rate=30",), router_flags=("--worker-wait", "0s")) as cluster:
            client = self.start(cluster)
            c.eventually(lambda: any(r.output_tokens >= 5 for r in cluster.inflight()), 30, "tokens come")
            cluster.workers[0].signal(c.KILL)
            client.wait_for("again in")
            cluster.launch_worker("second").start()
            self.assertEqual(client.finish(), (0, expected_text()))
            self.assertNotIn("after 0 tokens", "".join(client.notes))

    def test_goes_on_at_the_second_router(self):
        """The first one is killed in mid-stream: no wait is needed, for the other one is there."""
        with c.Cluster(workers=0, fake=True) as first, c.Cluster(workers=0, fake=True) as second:
            first._worker_flags = ("--router", f"{first.admin_address},{second.admin_address}", "--rate=30")
            first.workers.append(first.launch_worker("shared").start())
            c.eventually(lambda: len(first.ready_workers()) == len(second.ready_workers()) == 1, 30, "both have the worker")
            client = self.start(f"{first.address},{second.address}")
            c.eventually(lambda: any(r.output_tokens >= 5 for r in first.inflight()), 30, "tokens come")
            first.router.signal(c.KILL)
            self.assertEqual(client.finish(), (0, expected_text()))
            [note] = [note for note in client.notes if "again in" in note]
            self.assertRegex(note, r"again in 0(\.00)? m?s, after [1-9]")

    def test_deadline(self):
        with c.Cluster(workers=1, fake=True, worker_flags=("--rate=1",)) as cluster:
            client = self.start(cluster, "--timeout", "1.5")
            code, text = client.finish()
            self.assertEqual(code, 1)
            self.assertTrue(any("DEADLINE_EXCEEDED" in note for note in client.notes), client.notes)
            self.assertLess(len(text), TOKENS)
            c.eventually(lambda: not cluster.inflight(), 10, "the router has let it go")

    def test_cancel(self):
        with c.Cluster(workers=1, fake=True, worker_flags=("--rate=30",)) as cluster:
            code, text = self.start(cluster, "--cancel-after", "4").finish()
            self.assertEqual(code, 3)
            self.assertTrue(expected_text().startswith(text) and len(text) >= 4, text)
            c.eventually(lambda: not cluster.inflight(), 10, "the router has let it go")
            c.eventually(lambda: c.total(c.scrape(cluster.workers[0].metrics_port), "hekla_worker_requests_running") == 0, 10,
                         "the worker as well")

    def test_tls_and_token(self):
        expected = expected_text()
        with tempfile.TemporaryDirectory() as folder:
            cert, key, tokens = (os.path.join(folder, name) for name in ("cert.pem", "key.pem", "tokens"))
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
                           check=True, capture_output=True)
            with open(tokens, "w") as file:
                file.write(f"sha256:{hashlib.sha256(b'secret-of-this-test').hexdigest()} tenant=test\n")
            worker = c.Worker("hekla-fake-worker")
            self.addCleanup(worker.close)
            worker.start()
            flags = [word for name in ("listen", "admin-listen", "metrics-listen") for word in (f"--{name}", "127.0.0.1:0")]
            router = c.Process("hekla-router", *flags, "--tls-cert", cert, "--tls-key", key, "--token-file", tokens,
                               "--admin-token-file", tokens,
                               "--worker", worker.address)
            self.addCleanup(router.close)
            address = f"localhost:{c.field(router.wait_for('router_ready'), 'port')}"
            right = self.start(address, "--tls-ca", cert, "--token", "secret-of-this-test")
            self.assertEqual(right.finish(), (0, expected), right.notes)
            wrong = self.start(address, "--tls-ca", cert, "--token", "guess")
            self.assertEqual(wrong.finish(), (1, ""))
            self.assertTrue(any("UNAUTHENTICATED NO_CREDENTIAL" in note for note in wrong.notes), wrong.notes)


class Python(Careful, unittest.TestCase):
    command, environment = ["/usr/bin/python3", os.path.join(HERE, "careful_client.py")], {}


class Node(Careful, unittest.TestCase):
    command = ["node", os.path.join(HERE, "careful_client.js")]
    environment = {"NODE_PATH": os.path.join(clients_test.NODE_FOLDER, "node_modules")}

    @classmethod
    def setUpClass(cls):
        missing = clients_test.install_node_packages()
        if missing:
            raise unittest.SkipTest(missing)


if __name__ == "__main__":
    unittest.main()
