"""Real router and worker with mutual TLS and tokens: streams, who is refused, renewed certificates, traces, the log."""
import json
import os
import re
import ssl
import subprocess
import tempfile
import unittest

import grpc

import cluster as c

MAKE_CA = os.path.join(c.ROOT, "deploy", "tls", "make-test-ca")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
PROMPT = "Once upon a time there was a zebra"


def make_ca(folder, *flags):
    subprocess.run([MAKE_CA, *flags, folder], check=True)


def new_token(tenant):
    """(token, line for a token file) of `hekla-router --new-token`."""
    command = [os.path.join(c.BIN, "hekla-router"), "--new-token", tenant]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return re.fullmatch(r"token (\S+)\nline (.+)\n", output).groups()


class Security(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(c.MODEL):
            raise unittest.SkipTest(f"there is no {c.MODEL}")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        make_ca(cls.path())
        cls.client_token, client_line = new_token("acme")
        cls.other_token, other_line = new_token("other")
        cls.operator_token, operator_line = new_token("operators")
        cls.worker_token, worker_line = new_token("router")
        cls.write("tokens", f"# clients\n{client_line}\n{other_line} models=nothing\n")
        cls.write("operators", operator_line + "\n")
        cls.write("callers-of-workers", worker_line + "\n")
        cls.write("operator.token", cls.operator_token + "\n")
        cls.write("to-worker.token", cls.worker_token + "\n")
        cls.write("client.token", cls.client_token + "\n")

        cls.router = c.Process(
            "hekla-router", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
            "--tls-cert", cls.path("router.pem"), "--tls-key", cls.path("router.key"), "--tls-client-ca", cls.path("ca.pem"),
            "--worker-tls-ca", cls.path("ca.pem"), "--worker-tls-cert", cls.path("router.pem"),
            "--worker-tls-key", cls.path("router.key"), "--worker-token-file", cls.path("to-worker.token"),
            "--token-file", cls.path("tokens"), "--admin-token-file", cls.path("operators"), "--log-json", "--log-level", "debug")
        cls.addClassCleanup(cls.router.close)
        ready = json.loads(cls.router.wait_for("router_ready"))
        cls.address, cls.admin_address = f"127.0.0.1:{ready['port']}", f"127.0.0.1:{ready['admin_port']}"
        cls.worker = c.Process(
            "hekla-worker", "--model", c.MODEL, "--listen", "127.0.0.1:0", "--id", "w0", "--router", cls.admin_address,
            "--tls-cert", cls.path("worker.pem"), "--tls-key", cls.path("worker.key"), "--tls-client-ca", cls.path("ca.pem"),
            "--router-tls-ca", cls.path("ca.pem"), "--router-tls-cert", cls.path("worker.pem"),
            "--router-tls-key", cls.path("worker.key"), "--router-token-file", cls.path("operator.token"),
            "--token-file", cls.path("callers-of-workers"), "--log-json", "--log-level", "debug")
        cls.addClassCleanup(cls.worker.close)
        cls.worker_address = json.loads(cls.worker.wait_for('"ready"', 120))["address"]
        cls.router.wait_for("worker_attached")

    @classmethod
    def path(cls, name=""):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def write(cls, name, text):
        with open(cls.path("new"), "w") as file:
            file.write(text)
        os.replace(cls.path("new"), cls.path(name))

    def channel(self, address, certificate="client", ca="ca.pem"):
        def read(name):
            with open(self.path(name), "rb") as file:
                return file.read()
        pair = (read(certificate + ".key"), read(certificate + ".pem")) if certificate else (None, None)
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(read(ca), *pair))
        self.addCleanup(channel.close)
        return channel

    def stub(self, *arguments, **more):
        return c.api_services.InferenceStub(self.channel(*arguments, **more))

    def generate(self, stub, token, max_tokens=16, prompt=PROMPT, **more):
        metadata = [("authorization", f"Bearer {token}"), *more.pop("metadata", [])]
        request = c.make_request(prompt, max_tokens, **more)
        return c.Generation(stub.Generate(request, timeout=60 * c.PATIENCE, metadata=metadata))

    def refused(self, code, function, *arguments):
        with self.assertRaises(grpc.RpcError) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())

    def test_streams(self):
        stub = self.stub(self.address)
        self.assertEqual(len(self.generate(stub, self.client_token).ids), 16)
        command = [os.path.join(c.BIN, "hekla"), "generate", "--address", self.address, "--tls-ca", self.path("ca.pem"),
                   "--tls-cert", self.path("client.pem"), "--tls-key", self.path("client.key"),
                   "--token-file", self.path("client.token"), "--prompt", "One day", "--max-tokens", "4"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * c.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.strip())

    def test_who_is_refused(self):
        stub = self.stub(self.address)
        for token in ("", "wrong-token-0123456789", self.operator_token, self.worker_token):
            self.refused(grpc.StatusCode.UNAUTHENTICATED, self.generate, stub, token)
        self.refused(grpc.StatusCode.PERMISSION_DENIED, lambda: self.generate(stub, self.other_token, model="Hekla Stories"))
        no_certificate = self.stub(self.address, certificate=None)
        self.refused(grpc.StatusCode.UNAVAILABLE, self.generate, no_certificate, self.client_token)
        worker = self.stub(self.worker_address)
        self.refused(grpc.StatusCode.UNAUTHENTICATED, self.generate, worker, self.client_token)
        with grpc.insecure_channel(self.address) as plain:
            self.refused(grpc.StatusCode.UNAVAILABLE, self.generate, c.api_services.InferenceStub(plain), self.client_token)

        admin = c.admin_services.AdminStub(self.channel(self.admin_address))

        def list_workers(token):
            return admin.ListWorkers(c.admin.ListWorkersRequest(), metadata=[("authorization", f"Bearer {token}")])
        self.refused(grpc.StatusCode.UNAUTHENTICATED, list_workers, self.client_token)
        self.assertEqual(len(list_workers(self.operator_token).workers), 1)

    def test_renewed_certificates(self):
        """A stream from before goes on, calls after use the new files."""
        old = self.stub(self.address)
        call = old.Generate(c.make_request("One day", 200), timeout=60 * c.PATIENCE,
                            metadata=[("authorization", f"Bearer {self.client_token}")])
        head = [next(call)]
        make_ca(self.path(), "--renew")
        for address, name in ((self.address, "router"), (self.worker_address, "worker")):
            host, port = address.rsplit(":", 1)
            with open(self.path(name + ".pem")) as file:
                self.assertEqual(ssl.get_server_certificate((host, int(port))), file.read())
        self.assertEqual(len(self.generate(self.stub(self.address), self.client_token).ids), 16)
        self.assertGreater(len(c.Generation(head + list(call)).ids), 0)

    def test_one_trace_through_both_logs(self):
        self.generate(self.stub(self.address), self.client_token, request_id="traced",
                      metadata=[("traceparent", f"00-{TRACE}-{PARENT}-01")])

        def line_of(process):
            return json.loads(process.wait_for(r'"event":"request",.*"traced"'))
        router, worker = line_of(self.router), line_of(self.worker)
        for line in (router, worker):
            self.assertEqual((line["trace"], line["code"]), (TRACE, "OK"))
            self.assertEqual(line["output_tokens"], 16)
        self.assertEqual(router["parent_span"], PARENT)
        self.assertEqual(worker["parent_span"], router["span"])
        self.assertNotEqual(worker["span"], router["span"])
        self.assertEqual((router["tenant"], router["worker"], router["model"]), ("acme", "w0", "Hekla Stories"))

    def test_nothing_of_prompts_outputs_or_tokens_in_the_logs(self):
        """At level debug, in all that this class made the processes say so far; good calls, bad ones, a cancelled one."""
        stub, prompts = self.stub(self.address), ["a purple elephant", "an orange walrus", "a silent heron"]
        output = self.generate(stub, self.client_token, prompt=prompts[0], max_tokens=24).text
        self.refused(grpc.StatusCode.INVALID_ARGUMENT,
                     lambda: self.generate(stub, self.client_token, prompt=prompts[1], temperature=-1, request_id="bad"))
        call = stub.Generate(c.make_request(prompts[2], 200, request_id="cancelled"), timeout=60 * c.PATIENCE,
                             metadata=[("authorization", f"Bearer {self.client_token}")])
        next(call)
        call.cancel()
        for process in (self.router, self.worker):
            process.wait_for(r'"event":"request",.*"cancelled"')
        logs = [line for process in (self.router, self.worker) for line in process.lines if line is not None]
        self.assertGreater(len(logs), 5)
        for line in logs:
            json.loads(line)  # each line, gRPC's own too
            secrets = [*prompts, PROMPT, output[:24], self.client_token, self.operator_token, self.worker_token]
            for secret in filter(None, secrets):
                self.assertNotIn(secret, line)


if __name__ == "__main__":
    unittest.main()
