#!/usr/bin/python3
"""What the router costs and what it holds: real processes on loopback, workers without a model.

usage: tests/bench/router_overhead.py [--part NAME]... [--scale X] [--json FILE]

Prints a table with the wanted figure beside each measured one; exit code 1 when a count that must be 0 is not
(timings never fail: they belong to the machine). Wants a quiet machine, and `hekla`, `hekla-router` and
`hekla-fake-worker` in build/release/bin (HEKLA_BIN_DIR names another folder). Parts:

  overhead   100 streams of 50 tokens/s: first token and CPU a message, beside the same load without a router;
             with tokens that come in steps, as those of a batch do, and each stream at its own moments
  streams    2,000 streams at once: memory
  short      50,000 short requests: none lost, no token skipped or repeated
  refusal    a full router: how fast it says so
  cancel     100,000 cancelled requests: nothing stays behind in router and workers
  detect     workers killed with kill -9: how soon the router knows
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import cluster as c  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def start_bench(address, *flags):
    command = [os.path.join(c.BIN, "hekla"), "bench", "--address", address, "--json", "-", "--quiet", *map(str, flags)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def report_of(process):
    """The JSON report of `hekla bench`; broken streams do not stop the table."""
    output, errors = process.communicate()
    if not output:
        raise SystemExit(f"{' '.join(process.args)}: exit code {process.returncode}\n{errors}")
    return json.loads(output)


def bench(address, *flags):
    return report_of(start_bench(address, *flags))


def cpu_seconds(process):
    with open(f"/proc/{process.popen.pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def resident_mb(process):
    with open(f"/proc/{process.popen.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


def ms(seconds):
    return f"{1e3 * seconds:.2f} ms"


class Table:
    def __init__(self):
        self.rows, self.ok = [], True

    def add(self, what, wanted, measured, must_hold=True):
        self.rows.append({"what": what, "wanted": wanted, "measured": measured, "holds": must_hold})
        self.ok = self.ok and must_hold
        print(f"{what:58} {wanted:>14} {measured:>14}{'' if must_hold else '   NOT SO'}", flush=True)

    def zero(self, what, count):
        self.add(what, "0", f"{count:g}", count == 0)


def measure_overhead(table, scale):
    measure_load(table, scale, "in the steps of a batch", "--steps")
    measure_load(table, scale, "each stream at its own moments")


def measure_load(table, scale, how, *more):
    def load(rate):  # requests of 2 s that start at random: at 50 a second 100 streams, on average
        return ["--rate", rate, "--duration", f"{max(2, 30 * scale)}s", "--prompt-tokens", 32, "--output-tokens", 100]

    print(f"  tokens come {how}:")
    with c.Cluster(workers=2, fake=True, worker_flags=("--max_sequences=256", "--rate=50", *more)) as cluster:
        bench(cluster.address, "--clients", 20, "--requests", 40, "--output-tokens", 5)  # connections are there
        before = cpu_seconds(cluster.router)
        routed = bench(cluster.address, *load(50))
        cpu = cpu_seconds(cluster.router) - before
        direct = [report_of(each) for each in [start_bench(worker.address, *load(25)) for worker in cluster.workers]]

    def added(what, quantile):
        alone = [report["latencies"][what][quantile] for report in direct]
        return ms(routed["latencies"][what][quantile] - statistics.mean(alone))

    for quantile, wanted in (("p50", "0.3 ms"), ("p99", "2 ms")):
        table.add(f"first token, {quantile}: with the router less without", wanted,
                  added("time_to_first_token_seconds", quantile))
    for quantile, wanted in (("p50", "1 ms"), ("p99", "5 ms")):
        table.add(f"between tokens, {quantile}: with the router less without", wanted,
                  added("inter_token_latency_seconds", quantile))
    table.add("router's CPU a relayed message", "60 us", f"{1e6 * cpu / routed['messages']:.1f} us")
    table.add("this client's CPU a message", "50 us", f"{routed['client_cpu_micros_per_message']:.1f} us")
    table.zero("of these, requests failed or tokens not exactly once",
               routed["failed"] + routed["skipped_tokens"] + routed["repeated_tokens"])


def measure_streams(table, scale):
    count = max(20, int(2000 * scale))
    flags = (f"--max_sequences={min(512, count)}", "--rate=4")
    with c.Cluster(workers=4, fake=True, worker_flags=flags) as cluster:
        empty = resident_mb(cluster.router)
        command = [os.path.join(c.BIN, "hekla"), "bench", "--address", cluster.address, "--json", "-", "--quiet", "--clients",
                   str(count), "--requests", str(count), "--output-tokens", "40", "--prompt-tokens", "128"]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        peak = client_peak = most = 0
        while client.poll() is None:
            most = max(most, len(cluster.inflight()))
            peak = max(peak, resident_mb(cluster.router))
            with open(f"/proc/{client.pid}/status") as file:
                client_peak = max([client_peak] + [int(line.split()[1]) / 1024 for line in file
                                                   if line.startswith("VmRSS:")])
            time.sleep(0.2)
        report = json.loads(client.stdout.read())
        client.stdout.close()
    table.add(f"streams at once ({count} clients)", str(count), str(most))
    table.add("router's memory with them", "400 MB", f"{peak:.0f} MB")
    table.add("of it, a stream", "100 KB", f"{1024 * (peak - empty) / count:.1f} KB")
    table.add("this client's memory with them", "250 MB", f"{client_peak:.0f} MB")
    table.zero("of these, requests failed or tokens not exactly once",
               report["failed"] + report["skipped_tokens"] + report["repeated_tokens"])


def measure_short(table, scale):
    count = max(200, int(50_000 * scale))
    with c.Cluster(workers=2, fake=True, worker_flags=("--max_sequences=64",)) as cluster:
        report = bench(cluster.address, "--clients", 64, "--requests", count, "--prompt-tokens", "uniform:1,32",
                       "--output-tokens", "uniform:1,8")
    table.add(f"{count} short requests, a second", "1000", f"{report['requests_per_second']:.0f}")
    table.zero("requests lost", count - report["completed"])
    table.zero("tokens skipped or repeated", report["skipped_tokens"] + report["repeated_tokens"])


def measure_refusal(table, scale):
    count = max(50, int(2000 * scale))
    flags = ("--max_sequences=1", "--max_queue=1", "--rate=0.01")
    with c.Cluster(workers=1, fake=True, worker_flags=flags, router_flags=("--max-queued-requests", "4")) as cluster:
        held = []
        for _ in range(6):  # one after the other: together they could find the queue full before the worker has its two
            held.append(cluster.stub.Generate(c.make_request("held", 100)))
            c.eventually(lambda: len(cluster.inflight()) == len(held), 30, "one runs, one waits there, four wait here")
        before = c.scrape(cluster.metrics_port)
        report = bench(cluster.address, "--rate", 200, "--arrivals", "constant", "--requests", count,
                       "--output-tokens", 4, "--prompt-tokens", 4)
        after = c.scrape(cluster.metrics_port)
        for call in held:
            call.cancel()
    refusal = report["latencies"]["refusal_seconds"]
    # Nothing else ends meanwhile.
    spent, refused = (c.total(after, f"hekla_router_request_duration_seconds_{what}") -
                      c.total(before, f"hekla_router_request_duration_seconds_{what}") for what in ("sum", "count"))
    table.add("refused when full, in the router, mean", "0.2 ms", ms(spent / refused))
    table.add("refused when full, at the client, p50", "0.2 ms", ms(refusal["p50"]))
    table.add("refused when full, at the client, p99", "5 ms", ms(refusal["p99"]))
    table.zero("of these, not refused with QUEUE_FULL",
               count - report["errors"].get("RESOURCE_EXHAUSTED (QUEUE_FULL)", 0))


def left_behind(cluster):
    """Whatever router and workers still count, without the totals that only grow."""
    router = c.scrape(cluster.metrics_port)
    left = c.total(router, "hekla_router_inflight") + c.total(router, "hekla_router_worker_inflight")
    for worker in cluster.workers:
        metrics = c.scrape(worker.metrics_port)
        for name in ("requests_running", "requests_waiting", "kv_cache_usage_ratio"):
            left += c.total(metrics, f"hekla_worker_{name}")
    return left


def measure_cancel(table, scale):
    count = max(500, int(100_000 * scale))
    with c.Cluster(workers=2, fake=True, worker_flags=("--max_sequences=64", "--rate=2000")) as cluster:
        before = resident_mb(cluster.router)
        report = bench(cluster.address, "--clients", 64, "--requests", count, "--cancel-share", 1, "--output-tokens",
                       "uniform:2,40", "--prompt-tokens", 8)
        try:
            c.eventually(lambda: left_behind(cluster) == 0, 10, "nothing left")
        except AssertionError:
            pass  # the row says how much
        table.zero(f"{count} cancels: left behind after them", left_behind(cluster))
        grown = resident_mb(cluster.router) - before
    table.add("router's memory grown by them", "50 MB", f"{grown:.0f} MB")
    table.zero("of these, ended neither cancelled nor whole", count - report["cancelled"] - report["completed"])


def measure_detect(table, scale):
    kills = max(5, int(100 * scale))
    seconds = []
    with c.Cluster(workers=2, fake=True) as cluster:
        for number in range(kills):
            victim = cluster.workers[0]
            began = time.monotonic()
            victim.signal(c.KILL)
            while len(cluster.ready_workers()) == 2:
                pass
            seconds.append(time.monotonic() - began)
            victim.wait()
            cluster.workers[0] = cluster.launch_worker(f"again-{number}").start()
            c.eventually(lambda: len(cluster.ready_workers()) == 2, 30, "the new worker attached")
    seconds.sort()
    table.add(f"kill -9 of a worker noticed, p50 of {kills}", "10 ms", ms(statistics.median(seconds)))
    table.add("kill -9 of a worker noticed, p99", "50 ms", ms(seconds[min(kills - 1, int(0.99 * kills))]))


PARTS = {"overhead": measure_overhead, "streams": measure_streams, "short": measure_short, "refusal": measure_refusal,
         "cancel": measure_cancel, "detect": measure_detect}


def main():
    parser = argparse.ArgumentParser(prog="router_overhead.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--scale", type=float, default=1, help="of the numbers of requests and seconds; default 1")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    table = Table()
    print(f"{'':58} {'wanted':>14} {'measured':>14}")
    for part in arguments.part or PARTS:
        PARTS[part](table, arguments.scale)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(table.rows, file, indent=1)
    return 0 if table.ok else 1


if __name__ == "__main__":
    sys.exit(main())
