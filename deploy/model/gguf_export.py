"""Writes a llama-type model with a byte-level BPE tokenizer as one GGUF version 3 file.

Matrices are stored as Q8_0 (blocks of 32 columns: float16 scale, 32 int8), vectors as float32.
The q and k rows must already be in the order of interleaved rotary pairs (2i, 2i+1), which is what the
architecture "llama" of GGUF means.
"""
import struct

import numpy as np

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TYPE_F32, TYPE_Q8_0 = 0, 8
ALIGNMENT = 32


def q8_0(matrix):
    """Q8_0 blocks, uint8 [rows * columns / 32][34], of a float32 [rows][columns] matrix."""
    x = np.ascontiguousarray(matrix, dtype=np.float32).reshape(-1, 32)
    scale = np.abs(x).max(axis=1) / 127
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0)
    y = x * inverse[:, None]
    q = np.trunc(y + np.copysign(0.5, y)).astype(np.int8)  # halves away from zero, as roundf
    return np.concatenate([scale.astype(np.float16)[:, None].view(np.uint8), q.view(np.uint8)], axis=1)


def q8_0_values(matrix):
    """What a reader of q8_0(matrix) sees, as float32 of the same shape."""
    blocks = q8_0(matrix)
    scale = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
    return (np.ascontiguousarray(blocks[:, 2:]).view(np.int8) * scale).reshape(matrix.shape)


def _string(s):
    b = s.encode("utf-8")
    return struct.pack("<Q", len(b)) + b


def _value(kind, v):
    if kind == STRING:
        return _string(v)
    if kind == ARRAY:
        element, items = v
        return struct.pack("<IQ", element, len(items)) + b"".join(_value(element, i) for i in items)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], v)


def metadata(config, tokenizer, name, description):
    """(key, value type, value) of the file.

    config: dim, layers, heads, kv_heads, head_dim, ffn, context, eps, rope_base.
    """
    n = len(tokenizer.tokens)
    a = "llama."
    return [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, name),
        ("general.description", STRING, description),
        ("general.license", STRING, "apache-2.0"),
        ("general.file_type", U32, 7),
        ("general.quantization_version", U32, 2),
        (a + "context_length", U32, config["context"]),
        (a + "embedding_length", U32, config["dim"]),
        (a + "block_count", U32, config["layers"]),
        (a + "feed_forward_length", U32, config["ffn"]),
        (a + "attention.head_count", U32, config["heads"]),
        (a + "attention.head_count_kv", U32, config["kv_heads"]),
        (a + "attention.key_length", U32, config["head_dim"]),
        (a + "attention.value_length", U32, config["head_dim"]),
        (a + "attention.layer_norm_rms_epsilon", F32, config["eps"]),
        (a + "rope.dimension_count", U32, config["head_dim"]),
        (a + "rope.freq_base", F32, config["rope_base"]),
        (a + "vocab_size", U32, n),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokenizer.tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, [1] * (n - 1) + [3])),
        ("tokenizer.ggml.merges", ARRAY, (STRING, [x + " " + y for x, y in tokenizer.merges])),
        ("tokenizer.ggml.bos_token_id", U32, tokenizer.end),
        ("tokenizer.ggml.eos_token_id", U32, tokenizer.end),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
    ]


def write(path, keys, tensors):
    """Writes (name, float32 array) tensors: 2-D [rows][columns] as Q8_0, 1-D as float32. Returns the size."""
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys)))
    for key, kind, v in keys:
        out += _string(key) + struct.pack("<I", kind) + _value(kind, v)
    offset, blobs = 0, []
    for name, x in tensors:
        x = np.asarray(x, dtype=np.float32)
        kind, blob = (TYPE_Q8_0, q8_0(x).tobytes()) if x.ndim == 2 else (TYPE_F32, x.tobytes())
        out += _string(name) + struct.pack("<I", x.ndim)
        out += b"".join(struct.pack("<Q", d) for d in reversed(x.shape)) + struct.pack("<IQ", kind, offset)
        blob += b"\0" * (-len(blob) % ALIGNMENT)
        blobs.append(blob)
        offset += len(blob)
    out += b"\0" * (-len(out) % ALIGNMENT)
    with open(path, "wb") as f:
        f.write(out + b"".join(blobs))
    return len(out) + offset


def read(path):
    """(metadata, {tensor name: float32 array}) of a file that `write` made."""
    with open(path, "rb") as f:
        data = f.read()
    at = 4

    def take(form):
        nonlocal at
        v = struct.unpack_from("<" + form, data, at)[0]
        at += struct.calcsize("<" + form)
        return v

    def value(kind):
        nonlocal at
        if kind == STRING:
            n = take("Q")
            at += n
            return data[at - n : at].decode("utf-8")
        if kind == ARRAY:
            element, n = take("I"), take("Q")
            return [value(element) for _ in range(n)]
        return take({U32: "I", I32: "i", F32: "f", BOOL: "?"}[kind])

    if data[:4] != b"GGUF" or take("I") != 3:
        raise ValueError(path + ": not a GGUF version 3 file")
    tensor_count, key_count = take("Q"), take("Q")
    keys = {}
    for _ in range(key_count):
        name = value(STRING)
        keys[name] = value(take("I"))
    infos = []
    for _ in range(tensor_count):
        name = value(STRING)
        shape = [take("Q") for _ in range(take("I"))][::-1]
        infos.append((name, shape, take("I"), take("Q")))
    start, tensors = -(-at // ALIGNMENT) * ALIGNMENT, {}
    for name, shape, kind, offset in infos:
        n = int(np.prod(shape))
        if kind == TYPE_F32:
            x = np.frombuffer(data, np.float32, n, start + offset)
        else:
            blocks = np.frombuffer(data, np.uint8, n // 32 * 34, start + offset).reshape(-1, 34)
            scale = np.ascontiguousarray(blocks[:, :2]).view(np.float16).astype(np.float32)
            x = np.ascontiguousarray(blocks[:, 2:]).view(np.int8) * scale
        tensors[name] = x.reshape(shape)
    return keys, tensors
