"""Byte-level BPE as GPT-2 has it: alphabet, pre-tokenizer, training, encoding and decoding."""
import heapq
import re
import sys
import unicodedata
from collections import Counter, defaultdict

END = "<|endoftext|>"


def byte_alphabet():
    """GPT-2's printable character for each byte value; also the order of the first 256 tokens."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    out = {b: chr(b) for b in keep}
    for b in range(256):
        if b not in out:
            out[b] = chr(256 + len(out) - len(keep))
    return out


def _char_class(first_letter):
    """Body of a character class of all code points whose general category begins with `first_letter`."""
    out, start = [], None
    for c in range(sys.maxunicode + 2):
        inside = c <= sys.maxunicode and unicodedata.category(chr(c))[0] == first_letter
        if inside and start is None:
            start = c
        elif not inside and start is not None:
            out.append("\\U%08x-\\U%08x" % (start, c - 1))
            start = None
    return "".join(out)


ASCII_PATTERN = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def pre_tokenizer():
    """GPT-2's pattern: 's|'t|...| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"""
    letter, number = _char_class("L"), _char_class("N")
    return re.compile(
        "'s|'t|'re|'ve|'m|'ll|'d| ?[%s]+| ?[%s]+| ?[^\\s%s%s]+|\\s+(?!\\S)|\\s+"
        % (letter, number, letter, number)
    )


def train(counts, vocab_size):
    """Merges (pairs of strings of alphabet characters), most frequent pair first, ties by the pair itself.

    counts: Counter of pre-tokens. vocab_size counts 256 bytes, the merges and the end token.
    """
    alphabet = byte_alphabet()
    words = [([alphabet[b] for b in w.encode()], n) for w, n in counts.items()]
    pairs, where = Counter(), defaultdict(set)
    for i, (symbols, n) in enumerate(words):
        for p in zip(symbols, symbols[1:]):
            pairs[p] += n
            where[p].add(i)
    heap = [(-n, p) for p, n in pairs.items()]
    heapq.heapify(heap)
    merges = []
    while heap and len(merges) < vocab_size - 257:
        n, best = heapq.heappop(heap)
        if pairs[best] != -n or n == 0:
            if pairs[best] > 0:
                heapq.heappush(heap, (-pairs[best], best))
            continue
        merges.append(best)
        touched = set()
        for i in where.pop(best):
            symbols, n = words[i]
            for p in zip(symbols, symbols[1:]):
                pairs[p] -= n
                touched.add(p)
            symbols = merge(symbols, best)
            words[i] = (symbols, n)
            for p in zip(symbols, symbols[1:]):
                pairs[p] += n
                where[p].add(i)
                touched.add(p)
        for p in touched:
            if pairs[p] > 0:
                heapq.heappush(heap, (-pairs[p], p))
    return merges


def merge(symbols, pair):
    """`symbols` with each occurrence of `pair`, from the left, joined."""
    out, i = [], 0
    while i < len(symbols):
        if i + 1 < len(symbols) and (symbols[i], symbols[i + 1]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


class Tokenizer:
    """Ids: 256 bytes in alphabet order, the merges, then the end token, which begins and ends a text."""

    def __init__(self, merges):
        self.alphabet = byte_alphabet()
        self.merges = [tuple(m) for m in merges]
        self.tokens = sorted(self.alphabet.values()) + [a + b for a, b in self.merges] + [END]
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.end = len(self.tokens) - 1
        self.pattern = pre_tokenizer()
        self.byte_of = {c: b for b, c in self.alphabet.items()}
        self.cache = {}

    def piece(self, text):
        """Ids of one pre-token."""
        ids = self.cache.get(text)
        if ids is None:
            symbols = [self.alphabet[b] for b in text.encode()]
            while len(symbols) > 1:
                best = min(zip(symbols, symbols[1:]), key=lambda p: self.rank.get(p, 1 << 30))
                if best not in self.rank:
                    break
                symbols = merge(symbols, best)
            ids = self.cache[text] = [self.ids[s] for s in symbols]
        return ids

    def encode(self, text):
        """Ids of `text`, the end token not parsed and not added."""
        out, cache = [], self.cache
        for piece in (ASCII_PATTERN if text.isascii() else self.pattern).findall(text):
            out += cache.get(piece) or self.piece(piece)
        return out

    def decode(self, ids):
        data = bytearray()
        for i in ids:
            data += END.encode() if i == self.end else bytes(self.byte_of[c] for c in self.tokens[i])
        return data.decode("utf-8", "replace")
