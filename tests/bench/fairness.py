#!/usr/bin/python3
"""What one tenant's flood does to the others: real processes on loopback, workers without a model.

usage: tests/bench/fairness.py [--seconds N] [--flood X] [--json FILE]

Ten tenants with tokens of their own share a router and two workers that are busy for 80 % of the time. Twice: all send alike, then
the tenth sends --flood times as much. Printed is how long the other nine wait for their first token, which workers of this kind
give as soon as a request has its place: the mean of their p95 (wanted: at most twice), and what was refused. Exit code 1 when
a request of the nine failed; waits never fail, they belong to the machine.
"""
import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

import router_overhead as o

c = o.c  # the processes of the tests

TENANTS, PLACES, RATE = 10, 8, 200  # places at the workers, tokens a second of each
MEDIAN, SIGMA, MOST = 40, 0.8, 400  # tokens of an output, log-normal
MEAN = 55
ALIKE = 0.8 * PLACES * RATE / MEAN / TENANTS  # requests a second of a tenant


def new_token(tenant):
    """(token, line for a token file) of `hekla-router --new-token`."""
    command = [os.path.join(c.BIN, "hekla-router"), "--new-token", tenant]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.fullmatch(r"token (\S+)\nline (.+)\n", output).groups()


def write_tokens(folder):
    """The files of the tenants' tokens; beside them "tokens" and "operators" for the router."""
    made = [new_token(f"tenant-{number}") for number in range(TENANTS)]
    paths = [os.path.join(folder, f"{number}.token") for number in range(TENANTS)]
    for path, (token, _) in zip(paths, made):
        with open(path, "w") as file:
            file.write(token + "\n")
    for name, lines in (("tokens", [line for _, line in made]), ("operators", [new_token("operators")[1]])):
        with open(os.path.join(folder, name), "w") as file:
            file.writelines(line + "\n" for line in lines)
    return paths


def measure(router, tokens, seconds, flood):
    """The reports of the tenants, the flooding one last."""
    load = ["--duration", f"{seconds}s", "--prompt-tokens", 8, "--output-tokens", f"lognormal:{MEDIAN},{SIGMA},{MOST}"]
    loads = []
    for number, token in enumerate(tokens):
        rate = ALIKE * (flood if token == tokens[-1] else 1)
        loads.append(o.start_bench(router.address, "--rate", rate, "--seed", number + 1, "--token-file", token, *load))
    return [o.report_of(each) for each in loads]


def p95_of(reports):
    return statistics.mean(each["latencies"]["time_to_first_token_seconds"]["p95"] for each in reports)


def main():
    parser = argparse.ArgumentParser(prog="fairness.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of each of the two loads; default 60")
    parser.add_argument("--flood", type=float, default=100)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    table = o.Table()
    print(f"{'':58} {'wanted':>14} {'measured':>14}")
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tokens(folder)
        flags = (f"--max_sequences={PLACES // 2}", f"--rate={RATE}")
        with contextlib.ExitStack() as stack:
            workers = [c.Worker("hekla-fake-worker", *flags) for _ in range(2)]
            for worker in workers:
                stack.callback(worker.close)
                worker.start()
            listed = [word for worker in workers for word in ("--worker", worker.address)]
            router = c.Router("--token-file", os.path.join(folder, "tokens"), "--admin-token-file",
                              os.path.join(folder, "operators"), "--max-queued-requests", "256", *listed)
            stack.callback(router.close)
            router.start()
            c.eventually(lambda: c.scrape(router.metrics_port)['hekla_router_workers{state="ready"}'] == 2, 10, "both workers")
            calm = measure(router, paths, arguments.seconds, 1)
            flooded = measure(router, paths, arguments.seconds, arguments.flood)
    before, after = p95_of(calm[:-1]), p95_of(flooded[:-1])
    table.add("nine tenants' p95 wait, all ten alike", "", o.ms(before))
    table.add(f"their p95 wait, the tenth sends {arguments.flood:g} times as much", o.ms(2 * before), o.ms(after))
    table.add("times longer", "2", f"{after / before:.2f}")
    table.add("the tenth's requests refused", "", f"{flooded[-1]['failed']} of {flooded[-1]['requests']}")
    table.zero("the nine's requests refused or failed", sum(each["failed"] for each in calm[:-1] + flooded[:-1]))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"rows": table.rows, "calm": calm, "flooded": flooded}, file, indent=1)
    return 0 if table.ok else 1


if __name__ == "__main__":
    sys.exit(main())
