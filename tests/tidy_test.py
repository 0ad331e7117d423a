#!/usr/bin/python3
"""tests/tidy.py finds what it is for, in a tree with one violation of each kind, and nothing in a clean one."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")
GUARD = "#ifndef HEKLA_WORKER_TEXT_{0}_H_\n#define HEKLA_WORKER_TEXT_{0}_H_\n{1}#endif\n"
TEST = {"tests/worker/text/tokenizer_test.cc": "int t;\n"}


class Tidy(unittest.TestCase):
    def violations(self, files):
        """{path: text} -> ["FILE:LINE: RULE", ...]"""
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "tests"))
            shutil.copy(TIDY, os.path.join(root, "tests"))
            for name, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
                with open(os.path.join(root, name), "w") as file:
                    file.write(text)
            done = subprocess.run([sys.executable, os.path.join(root, "tests", "tidy.py")], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1 if done.stdout else 0, done.stderr)
            return [": ".join(line.split(": ")[:2]) for line in done.stdout.splitlines()]

    def expect(self, files, *found):
        self.assertEqual(self.violations(files), list(found))

    def test_clean(self):
        self.expect({"worker/text/tokenizer.cc": '#include "worker/text/tokenizer.h"\n#include "worker/base/check.h"\n',
                     "worker/text/tokenizer.h": GUARD.format("TOKENIZER", "class Tokenizer {};\n"), **TEST})

    def test_includes(self):
        for header, at in [("worker/engine/engine.h", "worker/text"), ("worker/text/tokenizer.h", "worker/schedule"),
                           ("worker/model/plan.h", "worker/vulkan"), ("worker/vulkan/device.h", "worker/model"),
                           ("hekla/v1/inference.pb.h", "worker/engine"), ("service/router/router.h", "service/runtime"),
                           ("worker/model/gguf.h", "service/router"), ("vulkan/vulkan.hpp", "worker/vulkan"),
                           ("prometheus/counter.h", "service/router"), ("spdlog/spdlog.h", "worker"),
                           ("tests/support/golden_model.h", "worker/cpu"), ("../text/utf8.h", "worker/model")]:
            with self.subTest(header=header, at=at):
                self.expect({f"{at}/a.cc": f'int x;\n#include "{header}"\n', f"tests/{at}/a_test.cc": ""},
                            f"{at}/a.cc:2: include")

    def test_sizes(self):
        body = "  f(\"}\");  // }\n" * 68
        self.expect({"worker/text/a.cc": "Foo::Foo(int x)\n    : a_{x}, b_(x) {\n" + body + "}\n", **TEST},
                    "worker/text/a.cc:1: size")
        self.expect({"worker/text/a.cc": "void Foo() {\n" + body + "}\n", **TEST})
        self.expect({"worker/text/a.cc": "int x;\n" * 501, **TEST}, "worker/text/a.cc:501: size")
        self.expect({"worker/text/a.cc": "// " + "x" * 140 + "\n", **TEST}, "worker/text/a.cc:1: size")
        self.expect({"tests/a.py": "def f():\n" + "    pass\n" * 70}, "tests/a.py:1: size")

    def test_names(self):
        self.expect({"worker/text/string_util.cc": "", **TEST}, "worker/text/string_util.cc:1: name")
        self.expect({"worker/text/a.cc": "class BlockManager {\n};\n", **TEST}, "worker/text/a.cc:1: name")
        self.expect({"worker/text/a.cc": "\nstruct TokenData final {\n};\n", **TEST}, "worker/text/a.cc:2: name")
        self.expect({"worker/text/a.cc": "class DataLoss {\n};\nclass InfoOptions {\n};\n", **TEST})

    def test_mirror(self):
        self.expect({"worker/text/a.cc": "int x;\n"}, "worker/text/a.cc:1: mirror")
        self.expect({"worker/text/main.cc": "int x;\n"})

    def test_unfinished_and_stray_paths(self):
        mark, path = "TO" + "DO", "/" + "home/me"
        self.expect({"worker/text/a.cc": f"// {mark}: more\n", **TEST}, "worker/text/a.cc:1: unfinished")
        self.expect({"worker/text/a.cc": f'f("{path}/x");\n', **TEST}, "worker/text/a.cc:1: path")
        self.expect({"README.md": f"see {path}/x\n"}, "README.md:1: path")

    def test_guard(self):
        self.expect({"worker/text/a.h": "int x;\n"}, "worker/text/a.h:1: guard")


if __name__ == "__main__":
    unittest.main()
