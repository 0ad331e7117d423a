#!/usr/bin/env python3
"""How far logits are from reference logits, beside how far a peer's are.

    accuracy.py OURS.f32 REFERENCE.f32 [PEER.f32] --vocabulary V [--name NAME] [--limit FACTOR] [--header]

The files are float32 [tokens][V]. Prints relative L2 error, mean KL divergence (nats, reference against the other) and top-1
agreement. With --limit, exit code 1 unless our L2 error and KL are at most FACTOR times the peer's. Needs numpy.
"""
import argparse, sys
import numpy as np


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def compare(logits, reference):
    """(relative L2, mean KL, fraction of equal top-1)"""
    p, q = log_softmax(reference), log_softmax(logits)
    kl = (np.exp(p) * (p - q)).sum(-1).mean()
    return (np.linalg.norm(logits - reference) / np.linalg.norm(reference), kl,
            (logits.argmax(-1) == reference.argmax(-1)).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ours")
    parser.add_argument("reference")
    parser.add_argument("peer", nargs="?")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--name", default="model")
    parser.add_argument("--limit", type=float)
    parser.add_argument("--header", action="store_true", help="print the column names first")
    args = parser.parse_args()
    if args.limit and not args.peer: parser.error("--limit needs PEER.f32")
    read = lambda path: np.fromfile(path, "<f4").astype(np.float64).reshape(-1, args.vocabulary)
    reference = read(args.reference)
    rows = [compare(read(path), reference) for path in (args.ours, args.peer) if path]
    if args.header:
        print(f"{'model':18} {'L2':>9} {'KL':>9} {'top-1':>6}   {'peer L2':>9} {'peer KL':>9} {'top-1':>6}")
    print(f"{args.name:18} " + "   ".join(f"{l2:9.2e} {kl:9.2e} {top:6.3f}" for l2, kl, top in rows))
    if args.limit and any(mine > args.limit * theirs for mine, theirs in zip(rows[0][:2], rows[1][:2])):
        sys.exit(f"{args.name}: error above {args.limit} times the peer's")


if __name__ == "__main__":
    main()
