#!/usr/bin/env python3
"""Writes unicode_classes.cc: the general category of every code point, as pre-tokenizers ask for it.

    python3 worker/text/unicode_classes.py > worker/text/unicode_classes.cc

Source: Python's unicodedata (its Unicode version goes into the output).
"""
import unicodedata

CLASSES = "OLNPSM"   # Other, Letter, Number, Punctuation, Symbol, Mark, as in enum class CharacterClass
CODE_POINTS = 0x110000


def class_of(code):
    return max(CLASSES.find(unicodedata.category(chr(code))[0]), 0)


def main():
    entries, last = [], None
    for code in range(CODE_POINTS):
        now = class_of(code)
        if now != last:
            entries.append(code << 3 | now)
        last = now
    print(f"""// Written by unicode_classes.py from Unicode {unicodedata.unidata_version}; do not edit.
#include "worker/text/unicode_classes.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace hekla::text {{
namespace {{

// clang-format off
// First code point of a run << 3 | its CharacterClass, ascending; a run ends where the next begins.
constexpr std::array<uint32_t, {len(entries)}> kRuns = {{""")
    for i in range(0, len(entries), 10):
        print("    " + ", ".join(f"0x{e:X}" for e in entries[i:i + 10]) + ",")
    print("""};
// clang-format on

}  // namespace

CharacterClass ClassOf(char32_t code) {
  if (code > 0x10FFFF) return CharacterClass::kOther;
  const uint32_t above = (static_cast<uint32_t>(code) << 3 | 7) + 1;
  const auto next = std::lower_bound(kRuns.begin(), kRuns.end(), above);
  return static_cast<CharacterClass>(*(next - 1) & 7);
}

}  // namespace hekla::text""")


main()
