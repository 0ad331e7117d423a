#!/usr/bin/env python3
"""Compiles every kernel of manifest.txt and writes kernels.h and kernels.cc: SPIR-V, bindings with their access, typed arguments.

usage: generate.py SOURCE_DIR OUTPUT_DIR
Fails when a shader does not compile, or its bindings or push constants differ from the manifest and params.h.
"""
import concurrent.futures
import os
import re
import struct
import subprocess
import sys

QUANTS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"]
READ, WRITE, TEXELS_UINT, TEXELS_FLOAT = 1, 2, 4, 8


def camel(name):
    return "".join(part.capitalize() for part in name.split("_"))


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().rstrip("0123456789")


class Kernel:
    def __init__(self, line):
        words = line.split()
        self.quant = words[-1] == "quant"
        self.name, self.push, self.bindings = words[0], words[1], words[2:-1] if self.quant else words[2:]
        self.variants = [(q, interleaved) for interleaved in (False, True) for q in QUANTS] if self.quant else [(None, False)]
        self.access = {}   # by variant: Access bits of each binding
        self.spirv = {}


def push_bytes(params, struct_name):
    body = re.search(r"struct %s \{(.*?)\};" % struct_name, params, re.S)
    if not body:
        sys.exit(f"params.h has no struct {struct_name}")
    return 4 * len(re.findall(r"^\s*(?:uint|float) \w+;", body.group(1), re.M))


def suffix(variant):
    quant, interleaved = variant
    return (("_" + quant) if quant else "") + ("_Interleaved" if interleaved else "")


def compile_variant(source_dir, kernel, variant, out_dir):
    quant, interleaved = variant
    out = os.path.join(out_dir, kernel.name + suffix(variant).lower() + ".spv")
    command = ["glslangValidator", "-V", "--target-env", "vulkan1.2", f"-I{source_dir}",
               os.path.join(source_dir, kernel.name + ".comp"), "-o", out]
    if quant:
        command.insert(1, f"-DQUANT_{quant}")
    if interleaved:
        command.insert(1, "-DINTERLEAVED")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    with open(out, "rb") as f:
        data = f.read()
    return struct.unpack(f"<{len(data) // 4}I", data)


def instructions(words):
    at = 5
    while at < len(words):
        count, op = words[at] >> 16, words[at] & 0xFFFF
        yield op, words[at + 1:at + count]
        at += count


def text(words):
    return b"".join(struct.pack("<I", w) for w in words).split(b"\0")[0].decode()


def check(kernel, variant, expected_push):
    """Compares bindings and push-constant size of the SPIR-V with the manifest; fills kernel.access."""
    words = kernel.spirv[variant]
    names, binding, members, variables, pointers, structs, images, uints, decorated = {}, {}, {}, {}, {}, {}, {}, set(), set()
    push_offsets = {}
    for op, a in instructions(words):
        if op == 5: names[a[0]] = text(a[1:])                                     # OpName
        elif op == 71 and a[1] in (24, 25): decorated.add((a[0], a[1]))            # NonWritable, NonReadable
        elif op == 71 and a[1] == 33: binding[a[0]] = a[2]                         # Decorate Binding
        elif op == 72 and a[2] in (24, 25): members.setdefault((a[0], a[1]), set()).add(a[2])   # NonWritable, NonReadable
        elif op == 72 and a[2] == 35: push_offsets.setdefault(a[0], []).append(a[3])            # Offset
        elif op == 21 and a[2] == 0: uints.add(a[0])
        elif op == 25: images[a[0]] = TEXELS_UINT if a[1] in uints else TEXELS_FLOAT            # OpTypeImage
        elif op == 30: structs[a[0]] = a[1:]
        elif op == 32: pointers[a[0]] = (a[1], a[2])
        elif op == 59: variables[a[1]] = (pointers[a[0]][1], a[2])
    found = {}
    for variable, (type_id, storage) in variables.items():
        if storage == 9:                                                          # PushConstant
            inner = structs[type_id][0]
            size = max(push_offsets[inner]) + 4
            if size != expected_push:
                sys.exit(f"{kernel.name}: push constants are {size} bytes in the shader and {expected_push} in params.h")
        if variable not in binding:
            continue
        if type_id in images:
            access = (0 if (variable, 25) in decorated else READ) | (0 if (variable, 24) in decorated else WRITE)
            found[binding[variable]] = [names[variable], access | images[type_id]]
            continue
        flags = [members.get((type_id, m), set()) for m in range(len(structs[type_id]))]
        access = (0 if all(25 in f for f in flags) else READ) | (0 if all(24 in f for f in flags) else WRITE)
        found.setdefault(binding[variable], [snake(names[type_id]), 0])[1] |= access
    listed = [found[b][0] for b in sorted(found)]
    if sorted(found) != list(range(len(kernel.bindings))) or listed != kernel.bindings:
        sys.exit(f"{kernel.name}: the manifest lists {kernel.bindings}, the shader has {listed}")
    kernel.access[variant] = [found[b][1] for b in range(len(kernel.bindings))]


def header(kernels):
    out = ["// Generated from kernels/manifest.txt by kernels/generate.py.", "#pragma once", "#include <array>", "#include <cstddef>",
           "#include <cstdint>", '#include "kernels/params.h"', "namespace hekla::kernels {",
           "enum class Quant { " + ", ".join("k" + q for q in QUANTS) + " };", "enum class Kernel {"]
    out += ["  k" + camel(k.name) + suffix(v) + "," for k in kernels for v in k.variants]
    out += ["};", f"inline constexpr int kKernelCount = {sum(len(k.variants) for k in kernels)};",
            "enum Access : uint8_t { kRead = 1, kWrite = 2, kTexelsUint = 4, kTexelsFloat = 8 };  // texels: of four; else a buffer",
            "struct Entry {", "  const char* name;", "  const uint32_t* words;", "  size_t word_count;", "  uint32_t push_bytes;",
            "  uint32_t binding_count;", "  const uint8_t* access;   // Access bits, one a binding", "};",
            "const Entry& Find(Kernel kernel);"]
    for k in kernels:
        name, n = camel(k.name), len(k.bindings)
        first = "Kernel::k" + name + suffix(k.variants[0])
        out += [f"// Arguments of {k.name}; Buffer is whatever names a range of device memory.", "template <typename Buffer>",
                f"struct {name}Arguments {{", f"  using Params = {k.push};"]
        out += [f"  Buffer {b};   // {'read' if a == READ else 'written' if a == WRITE else 'read and written'}"
                for b, a in zip(k.bindings, k.access[k.variants[0]])]
        out += [f"  std::array<Buffer, {n}> List() const {{ return {{{', '.join(k.bindings)}}}; }}"]
        if k.quant:
            out += [f"  static Kernel Id(Quant quant, bool interleaved) {{",
                f"    return static_cast<Kernel>(static_cast<int>({first}) + static_cast<int>(quant) + "
               f"(interleaved ? {len(QUANTS)} : 0));", "  }"]
        else:
            out += [f"  static constexpr Kernel kId = {first};"]
        out += ["};"]
    return "\n".join(out + ["}  // namespace hekla::kernels", ""])


def source(kernels, params):
    out = ["// Generated from kernels/manifest.txt by kernels/generate.py.", '#include "kernels/kernels.h"',
           "namespace hekla::kernels {", "namespace {"]
    entries = []
    for k in kernels:
        for v in k.variants:
            words = k.spirv[v]
            name = "k" + camel(k.name) + suffix(v).replace("_", "")
            symbol, access = name + "Words", name + "Access"
            out.append(f"constexpr uint8_t {access}[] = {{{', '.join(map(str, k.access[v]))}}};")
            out.append(f"constexpr uint32_t {symbol}[] = {{{','.join(f'{w:#x}' for w in words)}}};")
            entries.append(f'    {{"{k.name}{suffix(v).lower()}", {symbol}, {len(words)}, '
                           f'{push_bytes(params, k.push)}, {len(k.bindings)}, {access}}},')
    out += ["constexpr Entry kEntries[] = {"] + entries + ["};", "}  // namespace",
            "const Entry& Find(Kernel kernel) { return kEntries[static_cast<int>(kernel)]; }", "}  // namespace hekla::kernels", ""]
    return "\n".join(out)


def main():
    source_dir, out_dir = sys.argv[1], sys.argv[2]
    os.makedirs(out_dir, exist_ok=True)
    with open(os.path.join(source_dir, "manifest.txt")) as f:
        kernels = [Kernel(line) for line in f if line.strip() and not line.startswith("#")]
    with open(os.path.join(source_dir, "params.h")) as f:
        params = f.read()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = {(k, v): pool.submit(compile_variant, source_dir, k, v, out_dir) for k in kernels for v in k.variants}
        for (k, v), job in jobs.items():
            k.spirv[v] = job.result()
            check(k, v, push_bytes(params, k.push))
    for name, content in (("kernels.h", header(kernels)), ("kernels.cc", source(kernels, params))):
        with open(os.path.join(out_dir, name), "w") as f:
            f.write(content)


if __name__ == "__main__":
    main()
