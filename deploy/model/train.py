#!/usr/bin/env python3
"""Trains the story model on a corpus of make_corpus.py and exports it as GGUF.

    train.py CORPUS_FOLDER OUT_FOLDER [--minutes M] [--batch N] [--device cuda] [--init MODEL.gguf]

Needs PyTorch 2 and numpy. Writes to OUT_FOLDER: hekla-stories.gguf (again every minute while training),
tokenizer-cases.txt (texts with their ids, for the tests), samples.txt, and train.log.
Each document is <|endoftext|> followed by a story; the next document's <|endoftext|> is the end of this one.
"""
import argparse
import glob
import math
import multiprocessing
import os
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import bpe
import gguf_export

CONFIG = dict(
    dim=256, layers=6, heads=4, kv_heads=2, head_dim=64, ffn=384, context=512, eps=1e-5, rope_base=10000.0
)
TINY = dict(
    dim=64, layers=2, heads=4, kv_heads=2, head_dim=16, ffn=96, context=512, eps=1e-5, rope_base=10000.0
)
CASES = [
    "Once upon a time",
    "Once upon a time, there was a little girl named Lily.",
    "",
    " ",
    "  two  spaces ",
    "\n\nThe end.\n",
    '"Thank you!" said Tom.',
    "It's Lily's kite, isn't it? We'll see, they've gone, I'm here, you're there, he'd go.",
    "1234567890 and 3.14",
    "na\u00efve caf\u00e9 \u2014 \u201cquotes\u201d",
    "\u96ea\u304c\u964d\u308b",
    "\U0001f98a fox \U0001f30b",
    "tabs\tand\r\nlines",
    "ALL CAPS, MixedCase, snake_case, kebab-case",
    "!!!???...",
    "   leading",
    "trailing   ",
    "Hekla \u00feorp \u00e6\u00f0i \u00d6l",
    "a b c d e f g",
    "zzzzzzzzzzzz qqq xylophone rhythm",
]


class Log:
    def __init__(self, path):
        self.file, self.start = open(path, "w"), time.time()

    def __call__(self, text):
        line = "[%6.1f s] %s" % (time.time() - self.start, text)
        print(line, flush=True)
        self.file.write(line + "\n")
        self.file.flush()


# ---- data


def stories_of(path):
    with open(path, encoding="ascii") as f:
        return [s for s in f.read().split("\n" + bpe.END + "\n") if s]


def count_pieces(path):
    counts = bpe.Counter()
    for s in stories_of(path)[:4000]:
        counts.update(bpe.ASCII_PATTERN.findall(s))
    return counts


def encode_shard(job):
    path, merges = job
    t = bpe.Tokenizer(merges)
    out = []
    for s in stories_of(path):
        out.append(t.end)
        out.extend(t.encode(s))
    return np.array(out, dtype=np.int16)


# ---- model


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, h, g, n = c["dim"], c["heads"], c["kv_heads"], c["head_dim"]
        self.c = c
        self.attn_norm, self.ffn_norm = (nn.Parameter(torch.ones(d)) for _ in range(2))
        self.q, self.k, self.v = (nn.Linear(d, m * n, bias=False) for m in (h, g, g))
        self.o = nn.Linear(h * n, d, bias=False)
        self.gate, self.up = (nn.Linear(d, c["ffn"], bias=False) for _ in range(2))
        self.down = nn.Linear(c["ffn"], d, bias=False)

    def forward(self, x, cos, sin):
        c = self.c
        b, t, _ = x.shape
        y = rms(x, self.attn_norm, c["eps"])
        q = rotate(self.q(y).view(b, t, c["heads"], -1), cos, sin).transpose(1, 2)
        k = rotate(self.k(y).view(b, t, c["kv_heads"], -1), cos, sin).transpose(1, 2)
        v = self.v(y).view(b, t, c["kv_heads"], -1).transpose(1, 2)
        group = c["heads"] // c["kv_heads"]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(a.transpose(1, 2).reshape(b, t, -1))
        y = rms(x, self.ffn_norm, c["eps"])
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def rms(x, weight, eps):
    f = x.float()
    return (f * torch.rsqrt(f.pow(2).mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


def rotate(x, cos, sin):
    """Rotates the pairs (2i, 2i+1); x [batch][time][heads][head_dim], cos and sin [time][head_dim / 2]."""
    t = x.shape[1]
    c, s = cos[:t].view(1, t, 1, -1).to(x.dtype), sin[:t].view(1, t, 1, -1).to(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * c - b * s, a * s + b * c], dim=-1).flatten(-2)


class Model(nn.Module):
    def __init__(self, c, vocab):
        super().__init__()
        self.c = c
        self.embed = nn.Embedding(vocab, c["dim"])
        self.blocks = nn.ModuleList(Block(c) for _ in range(c["layers"]))
        self.norm = nn.Parameter(torch.ones(c["dim"]))
        angle = torch.arange(c["context"]).double()[:, None] * c["rope_base"] ** (
            -torch.arange(0, c["head_dim"], 2).double() / c["head_dim"]
        )
        self.register_buffer("cos", angle.cos().float(), persistent=False)
        self.register_buffer("sin", angle.sin().float(), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                deep = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(p, std=0.03 / (math.sqrt(2 * c["layers"]) if deep else 1))

    def forward(self, ids, targets=None):
        """ids [batch][time] -> logits; with targets (same shape) the mean cross entropy."""
        x = self.embed(ids)
        for b in self.blocks:
            x = b(x, self.cos, self.sin)
        logits = F.linear(rms(x, self.norm, self.c["eps"]), self.embed.weight)
        if targets is None:
            return logits
        return F.cross_entropy(logits.float().view(-1, logits.shape[-1]), targets.reshape(-1))

    def named(self):
        """(GGUF name, parameter) of every weight; the head is tied to token_embd.weight."""
        out = [("token_embd.weight", self.embed.weight)]
        for i, b in enumerate(self.blocks):
            named = [
                ("attn_norm", b.attn_norm),
                ("attn_q", b.q.weight),
                ("attn_k", b.k.weight),
                ("attn_v", b.v.weight),
                ("attn_output", b.o.weight),
                ("ffn_norm", b.ffn_norm),
                ("ffn_gate", b.gate.weight),
                ("ffn_up", b.up.weight),
                ("ffn_down", b.down.weight),
            ]
            out += [("blk.%d.%s.weight" % (i, n), w) for n, w in named]
        out.append(("output_norm.weight", self.norm))
        return out

    def tensors(self):
        return [(n, w.detach().float().cpu().numpy()) for n, w in self.named()]

    def load(self, tensors):
        with torch.no_grad():
            for n, w in self.named():
                w.copy_(torch.from_numpy(tensors[n].copy()))

    def round_to_q8_0(self):
        with torch.no_grad():
            for p in self.parameters():
                if p.dim() == 2:
                    p.copy_(torch.from_numpy(gguf_export.q8_0_values(p.float().cpu().numpy())))


def export(model, tokenizer, path):
    keys = gguf_export.metadata(
        model.c,
        tokenizer,
        "Hekla Stories",
        "A small model that tells short English stories, trained on stories written by a grammar.",
    )
    size = gguf_export.write(path + ".part", keys, model.tensors())
    os.replace(path + ".part", path)
    return size


# ---- training


def batch_of(tokens, starts, n, length, generator):
    """n windows of `length` ids and their targets; each window begins at the start of a random document."""
    pick = torch.randint(len(starts), (n,), device=tokens.device, generator=generator)
    index = starts[pick][:, None] + torch.arange(length + 1, device=tokens.device)
    x = tokens[index].long()
    return x[:, :-1], x[:, 1:]


@torch.no_grad()
def evaluate(model, tokens, starts, autocast, batches=8):
    g = torch.Generator(device=tokens.device)
    g.manual_seed(7)
    with autocast():
        return sum(float(model(*batch_of(tokens, starts, 64, 512, g))) for _ in range(batches)) / batches


@torch.no_grad()
def generate(model, tokenizer, prompt, temperature, count, limit=320, seed=1):
    """`count` continuations of `prompt`; returns (text, number of new ids, whether it ended by itself)."""
    device = model.embed.weight.device
    g = torch.Generator(device=device)
    g.manual_seed(seed)
    start = [tokenizer.end] + tokenizer.encode(prompt)
    ids = torch.tensor([start] * count, device=device)
    alive = torch.ones(count, dtype=torch.bool, device=device)
    for _ in range(limit):
        logits = model(ids)[:, -1].float()
        if temperature:
            new = torch.multinomial(torch.softmax(logits / temperature, -1), 1, generator=g)[:, 0]
        else:
            new = logits.argmax(-1)
        new = torch.where(alive, new, torch.full_like(new, tokenizer.end))
        ids = torch.cat([ids, new[:, None]], 1)
        alive &= new != tokenizer.end
        if not alive.any():
            break
    out = []
    for row in ids.tolist():
        new = row[len(start) :]
        ended = tokenizer.end in new
        new = new[: new.index(tokenizer.end)] if ended else new
        out.append((prompt + tokenizer.decode(new), len(new), ended))
    return out


def write_samples(model, tokenizer, path, log):
    with open(path, "w") as f:
        groups = [
            ("Once upon a time", 0, 1),
            ("Once upon a time", 0.8, 40),
            ("Once upon a time", 1.0, 10),
            ("The little fox", 0.8, 3),
            ("Once upon a time, a brave girl named Katla", 0.8, 3),
        ]
        for prompt, temperature, count in groups:
            stories = generate(model, tokenizer, prompt, temperature, count)
            log(
                "%r temperature %.1f: %d of %d end by themselves, %.0f ids on average, longest %d"
                % (
                    prompt,
                    temperature,
                    sum(s[2] for s in stories),
                    count,
                    sum(s[1] for s in stories) / count,
                    max(s[1] for s in stories),
                )
            )
            for text, n, ended in stories:
                f.write(
                    "--- temperature %.1f, %d ids, %s\n%s\n\n"
                    % (temperature, n, "ended" if ended else "NOT ENDED", text)
                )


def write_cases(tokenizer, path):
    """Lines: ids separated by commas, a tab, the text with \\\\, \\n, \\r and \\t escaped."""
    with open(path, "w", encoding="utf-8") as f:
        for text in CASES:
            e = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
            f.write(",".join(map(str, tokenizer.encode(text))) + "\t" + e + "\n")


def load_data(a, merges, log):
    """(tokenizer, training ids, held-out ids); without `merges` a new tokenizer is trained."""
    paths = sorted(glob.glob(os.path.join(a.corpus, "*.txt")))
    with multiprocessing.Pool(a.processes) as pool:
        if merges is None:
            counts = sum(pool.map(count_pieces, paths[:16]), bpe.Counter())
            merges = bpe.train(counts, a.vocab)
            log("tokenizer: %d pre-tokens, %d merges" % (len(counts), len(merges)))
        shards = pool.map(encode_shard, [(p, merges) for p in paths], chunksize=1)
    tokenizer = bpe.Tokenizer(merges)
    held = shards.pop()
    log(
        "corpus: %d shards, %.1f million ids, held out %.1f million"
        % (len(shards) + 1, sum(map(len, shards)) / 1e6, len(held) / 1e6)
    )
    return tokenizer, np.concatenate(shards), held


def on_device(ids, end, device):
    tokens = torch.from_numpy(ids).to(device)
    starts = torch.nonzero(tokens == end)[:, 0]
    return tokens, starts[starts < len(ids) - 514]


def train(a, model, tokenizer, data, held, log):
    autocast = lambda: torch.autocast(a.device, dtype=torch.bfloat16)
    decay = [p for p in model.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if p.dim() != 2]
    fused = {"fused": True} if a.device == "cuda" else {}
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
        lr=a.lr,
        betas=(0.9, 0.95),
        **fused
    )
    step_model = torch.compile(model) if a.compile else model
    g = torch.Generator(device=a.device)
    g.manual_seed(a.seed)

    def step(rate):
        for group in optimizer.param_groups:
            group["lr"] = rate
        with autocast():
            loss = step_model(*batch_of(*data, a.batch, 512, g))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    try:
        step(0.0)
    except Exception as e:  # no compiler on the machine: slower, same result
        log("compile failed, running eagerly: %s" % str(e).splitlines()[0])
        optimizer.zero_grad(set_to_none=True)
        step_model = model
        step(0.0)
    path = os.path.join(a.out, "hekla-stories.gguf")
    total, start, n, shown, saved, average = a.minutes * 60, time.time(), 0, -10.0, 0.0, 0.0
    log("training for %.0f s" % total)
    while True:
        elapsed = time.time() - start
        if elapsed >= total or (a.steps and n >= a.steps):
            break
        progress = max(elapsed / total, n / a.steps if a.steps else 0)
        rate = a.lr * min(1.0, (n + 1) / a.warmup) * (0.5 + 0.5 * math.cos(math.pi * progress))
        loss = step(rate)
        n += 1
        if n % 20 == 0:
            average = float(loss.detach())  # also waits for the device, so that the clock is honest
            if elapsed - shown >= 10:
                shown = elapsed
                log(
                    "step %d, %.0f million ids, loss %.4f, rate %.2g, %.2f million ids/s"
                    % (
                        n,
                        n * a.batch * 512 / 1e6,
                        average,
                        rate,
                        n * a.batch * 512 / 1e6 / (time.time() - start),
                    )
                )
            if elapsed - saved >= 60:
                saved = elapsed
                export(model, tokenizer, path)
    log("%d steps, %.0f million ids, %.0f s" % (n, n * a.batch * 512 / 1e6, time.time() - start))
    log("held-out loss %.4f nats per id" % evaluate(model, *held, autocast))
    size = export(model, tokenizer, path)
    model.round_to_q8_0()
    log("held-out loss with Q8_0 matrices %.4f" % evaluate(model, *held, autocast))
    log(
        "%s: %d bytes, %d parameters"
        % (os.path.basename(path), size, sum(p.numel() for p in model.parameters()))
    )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("corpus")
    p.add_argument("out")
    p.add_argument("--minutes", type=float, default=4.5)
    p.add_argument("--steps", type=int, default=0, help="stop after this many steps, 0: by time alone")
    p.add_argument("--batch", type=int, default=256, help="windows of 512 ids a step")
    p.add_argument("--lr", type=float, default=2.5e-3)
    p.add_argument("--vocab", type=int, default=2048)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--processes", type=int, default=os.cpu_count())
    p.add_argument("--device", default="cuda")
    p.add_argument("--init", help="continue from this exported model, with its tokenizer")
    p.add_argument("--warmup", type=int, default=300, help="steps of rising learning rate")
    p.add_argument("--tiny", action="store_true", help="a very small model, to try the program")
    p.add_argument("--no-compile", dest="compile", action="store_false")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    log = Log(os.path.join(a.out, "train.log"))
    keys, weights = gguf_export.read(a.init) if a.init else ({}, None)
    merges = [tuple(m.split(" ")) for m in keys["tokenizer.ggml.merges"]] if a.init else None
    tokenizer, ids, held = load_data(a, merges, log)
    write_cases(tokenizer, os.path.join(a.out, "tokenizer-cases.txt"))
    torch.manual_seed(a.seed)
    torch.set_float32_matmul_precision("high")
    model = Model(TINY if a.tiny else CONFIG, len(tokenizer.tokens)).to(a.device)
    if weights:
        model.load(weights)
    log("model: %d parameters" % sum(q.numel() for q in model.parameters()))
    train(
        a,
        model,
        tokenizer,
        on_device(ids, tokenizer.end, a.device),
        on_device(held, tokenizer.end, a.device),
        log,
    )
    write_samples(model, tokenizer, os.path.join(a.out, "samples.txt"), log)
    log("done")


if __name__ == "__main__":
    sys.exit(main())
