"""Real Hekla processes for tests: a router, workers, calls to them. Everything started here ends with Cluster."""
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request

import grpc

import hekla_stubs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("HEKLA_BIN_DIR", os.path.join(ROOT, "build", "release", "bin"))
# Sanitizers make programs many times slower.
PATIENCE = 1 if os.environ.get("HEKLA_PRESET", "release") == "release" else 10
MODEL = os.path.join(ROOT, "deploy", "model", "hekla-stories.gguf")

[(api, api_services), (admin, admin_services)] = hekla_stubs.load("inference", "admin")


def eventually(condition, limit_seconds, what):
    """Polls until condition() is true."""
    end = time.monotonic() + limit_seconds * PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit_seconds * PATIENCE} s")
        time.sleep(0.002)


class Process:
    """A program of build/PRESET/bin whose log lines can be waited for. `prefix`: words before it that execute it."""

    def __init__(self, program, *flags, prefix=()):
        self.lines = []
        self._changed = threading.Condition()
        self.popen = subprocess.Popen([*prefix, os.path.join(BIN, program), *flags], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.popen.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.lines.append(None)  # the end
            self._changed.notify_all()

    def wait_for(self, pattern, limit_seconds=60):
        """The first log line that matches."""
        def found():
            return next((line for line in self.lines if line is not None and re.search(pattern, line)), None)
        with self._changed:
            self._changed.wait_for(lambda: found() or None in self.lines, limit_seconds * PATIENCE)
            line = found()
        if line is None:
            log = "\n".join(line for line in self.lines if line is not None)
            raise AssertionError(f"no log line {pattern!r} of {self.popen.args[0]}:\n{log}")
        return line

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, limit_seconds=30):
        return self.popen.wait(limit_seconds * PATIENCE)

    def close(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self._reader.join(5)
        self.popen.stderr.close()


def field(line, name):
    return re.search(rf"\b{name}=(\S+)", line).group(1)


class Worker(Process):
    def __init__(self, program, *flags):
        metrics = "--metrics_listen" if "fake" in program else "--metrics-listen"
        super().__init__(program, "--listen", "127.0.0.1:0", metrics, "127.0.0.1:0", *flags)

    def start(self):
        line = self.wait_for(r"\bready\b", 120)
        self.address = field(line, "address")
        self.metrics_port = int(field(line, "metrics_port"))
        return self


class Router(Process):
    def __init__(self, *flags, ports=(0, 0, 0)):
        """`ports`: of clients, of operators and workers, of metrics; 0 takes a free one."""
        names = ("listen", "admin-listen", "metrics-listen")
        super().__init__("hekla-router", *[word for name, port in zip(names, ports)
                                           for word in (f"--{name}", f"127.0.0.1:{port}")], *flags)

    def start(self):
        line = self.wait_for("router_ready")
        self.ports = [int(field(line, name)) for name in ("port", "admin_port", "metrics_port")]
        self.address, self.admin_address = (f"127.0.0.1:{port}" for port in self.ports[:2])
        self.metrics_port = self.ports[2]
        return self


def ready_workers(admin_stub):
    ready = admin.WorkerState.State.Value("READY")
    return [worker for worker in admin_stub.ListWorkers(admin.ListWorkersRequest(), timeout=10).workers
            if worker.state == ready]


class Cluster:
    """with Cluster(workers=2) as cluster: ... `fake`: hekla-fake-worker instead of hekla-worker."""

    def __init__(self, workers=2, fake=False, model=MODEL, router_flags=(), worker_flags=()):
        self._stack = contextlib.ExitStack()
        self._settings = (workers, fake, model, router_flags, worker_flags)

    def __enter__(self):
        workers, fake, model, router_flags, worker_flags = self._settings
        self._fake, self._model, self._worker_flags = fake, model, worker_flags
        try:
            self.router = self._keep(Router(*router_flags)).start()
            self.address, self.admin_address = self.router.address, self.router.admin_address
            self.metrics_port = self.router.metrics_port
            self.stub = self.connect(self.address)
            channel = self._stack.enter_context(grpc.insecure_channel(self.admin_address))
            self.admin = admin_services.AdminStub(channel)
            self.workers = [self.launch_worker(f"worker-{i}") for i in range(workers)]
            for worker in self.workers:
                worker.start()
            eventually(lambda: len(self.ready_workers()) == workers, 30, f"{workers} workers attached")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            for process in [self.router, *self.workers]:
                print(f"---- {process.popen.args[0]} {process.popen.pid}")
                print("\n".join(line for line in process.lines[-30:] if line is not None))
        self._stack.close()

    def _keep(self, process):
        self._stack.callback(process.close)
        return process

    def launch_worker(self, name, *flags):
        words = ["--id", name, "--router", self.admin_address, *self._worker_flags, *flags]
        if self._fake:
            return self._keep(Worker("hekla-fake-worker", *words))
        return self._keep(Worker("hekla-worker", "--model", self._model, *words))

    def connect(self, address):
        return api_services.InferenceStub(self._stack.enter_context(grpc.insecure_channel(address)))

    def ready_workers(self):
        return ready_workers(self.admin)

    def inflight(self):
        return list(self.admin.ListInFlight(admin.ListInFlightRequest(), timeout=10).requests)


def scrape(port):
    """{(name with labels): value} of a /metrics page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        rows = [line.rsplit(" ", 1) for line in page.read().decode().splitlines() if line and line[0] != "#"]
    return {name: float(value) for name, value in rows}


def total(metrics, name):
    """The sum of a metric over its labels. Missing: an error, so that a renamed metric is noticed."""
    found = [value for key, value in metrics.items() if key == name or key.startswith(name + "{")]
    if not found:
        raise AssertionError(f"there is no metric {name}")
    return sum(found)


def make_request(prompt, max_tokens, seed=None, temperature=0.0, **more):
    sampling = api.Sampling(temperature=temperature)
    if seed is not None:
        sampling.seed = seed
    return api.GenerateRequest(text=prompt, stop=api.Stop(max_tokens=max_tokens), sampling=sampling, **more)


class Generation:
    """A whole Generate stream: text, ids, finish; checks the order of events and the offsets."""

    def __init__(self, responses):
        self.text, self.ids, self.finished, self.started = "", [], None, None
        for response in responses:
            event = response.WhichOneof("event")
            assert self.finished is None, f"{event} after Finished"
            if event == "started":
                assert self.started is None, "Started twice"
                self.started = response.started
            elif event == "delta":
                assert self.started is not None, "Delta before Started"
                assert response.delta.token_offset == len(self.ids), (response.delta.token_offset, len(self.ids))
                assert response.delta.token_count == len(response.delta.token_ids)
                self.text += response.delta.text
                self.ids += response.delta.token_ids
            elif event == "finished":
                self.finished = response.finished
        assert self.finished is not None, "the stream ended without Finished"
        assert self.finished.usage.output_tokens == len(self.ids)

    @property
    def reason(self):
        return api.FinishReason.Name(self.finished.reason).replace("FINISH_REASON_", "")


def generate(stub, request, limit_seconds=60):
    return Generation(stub.Generate(request, timeout=limit_seconds * PATIENCE))


KILL, TERM, INTERRUPT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
