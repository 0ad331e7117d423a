#!/usr/bin/env python3
"""Writes a corpus of short English stories from a grammar (standard library only, seeded).

    make_corpus.py OUT_FOLDER [--stories N] [--shards N] [--processes N] [--seed N]
    make_corpus.py --show N [--plot NAME] [--seed N]      print N stories

Shards are text files; each story is followed by a line that holds only <|endoftext|>.
Shard k depends on (seed, k, stories per shard) alone, so the corpus can be made again exactly.
"""
import argparse
import multiprocessing
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from stories.plots import PLOTS  # noqa: E402
from stories.characters import Story  # noqa: E402

END = "<|endoftext|>"
MIN_WORDS, MAX_WORDS = 80, 185


def story(rng, plot=None):
    """One story of MIN_WORDS to MAX_WORDS words."""
    while True:
        s = Story(rng)
        (plot or s.pick(PLOTS))(s)
        text = s.finish()
        if MIN_WORDS <= text.count(" ") + 1 <= MAX_WORDS:
            return text


def write_shard(job):
    folder, shard, count, seed = job
    rng = random.Random(seed * 1000003 + shard)
    path = os.path.join(folder, "stories-%04d.txt" % shard)
    with open(path, "w", encoding="ascii") as f:
        for _ in range(count):
            f.write(story(rng) + "\n" + END + "\n")
    return os.path.getsize(path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", nargs="?")
    p.add_argument("--stories", type=int, default=800000)
    p.add_argument("--shards", type=int, default=64)
    p.add_argument("--processes", type=int, default=os.cpu_count())
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--show", type=int)
    p.add_argument("--plot")
    a = p.parse_args()
    if a.show:
        rng = random.Random(a.seed)
        named = {f.__name__: f for f in PLOTS}
        for _ in range(a.show):
            print(story(rng, named.get(a.plot)), end="\n\n" + END + "\n\n")
        return
    if not a.folder:
        p.error("OUT_FOLDER or --show is required")
    os.makedirs(a.folder, exist_ok=True)
    start = time.time()
    per_shard = -(-a.stories // a.shards)
    jobs = [(a.folder, k, per_shard, a.seed) for k in range(a.shards)]
    with multiprocessing.Pool(a.processes) as pool:
        size = sum(pool.imap_unordered(write_shard, jobs))
    print(
        "%d stories, %d plots, %.1f MB, %.1f s"
        % (per_shard * a.shards, len(PLOTS), size / 1e6, time.time() - start)
    )


if __name__ == "__main__":
    main()
