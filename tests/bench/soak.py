#!/usr/bin/python3
"""Whether a router stays as it is: many streams at once for a long time, with cancels and workers that go and come.

usage: tests/bench/soak.py [--minutes N] [--streams N] [--json FILE] ...

Real processes on loopback, workers without a model. `hekla bench` keeps the streams up and cancels a tenth of them
somewhere in their output; every --fault-seconds a worker other than the first one is replaced, by kill -9 and by SIGTERM in
turn. Every --sample-seconds the memory, threads and open files of router and workers are read, and the router's counters. At
the end: how they stood at 10 %, 50 % and 100 % of the time, and whether the books are balanced: every request that came in has
ended, as its client saw it, and nothing stays behind. Exit code 1 when they are not; memory never fails, it is printed.
"""
import argparse
import concurrent.futures
import json
import os
import sys
import threading
import time

import router_overhead as o

c = o.c  # the processes of the tests

FLAT_SHARE, FLAT_MB = 0.05, 4  # memory that grows by less than one of them in the second half is called flat


def figures(process):
    """(memory in MB, threads, open files) or None: it is not there."""
    folder = f"/proc/{process.popen.pid}"
    try:
        with open(f"{folder}/status") as file:
            status = dict(line.split(":", 1) for line in file)
        return int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), len(os.listdir(f"{folder}/fd"))
    except (OSError, KeyError):  # the latter: it has ended and nobody has asked how
        return None


def books(cluster):
    """The router's counters of requests, and what it still has."""
    metrics = c.scrape(cluster.metrics_port)
    prefix = "hekla_router_"
    finished = {key: value for key, value in metrics.items() if key.startswith(prefix + "requests_finished_total")}

    def with_code(code):
        return sum(value for key, value in finished.items() if f'code="{code}"' in key)
    return {"started": c.total(metrics, prefix + "requests_started_total"), "finished": sum(finished.values()),
            "ok": with_code("OK"), "cancelled": with_code("CANCELLED"), "in flight": c.total(metrics, prefix + "inflight"),
            "client cancels": c.total(metrics, prefix + "client_cancel_total"),
            "timed": metrics.get(prefix + "request_duration_seconds_count", 0),
            "resumed": c.total(metrics, prefix + "resumes_total"), "retried": c.total(metrics, prefix + "retries_total")}


class Soak:
    def __init__(self, cluster, options):
        self.cluster, self.options = cluster, options
        self.samples, self.faults, self.began = [], 0, time.monotonic()
        self.over = threading.Event()

    def load(self):
        """The JSON report of the load, which lasts so many minutes and until its last stream has ended."""
        options = self.options
        return o.bench(self.cluster.address, "--clients", options.streams, "--duration", f"{60 * options.minutes:g}s",
                       "--prompt-tokens", "lognormal:32,0.8,500", "--output-tokens", f"uniform:10,{options.tokens}",
                       "--cancel-share", 0.1, "--temperature", 0.8)

    def sample(self):
        seconds = time.monotonic() - self.began
        sample = {"seconds": seconds, "router": figures(self.cluster.router), "faults": self.faults,
                  "workers": [figures(worker) for worker in self.cluster.workers], **books(self.cluster)}
        self.samples.append(sample)
        workers = " ".join(f"{each[0]:.1f}" if each else "-" for each in sample["workers"])
        print(f"{seconds:7.0f} s  router {sample['router'][0]:.1f} MB, {sample['router'][1]} threads, {sample['router'][2]} files; "
              f"workers {workers} MB; {sample['started']:.0f} requests, {sample['in flight']:.0f} in flight, "
              f"{sample['resumed']:.0f} resumed", flush=True)

    def keep_sampling(self):
        while not self.over.wait(self.options.sample_seconds):
            self.sample()

    def keep_replacing(self):
        """All workers but the first one, whose memory is watched from beginning to end."""
        while not self.over.wait(self.options.fault_seconds):
            number = 1 + self.faults % (len(self.cluster.workers) - 1)
            worker = self.cluster.workers[number]
            worker.signal((c.KILL, c.TERM)[self.faults % 2])
            worker.wait(60)
            worker.close()
            self.cluster.workers[number] = self.cluster.launch_worker(f"worker-{number}").start()
            self.faults += 1

    def run(self):
        """Returns the load's report."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            others = [pool.submit(work) for work in (self.keep_sampling, self.keep_replacing)]
            try:
                report = self.load()
            finally:
                self.over.set()
            for each in others:
                each.result()
        return report


def show_growth(soak):
    end = 60 * soak.options.minutes
    under_load = [sample for sample in soak.samples if sample["seconds"] <= end]
    at = [min(under_load, key=lambda sample: abs(sample["seconds"] - share * end)) for share in (0.1, 0.5, 1)]
    print(f"\n{'':34} {'10 %':>10} {'50 %':>10} {'100 %':>10}")
    for who, of in (("router", lambda sample: sample["router"]), ("first worker", lambda sample: sample["workers"][0])):
        for index, what in enumerate(("memory, MB", "threads", "open files")):
            values = [of(sample)[index] for sample in at]
            note = ""
            if index == 0:
                grown = values[2] - values[1]
                note = f"   {'flat' if grown < max(FLAT_MB, FLAT_SHARE * values[1]) else 'GROWS'}: {grown:+.1f} MB in the second half"
            print(f"{who + ': ' + what:34} {values[0]:10.1f} {values[1]:10.1f} {values[2]:10.1f}{note}")


def balance(table, soak, report):
    """The router's books beside the client's."""
    last = books(soak.cluster)
    print(f"\n{'':58} {'wanted':>14} {'measured':>14}")
    table.add("requests that came in", "", f"{last['started']:.0f}")
    table.add("of them ended well", "", f"{last['ok']:.0f}")
    table.add("of them cancelled", "", f"{last['cancelled']:.0f}")
    table.add("workers replaced", "", f"{soak.faults}")
    table.add("streams resumed, requests tried again", "", f"{last['resumed']:.0f}, {last['retried']:.0f}")
    table.zero("in flight at the end, in router and workers", o.left_behind(soak.cluster))
    table.zero("came in less ended", last["started"] - last["finished"])
    table.zero("ended neither well nor cancelled", last["finished"] - last["ok"] - last["cancelled"])
    table.zero("ended and not timed", last["finished"] - last["timed"])
    table.zero("requests that failed at the client", report["failed"])
    table.zero("tokens skipped or repeated", report["skipped_tokens"] + report["repeated_tokens"])
    # A cancel may come before its request has been looked at, or cross its end.
    unseen, crossed = report["requests"] - last["started"], last["ok"] - report["completed"]
    most = report["cancelled"]
    table.add("requests cancelled before the router saw them", f"0 .. {most}", f"{unseen:.0f}", 0 <= unseen <= most)
    table.add("cancelled for the client, well for the router", f"0 .. {most}", f"{crossed:.0f}", 0 <= crossed <= most)
    late = last["client cancels"] - last["cancelled"]
    table.add("cancels counted beyond the cancelled requests", f"0 .. {crossed:.0f}", f"{late:.0f}", 0 <= late <= crossed)


def main():
    parser = argparse.ArgumentParser(prog="soak.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--streams", type=int, default=500, help="at once; default 500")
    parser.add_argument("--workers", type=int, default=3, help="2 or more; default 3")
    parser.add_argument("--rate", type=float, default=5, help="tokens a second of each stream; default 5")
    parser.add_argument("--tokens", type=int, default=100, help="of the longest stream; default 100")
    parser.add_argument("--sample-seconds", type=float, default=10)
    parser.add_argument("--fault-seconds", type=float, default=45, help="between replacements; more than two streams take")
    parser.add_argument("--json", metavar="FILE", help="all samples, the table and the load's report")
    options = parser.parse_args()
    if options.workers < 2:
        parser.error("--workers: one stays and the others are replaced, so there must be two")
    table = o.Table()
    places = options.streams // (options.workers - 1) + 1  # the streams fit while a worker is not there
    flags = (f"--max_sequences={places}", f"--max_queue={options.streams}", f"--rate={options.rate}")
    with c.Cluster(workers=options.workers, fake=True, worker_flags=flags) as cluster:
        soak = Soak(cluster, options)
        soak.sample()
        report = soak.run()
        try:
            c.eventually(lambda: o.left_behind(cluster) == 0, 10, "nothing left")
        except AssertionError:
            pass  # the table says how much
        soak.sample()
        show_growth(soak)
        balance(table, soak, report)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"samples": soak.samples, "table": table.rows, "load": report}, file, indent=1)
    return 0 if table.ok else 1


if __name__ == "__main__":
    sys.exit(main())
