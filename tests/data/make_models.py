#!/usr/bin/env python3
"""Writes the tiny models of the tests and their golden logits.

    make_models.py [FOLDER]        default: the folder of this file

Every NAME.gguf has random weights from a fixed seed; NAME.logits.f32 holds the logits [40 tokens][vocabulary] of the ids in
golden_tokens.txt, computed in float64 from the formulas of the families, as float32. Needs numpy only, and shares no code with
Hekla, so that both cannot be wrong in the same way. The models together use every weight type, both RoPE pairings, linear and
YaRN scaling, rope_freqs, fused and separate q/k/v, all optional biases, tied and separate heads, and sizes that are
multiples of nothing.
"""
import math, os, struct, sys
import numpy as np

TOKENS = 40
F32, F16, Q4_0, Q8_0, Q4_K, Q6_K, BF16 = 0, 1, 2, 8, 12, 14, 30

# ------------------------------------------------------------------------------------------------ weight types


def half_bytes(x):
    return np.asarray(x, np.float32).astype("<f2").reshape(-1, 1).view(np.uint8)


def half(b):
    return b.copy().view("<f2").astype(np.float32)


def encode_q8_0(x):
    x = x.reshape(-1, 32)
    d = (np.abs(x).max(1, keepdims=True) / 127).astype(np.float16).astype(np.float32)
    q = np.rint(x / np.where(d == 0, 1, d)).clip(-127, 127).astype(np.int8)
    return np.concatenate([half_bytes(d), q.view(np.uint8)], 1)


def decode_q8_0(b):
    return half(b[:, 0:2]) * b[:, 2:34].view(np.int8)


def encode_q4_0(x):
    x = x.reshape(-1, 32)
    peak = np.take_along_axis(x, np.abs(x).argmax(1)[:, None], 1)
    d = (peak / -8).astype(np.float16).astype(np.float32)
    q = np.rint(x / np.where(d == 0, 1, d) + 8).clip(0, 15).astype(np.uint8)
    return np.concatenate([half_bytes(d), q[:, :16] | q[:, 16:] << 4], 1)


def decode_q4_0(b):
    q = np.concatenate([b[:, 2:18] & 15, b[:, 2:18] >> 4], 1)
    return half(b[:, 0:2]) * (q.astype(np.float32) - 8)


def encode_q4_k(x):
    x = x.reshape(-1, 8, 32)
    low = np.minimum(x.min(2), 0)
    scale = (x.max(2) - low) / 15
    d = (scale.max(1, keepdims=True) / 63).astype(np.float16).astype(np.float32)
    dmin = ((-low).max(1, keepdims=True) / 63).astype(np.float16).astype(np.float32)
    sc = np.rint(scale / d).clip(0, 63).astype(np.uint8)
    mn = np.rint(-low / dmin).clip(0, 63).astype(np.uint8)
    step, floor = (d * sc)[..., None], (dmin * mn)[..., None]
    q = np.rint((x + floor) / np.where(step == 0, 1, step)).clip(0, 15).astype(np.uint8)
    head = np.concatenate([(sc[:, :4] & 63) | (sc[:, 4:] >> 4) << 6, (mn[:, :4] & 63) | (mn[:, 4:] >> 4) << 6,
                           (sc[:, 4:] & 15) | (mn[:, 4:] & 15) << 4], 1)
    body = (q[:, 0::2] | q[:, 1::2] << 4).reshape(-1, 128)
    return np.concatenate([half_bytes(d), half_bytes(dmin), head, body], 1)


def decode_q4_k(b):
    a, m, c = b[:, 4:8], b[:, 8:12], b[:, 12:16]
    sc = np.concatenate([a & 63, (c & 15) | (a >> 6) << 4], 1)
    mn = np.concatenate([m & 63, (c >> 4) | (m >> 6) << 4], 1)
    body = b[:, 16:144].reshape(-1, 4, 32)
    q = np.stack([body & 15, body >> 4], 2).reshape(-1, 8, 32)
    return (half(b[:, 0:2]) * sc)[..., None] * q - (half(b[:, 2:4]) * mn)[..., None]


def encode_q6_k(x):
    x = x.reshape(-1, 16, 16)
    scale = np.abs(x).max(2) / 31
    d = (scale.max(1, keepdims=True) / 127).astype(np.float16).astype(np.float32)
    sc = np.rint(scale / d).clip(0, 127).astype(np.int8)
    step = (d * sc)[..., None]
    q = (np.rint(x / np.where(step == 0, 1, step)).clip(-32, 31) + 32).astype(np.uint8).reshape(-1, 2, 4, 32)
    low = (q[:, :, :2] & 15 | (q[:, :, 2:] & 15) << 4).reshape(-1, 128)
    high = (q[:, :, 0] >> 4 | (q[:, :, 1] >> 4) << 2 | (q[:, :, 2] >> 4) << 4 | (q[:, :, 3] >> 4) << 6).reshape(-1, 64)
    return np.concatenate([low, high, sc.view(np.uint8), half_bytes(d)], 1)


def decode_q6_k(b):
    low = b[:, 0:128].reshape(-1, 2, 2, 32)
    high = b[:, 128:192].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1) & 3
    q = (np.concatenate([low & 15, low >> 4], 2) | high << 4).reshape(-1, 16, 16).astype(np.float32) - 32
    return (half(b[:, 208:210]) * b[:, 192:208].view(np.int8))[..., None] * q


def encode_bf16(x):
    u = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((u + 0x7FFF + (u >> 16 & 1)) >> 16).astype("<u2").reshape(-1, 1).view(np.uint8)


CODECS = {F32: (lambda x: x.astype("<f4").reshape(-1, 1).view(np.uint8), lambda b: b.copy().view("<f4"), 4),
          F16: (half_bytes, half, 2),
          BF16: (encode_bf16, lambda b: (b.copy().view("<u2").astype(np.uint32) << 16).view(np.float32), 2),
          Q8_0: (encode_q8_0, decode_q8_0, 34), Q4_0: (encode_q4_0, decode_q4_0, 18),
          Q4_K: (encode_q4_k, decode_q4_k, 144), Q6_K: (encode_q6_k, decode_q6_k, 210)}

# ------------------------------------------------------------------------------------------------ container


class Writer:
    """Metadata and tensors of one GGUF file; `weights` holds what a reader will see, in float64."""

    def __init__(self, architecture, seed):
        self.architecture, self.random = architecture, np.random.default_rng(seed)
        self.keys, self.tensors, self.weights, self.settings = [], [], {}, {}
        self.key("general.architecture", architecture)

    def key(self, name, value):
        self.keys.append((name, value))

    def set(self, **values):                      # {architecture}.key, "__" stands for "."
        for name, value in values.items():
            self.settings[name.replace("__", ".")] = value
            self.key(f"{self.architecture}.{name.replace('__', '.')}", value)

    def add(self, name, type_id, array):
        encode, decode, size = CODECS[type_id]
        blocks = np.ascontiguousarray(encode(np.asarray(array, np.float32)))
        assert blocks.shape[1] == size
        self.tensors.append((name, type_id, array.shape[::-1], blocks.tobytes()))
        self.weights[name] = decode(blocks).reshape(array.shape).astype(np.float64)

    def matrix(self, name, type_id, rows, columns, spread=1.0):
        self.add(name, type_id, self.random.standard_normal((rows, columns)) * spread / math.sqrt(columns))

    def vector(self, name, length, mean=0.0, type_id=F32):
        self.add(name, type_id, mean + 0.1 * self.random.standard_normal(length))

    def save(self, path):
        def text(s): return struct.pack("<Q", len(s.encode())) + s.encode()

        def value(v):
            if isinstance(v, str): return struct.pack("<I", 8) + text(v)
            if isinstance(v, float): return struct.pack("<If", 6, v)
            if isinstance(v, list): return struct.pack("<IIQ", 9, 4, len(v)) + struct.pack(f"<{len(v)}I", *v)
            return struct.pack("<II", 4, v)

        out = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.keys))
        for name, v in self.keys: out += text(name) + value(v)
        offset, data = 0, b""
        for name, type_id, shape, raw in self.tensors:
            out += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
            out += struct.pack("<IQ", type_id, offset)
            raw += b"\0" * (-len(raw) % 32)
            data += raw
            offset += len(raw)
        out += b"\0" * (-len(out) % 32)
        with open(path, "wb") as f: f.write(out + data)


# ------------------------------------------------------------------------------------------------ the models


def llama_plain():
    """F32 only, separate head, five heads on one key head, odd sizes."""
    w = Writer("llama", 11)
    w.set(context_length=128, embedding_length=40, block_count=2, feed_forward_length=52, attention__head_count=5,
          attention__head_count_kv=1, attention__layer_norm_rms_epsilon=1e-5, rope__dimension_count=8, rope__freq_base=10000.0)
    w.matrix("token_embd.weight", F32, 97, 40, 3)
    for i in range(2):
        p = f"blk.{i}."
        w.vector(p + "attn_norm.weight", 40, 1)
        w.matrix(p + "attn_q.weight", F32, 40, 40)
        w.matrix(p + "attn_k.weight", F32, 8, 40)
        w.matrix(p + "attn_v.weight", F32, 8, 40)
        w.matrix(p + "attn_output.weight", F32, 40, 40)
        w.vector(p + "ffn_norm.weight", 40, 1)
        w.matrix(p + "ffn_gate.weight", F32, 52, 40)
        w.matrix(p + "ffn_up.weight", F32, 52, 40)
        w.matrix(p + "ffn_down.weight", F32, 40, 52)
    w.vector("output_norm.weight", 40, 1)
    w.matrix("output.weight", F32, 97, 40)
    return w


def llama_biases():
    """Every optional bias, rope_freqs, layer 0 with fused q/k/v, per-layer arrays, tied head, Q8_0, Q4_0, F16, BF16 mixed."""
    w = Writer("llama", 12)
    w.set(context_length=256, embedding_length=64, block_count=2, feed_forward_length=[96, 64], attention__head_count=[4, 8],
          attention__head_count_kv=[2, 2], attention__key_length=16, attention__value_length=16,
          attention__layer_norm_rms_epsilon=1e-5, rope__dimension_count=16, rope__freq_base=500000.0)
    w.add("rope_freqs.weight", F32, np.array([1, 1, 1, 1.5, 3, 6, 8, 8], np.float64))
    w.matrix("token_embd.weight", Q8_0, 99, 64, 3)
    for i, (heads, inner) in enumerate(((4, 96), (8, 64))):
        p = f"blk.{i}."
        w.vector(p + "attn_norm.weight", 64, 1)
        if i == 0:
            w.matrix(p + "attn_qkv.weight", Q8_0, (heads + 4) * 16, 64)
            w.vector(p + "attn_qkv.bias", (heads + 4) * 16)
        else:
            for name, rows, kind in (("q", heads * 16, Q4_0), ("k", 32, F16), ("v", 32, BF16)):
                w.matrix(p + f"attn_{name}.weight", kind, rows, 64)
                w.vector(p + f"attn_{name}.bias", rows)
        w.matrix(p + "attn_output.weight", Q4_0, 64, heads * 16)
        w.vector(p + "attn_output.bias", 64)
        w.vector(p + "ffn_norm.weight", 64, 1, F16)
        w.matrix(p + "ffn_gate.weight", BF16 if i else Q8_0, inner, 64)
        w.vector(p + "ffn_gate.bias", inner)
        w.matrix(p + "ffn_up.weight", Q4_0, inner, 64)
        w.vector(p + "ffn_up.bias", inner, 0, F16)
        w.matrix(p + "ffn_down.weight", Q8_0, 64, inner)
        w.vector(p + "ffn_down.bias", 64)
    w.vector("output_norm.weight", 64, 1)
    return w


def llama_k_quants():
    """Q4_K and Q6_K, which need 256 columns; H * d smaller than E; linear RoPE scaling without its type key."""
    w = Writer("llama", 13)
    w.set(context_length=128, embedding_length=256, block_count=2, feed_forward_length=64, attention__head_count=2,
          attention__head_count_kv=1, attention__key_length=32, attention__value_length=32,
          attention__layer_norm_rms_epsilon=1e-5, rope__dimension_count=32, rope__freq_base=10000.0, rope__scaling__factor=4.0)
    w.matrix("token_embd.weight", Q6_K, 61, 256, 3)
    for i in range(2):
        p = f"blk.{i}."
        w.vector(p + "attn_norm.weight", 256, 1)
        w.matrix(p + "attn_q.weight", Q4_K, 64, 256)
        w.matrix(p + "attn_k.weight", Q4_K, 32, 256)
        w.matrix(p + "attn_v.weight", Q6_K, 32, 256)
        w.matrix(p + "attn_output.weight", Q4_0, 256, 64)
        w.vector(p + "ffn_norm.weight", 256, 1)
        w.matrix(p + "ffn_gate.weight", Q4_K, 64, 256)
        w.matrix(p + "ffn_up.weight", Q6_K, 64, 256)
        w.matrix(p + "ffn_down.weight", Q4_0, 256, 64)
    w.vector("output_norm.weight", 256, 1)
    return w


def qwen2():
    """Halves pairing, biases on q, k and v, a bias on a separate head, Q4_0 and Q8_0."""
    w = Writer("qwen2", 14)
    w.set(context_length=128, embedding_length=64, block_count=2, feed_forward_length=96, attention__head_count=4,
          attention__head_count_kv=2, attention__layer_norm_rms_epsilon=1e-6, rope__freq_base=1000000.0)
    w.matrix("token_embd.weight", Q4_0, 90, 64, 3)
    for i in range(2):
        p = f"blk.{i}."
        w.vector(p + "attn_norm.weight", 64, 1)
        for name, rows in (("q", 64), ("k", 32), ("v", 32)):
            w.matrix(p + f"attn_{name}.weight", Q8_0, rows, 64)
            w.vector(p + f"attn_{name}.bias", rows)
        w.matrix(p + "attn_output.weight", Q8_0, 64, 64)
        w.vector(p + "ffn_norm.weight", 64, 1)
        w.matrix(p + "ffn_gate.weight", Q4_0, 96, 64)
        w.matrix(p + "ffn_up.weight", Q4_0, 96, 64)
        w.matrix(p + "ffn_down.weight", Q8_0, 64, 96)
    w.vector("output_norm.weight", 64, 1)
    w.matrix("output.weight", Q8_0, 90, 64)
    w.vector("output.bias", 90)
    return w


def qwen3():
    """Norms on the heads of q and k, head length unlike E / H, YaRN, F16."""
    w = Writer("qwen3", 15)
    w.set(context_length=256, embedding_length=48, block_count=2, feed_forward_length=72, attention__head_count=4,
          attention__head_count_kv=2, attention__key_length=24, attention__value_length=24,
          attention__layer_norm_rms_epsilon=1e-6, rope__dimension_count=24, rope__freq_base=10000.0, rope__scaling__type="yarn",
          rope__scaling__factor=4.0, rope__scaling__original_context_length=64, rope__scaling__attn_factor=0.9)
    w.matrix("token_embd.weight", F16, 83, 48, 3)
    for i in range(2):
        p = f"blk.{i}."
        w.vector(p + "attn_norm.weight", 48, 1)
        w.matrix(p + "attn_q.weight", F16, 96, 48)
        w.matrix(p + "attn_k.weight", F16, 48, 48)
        w.matrix(p + "attn_v.weight", BF16, 48, 48)
        w.vector(p + "attn_q_norm.weight", 24, 1)
        w.vector(p + "attn_k_norm.weight", 24, 1)
        w.matrix(p + "attn_output.weight", Q8_0 if i else F16, 48, 96)
        w.vector(p + "ffn_norm.weight", 48, 1)
        w.matrix(p + "ffn_gate.weight", F16, 72, 48)
        w.matrix(p + "ffn_up.weight", F16, 72, 48)
        w.matrix(p + "ffn_down.weight", F16, 48, 72)
    w.vector("output_norm.weight", 48, 1)
    return w


# ------------------------------------------------------------------------------------------------ float64 forward pass


def rope_angles(w, d, positions):
    """cos and sin [positions][d / 2]"""
    get = w.settings.get
    base, kind = get("rope.freq_base", 10000.0), get("rope.scaling.type", "linear")
    factor = get("rope.scaling.factor", 0.0) or 1.0
    pair = np.arange(d // 2)
    theta = positions[:, None] * base ** (-2.0 * pair / d) / w.weights.get("rope_freqs.weight", 1.0)
    keep, size = np.zeros(d // 2), get("rope.scaling.attn_factor", 1.0)
    size = float(np.float32(size))
    if kind == "yarn":
        n = get("rope.scaling.original_context_length")
        index = lambda turns: d * math.log(n / (2 * math.pi * turns)) / (2 * math.log(base))
        low, high = max(0, math.floor(index(32))), min(d - 1, math.ceil(index(1)))
        keep = 1 - np.clip((pair - low) / max(0.001, high - low), 0, 1)
        size *= 1 + 0.1 * math.log(factor)
    angle = theta * ((1 - keep) / factor + keep)
    return np.cos(angle) * size, np.sin(angle) * size


def forward(w, tokens):
    W, T = w.weights, len(tokens)
    setting = lambda key, i: w.settings[key][i] if isinstance(w.settings[key], list) else w.settings[key]
    eps = float(np.float32(w.settings["attention.layer_norm_rms_epsilon"]))
    rms = lambda x, name: x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * W[name]
    linear = lambda x, name: x @ W[name + ".weight"].T + W.get(name + ".bias", 0.0)
    E = w.settings["embedding_length"]
    d = w.settings.get("attention.key_length") or E // setting("attention.head_count", 0)
    cos, sin = (a[:, None, :] for a in rope_angles(w, d, np.arange(T, dtype=np.float64)))

    def rotate(x):                                # [T][heads][d]
        u, v = (slice(0, d, 2), slice(1, d, 2)) if w.architecture == "llama" else (slice(0, d // 2), slice(d // 2, d))
        y = np.empty_like(x)
        y[..., u], y[..., v] = x[..., u] * cos - x[..., v] * sin, x[..., u] * sin + x[..., v] * cos
        return y

    x = W["token_embd.weight"][tokens]
    for i in range(w.settings["block_count"]):
        p, heads, kv = f"blk.{i}.", setting("attention.head_count", i), setting("attention.head_count_kv", i)
        n = rms(x, p + "attn_norm.weight")
        if p + "attn_qkv.weight" in W:
            q, k, v = np.split(linear(n, p + "attn_qkv"), [heads * d, (heads + kv) * d], 1)
        else:
            q, k, v = (linear(n, p + "attn_" + name) for name in "qkv")
        q, k, v = q.reshape(T, heads, d), k.reshape(T, kv, d), v.reshape(T, kv, d)
        if w.architecture == "qwen3":
            q, k = rms(q, p + "attn_q_norm.weight"), rms(k, p + "attn_k_norm.weight")
        q, k = rotate(q), rotate(k)
        k, v = np.repeat(k, heads // kv, 1), np.repeat(v, heads // kv, 1)
        score = np.einsum("thd,jhd->htj", q, k) / math.sqrt(d)
        score = np.where(np.tri(T, dtype=bool), score, -np.inf)
        score = np.exp(score - score.max(-1, keepdims=True))
        a = np.einsum("htj,jhd->thd", score / score.sum(-1, keepdims=True), v)
        x = x + linear(a.reshape(T, -1), p + "attn_output")
        n = rms(x, p + "ffn_norm.weight")
        gate = linear(n, p + "ffn_gate")
        x = x + linear(gate / (1 + np.exp(-gate)) * linear(n, p + "ffn_up"), p + "ffn_down")
    n = rms(x, "output_norm.weight")
    head = "output" if "output.weight" in W else "token_embd"
    return linear(n, head)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    tokens = [int(t) for t in np.random.default_rng(5).integers(0, 61, TOKENS)]
    with open(os.path.join(folder, "golden_tokens.txt"), "w") as f: f.write(",".join(map(str, tokens)) + "\n")
    for name, make in (("llama-plain", llama_plain), ("llama-biases", llama_biases), ("llama-k-quants", llama_k_quants),
                       ("qwen2", qwen2), ("qwen3", qwen3)):
        w = make()
        path = os.path.join(folder, name + ".gguf")
        w.save(path)
        logits = forward(w, tokens)
        logits.astype("<f4").tofile(os.path.join(folder, name + ".logits.f32"))
        print(f"{name}: {os.path.getsize(path)} bytes, logits of standard deviation {logits.std():.2f}")


if __name__ == "__main__":
    main()
