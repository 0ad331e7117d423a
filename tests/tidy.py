#!/usr/bin/env python3
"""House rules as a test: who may include whom, sizes, names, test mirrors, unfinished work, stray paths.

usage: tests/tidy.py [--help] [FILE...]

Without FILE, every file that git tracks or would track. Prints one line "FILE:LINE: RULE: what is wrong" for
each violation and exits 1; exits 0 when there is none. ARCHITECTURE.md and the table below say who may
include whom.
"""
import ast
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_LINE_COLUMNS = 140

# Folder -> folders of ours whose headers it may include besides its own. worker/base may be included by all.
OURS = {
    "service/runtime": {"proto"},
    "service/router": {"proto", "service/runtime"},
    "service/client/bench": {"proto", "service/runtime"},
    "service/client/chaos": {"proto", "service/runtime", "service/client/bench"},
    "service/client": {"proto", "service/runtime", "service/client/bench", "service/client/chaos"},
    "worker/base": set(),
    "worker/schedule": set(),
    "worker/text": set(),
    "worker/vulkan": {"kernels"},
    "worker/model": {"worker/text"},
    "worker/cpu": {"worker/model", "worker/schedule"},
    "worker/engine": {"worker/schedule", "worker/model", "worker/vulkan", "worker/cpu", "kernels"},
    "worker/tool": {"worker/schedule", "worker/model", "worker/vulkan", "worker/cpu", "worker/engine", "worker/text"},
    "worker": {"proto", "service/runtime", "worker/schedule", "worker/model", "worker/engine", "worker/text"},
    "kernels": set(),
}
GRPC_FOLDERS = ["service/runtime", "service/router", "service/client", "service/client/bench", "service/client/chaos", "worker"]
# Library header prefix -> the folders or files that may see it. The standard library, POSIX and Abseil: all.
LIBRARIES = {
    "prometheus/": ["service/runtime/metrics.h", "service/runtime/metrics.cc"],
    "spdlog/": ["service/runtime"],
    "openssl/": ["service/runtime/secret.cc", "service/runtime/tls_files.cc"],
    "vulkan/": ["worker/vulkan/vulkan.h"],
    "grpc/": GRPC_FOLDERS,
    "grpcpp/": GRPC_FOLDERS,
    "google/": GRPC_FOLDERS,
}
PROTO_HEADER = re.compile(r"^(hekla/v1|google/rpc|grpc/health/v1)/.*\.pb\.h$")
EMPTY_NAMES = ("manager", "handler", "helper", "util", "data", "info")
EMPTY_FOLDERS_ALLOWED = {"tests/data"}  # test inputs: files, no code of the project
CPP = (".cc", ".h")
SHADER = (".comp", ".glsl")
CODE = CPP + SHADER + (".py", ".sh", ".cmake", ".proto")
FOREIGN = ("proto/google/", "proto/grpc/")  # definitions of others, names and all
# The story grammar: a plot is a function of many sentences, a sentence a line of whatever length.
PROSE = ("deploy/model/stories/",)
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "TB" + "D"]) + r")\b")
STRAY_PATH = re.compile(r"(?<![\w./\-\]}$)])/(?:work|tmp|home|root|mnt|Users)(?=[/\s\"'`]|$)|(?:\.\./|\")shared/")
STRAY_PATH_ALLOWED = {".ci/run", "tests/tidy.py"}


def list_files():
    command = ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, check=True, capture_output=True).stdout.decode()
        names = [name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # a source archive without git
        names = []
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__", "node_modules")]
            names += [os.path.relpath(os.path.join(folder, f), ROOT) for f in files]
    return sorted(name for name in set(names) if os.path.isfile(os.path.join(ROOT, name)))


def is_script(name, text):
    return text.startswith("#!") or name.endswith(CODE) or os.path.basename(name) == "CMakeLists.txt"


def within(name, place):
    """`place` is a file, or a folder whose own files (not those of sub-folders) are meant."""
    return name == place or os.path.dirname(name) == place


def folder_of_include(header):
    if PROTO_HEADER.match(header):
        return "proto"
    return os.path.dirname(header)


def check_includes(name, lines):
    folder = os.path.dirname(name)
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        header = match.group(2)
        if header.startswith("../") or "/../" in header:
            yield number, "include", f'"{header}" is relative; name it from the root'
        for prefix, places in LIBRARIES.items():
            allowed = any(within(name, place) for place in places) or name.startswith("tests/")
            if header.startswith(prefix) and not PROTO_HEADER.match(header) and not allowed:
                yield number, "include", f'"{header}" may be seen by {", ".join(places)} only'
        target = folder_of_include(header)
        if target.startswith("tests/") and not name.startswith("tests/"):
            yield number, "include", f'"{header}" belongs to the tests'
        if folder not in OURS or target not in set(OURS) | {"proto"}:
            continue
        if target not in OURS[folder] | {folder, "worker/base"}:
            yield number, "include", f'{folder} may not include {target} ("{header}")'


def blank(text):
    """The text with comments, strings and character literals blanked, line breaks kept."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'', re.S)
    text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    return re.sub(r"(?m)^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


SCOPE = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:inline\s+)?(?:namespace\b|(?:class|struct|union|enum)\b|extern\s*$)", re.S)


def opens_function(head):
    if SCOPE.match(head) and not re.search(r"\)\s*(?:const|noexcept|override|final|\s)*$", head):
        return False
    return ")" in head and "=" not in re.sub(r"operator\s*\S+|\([^()]*\)|[<>=!]=", "", head)


def opens_initializer(head):
    """`Foo::Foo(int x) : a_{x}`: the brace belongs to a member, not to the body."""
    return bool(re.search(r"\)\s*(?:noexcept\s*)?:[^:]", head)) and bool(re.search(r"[\w>]\s*$", head))


def functions_of(text):
    """Yields (first line, last line, signature) of functions at namespace or class scope."""
    stack, head, start, line = [], "", None, 1  # stack of "scope", "function", "other"
    function = None
    for char in blank(text):
        if function is None and start is None and not char.isspace() and char not in "{};":
            start = line
        if char == "{":
            kind = "other"
            if function is None:
                if opens_initializer(head):
                    kind = "initializer"
                elif opens_function(head):
                    kind, function = "function", (start, " ".join(head.split()))
                elif SCOPE.match(head):
                    kind = "scope"
            stack.append(kind)
        elif char == "}":
            kind = stack.pop() if stack else "other"
            if kind == "function":
                yield function[0], line, function[1]
                function = None
            if kind == "initializer":
                continue
        if function is None:
            if char in "{};" and not (stack and stack[-1] == "initializer"):
                head, start = "", None
            elif char not in "{}":
                head += char
        if char == "\n":
            line += 1


def check_functions(name, text):
    if name.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > MAX_FUNCTION_LINES and not name.startswith(PROSE):
                    yield node.lineno, "size", f"function {node.name} has {length} lines, {MAX_FUNCTION_LINES} at most"
        return
    for first, last, signature in functions_of(text):
        if last - first + 1 > MAX_FUNCTION_LINES:
            yield first, "size", f"function of {last - first + 1} lines, {MAX_FUNCTION_LINES} at most: {signature[:60]}"


def check_lines(name, lines):
    if len(lines) > MAX_FILE_LINES:
        yield len(lines), "size", f"file of {len(lines)} lines, {MAX_FILE_LINES} at most"
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_COLUMNS and not name.startswith(PROSE):
            yield number, "size", f"line of {len(line)} columns, {MAX_LINE_COLUMNS} at most"
        if UNFINISHED.search(line):
            yield number, "unfinished", f"mark of unfinished work: {line.strip()[:80]}"
        if name not in STRAY_PATH_ALLOWED and STRAY_PATH.search(line):
            yield number, "path", f"path of one machine: {STRAY_PATH.search(line).group(0)}"
        if line.rstrip() != line:
            yield number, "space", "blanks at the end of the line"


def last_word(name):
    """The last word of CamelCase or snake_case, singular, lower case."""
    word = re.split(r"[_\-]", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name))[-1].lower()
    return word[:-1] if word.endswith("s") and word[:-1] in EMPTY_NAMES else word


def check_names(name, text):
    if name.startswith(FOREIGN):
        return
    for part in name.split("/")[:-1]:
        path = name[:name.index(part) + len(part)]
        if last_word(part) in EMPTY_NAMES and path not in EMPTY_FOLDERS_ALLOWED:
            yield 1, "name", f"folder {part} says nothing"
    if last_word(os.path.basename(name).split(".")[0]) in EMPTY_NAMES:
        yield 1, "name", f"file name {os.path.basename(name)} says nothing"
    if name.endswith(CPP + SHADER + (".proto", ".py")):
        code = text if name.endswith(".py") else blank(text)
        for match in re.finditer(r"(?m)^\s*(?:class|struct|enum(?: class)?|message|union)\s+(\w+)\s*(?=[:{(]|final\b)", code):
            if last_word(match.group(1)) in EMPTY_NAMES:
                yield text[:match.start(1)].count("\n") + 1, "name", f"class name {match.group(1)} says nothing"


def check_guard(name, text):
    guard = "HEKLA_" + re.sub(r"[/.]", "_", name).upper() + "_"
    if f"#ifndef {guard}\n#define {guard}\n" not in text:
        yield 1, "guard", f"header guard must be {guard}"


def check_mirrors(files):
    """A folder with sources has tests in tests/FOLDER (kernels: .comp files, tested from C++)."""
    for folder in sorted(OURS):
        sources = [f for f in files if os.path.dirname(f) == folder and f.endswith((".cc", ".comp"))]
        sources = [f for f in sources if not re.search(r"(/|_)main\.cc$", f)]
        tests = [f for f in files if os.path.dirname(f) == "tests/" + folder and f.endswith("_test.cc")]
        if sources and not tests:
            yield sources[0], 1, "mirror", f"{folder} has sources, tests/{folder} has no *_test.cc"
    for test in files:
        if test.startswith("tests/") and test.endswith("_test.cc"):
            folder = os.path.dirname(test)[len("tests/"):]
            known = folder in OURS or folder in ("integration", "fuzz") or folder.startswith("support")
            if not known:
                yield test, 1, "mirror", f"no folder {folder} for this test"


def check_file(name):
    with open(os.path.join(ROOT, name), "rb") as file:
        raw = file.read()
    if b"\0" in raw or name.startswith("tests/data/") and name.endswith((".f32", ".gguf", ".bin")):
        return
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        yield 1, "encoding", f"not UTF-8: {error}"
        return
    yield from check_names(name, text)
    if not is_script(name, text):
        for number, line in enumerate(text.splitlines(), 1):
            if name not in STRAY_PATH_ALLOWED and STRAY_PATH.search(line):
                yield number, "path", f"path of one machine: {STRAY_PATH.search(line).group(0)}"
        return
    lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
    yield from check_lines(name, lines)
    if name.endswith(CPP):
        yield from check_includes(name, lines)
    if name.endswith(CPP + SHADER + (".py",)):
        yield from check_functions(name, text)
    if name.endswith(".h") and not name.startswith("kernels/"):
        yield from check_guard(name, text)


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return 0
    everything = list_files()
    chosen = [os.path.relpath(os.path.abspath(a), ROOT) for a in arguments] or everything
    found = [(name, *violation) for name in chosen for violation in check_file(name)]
    if not arguments:
        found += check_mirrors(everything)
    for name, line, rule, message in found:
        print(f"{name}:{line}: {rule}: {message}")
    print(f"tidy: {len(chosen)} files, {len(found)} violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
