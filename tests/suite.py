"""The steps behind tests/run: builds a preset, runs what matches, counts cases. See tests/run --help."""
import argparse
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STEP_LIMIT_SECONDS = {"release": 300, "validate": 900, "dev": 900, "tsan": 1200}
SCRIPTS = ["tests/run", ".ci/run", "deploy/demo", "deploy/bundle", "deploy/install-packages", "deploy/tls/make-test-ca"]


class Suite:
    def __init__(self, arguments):
        self.preset = arguments.preset
        self.only = re.compile(arguments.only or "")
        self.build_folder = os.path.join(ROOT, "build", self.preset)
        self.programs = os.path.join(self.build_folder, "bin")
        self.logs = os.path.join(self.build_folder, "test-logs")
        self.limit = STEP_LIMIT_SECONDS[self.preset]
        self.passed = self.failed = self.skipped = 0
        self.failed_names = []

    # ---- counting

    def count(self, name, passed, failed, skipped, seconds, output):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        verdict = "FAILED" if failed else "ok"
        tail = f", {failed} failed" if failed else ""
        tail += f", {skipped} skipped" if skipped else ""
        print(f"{verdict:6} {name:34} {passed} passed{tail}  {seconds:.1f} s", flush=True)
        if failed:
            self.failed_names.append(name)
            print(output.rstrip() + f"\n------ end of {name}", flush=True)

    def execute(self, name, command, env=None):
        """Runs one step to its end or its limit. Returns (exit code or None, output, seconds)."""
        print(f"...... {name}", end="\r" if sys.stdout.isatty() else "\n", flush=True)
        began = time.monotonic()
        path = os.path.join(self.logs, name.replace("/", "-") + ".log")
        with open(path, "wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(self.limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                end_group(process.pid)
        with open(path, errors="replace") as log:
            output = log.read()
        if code is None:
            output += f"\n{name}: not done after {self.limit} s; stopped"
        elif code < 0:
            output += f"\n{name}: ended by signal {-code}"
        return code, output, time.monotonic() - began

    # ---- steps

    def plain(self, name, command):
        code, output, seconds = self.execute(name, command, self.environment())
        self.count(name, int(code == 0), int(code != 0), 0, seconds, output)

    def gtest(self, program, name=None, **environment):
        """`name` of the step, when it is not the program's."""
        name = name or program
        result = os.path.join(self.logs, name.replace("/", "-") + ".json")
        if os.path.exists(result):
            os.remove(result)
        command = [os.path.join(self.programs, program), f"--gtest_output=json:{result}"]
        code, output, seconds = self.execute(name, command, dict(self.environment(), **environment))
        passed = failed = skipped = 0
        if os.path.exists(result):
            with open(result) as file:
                for suite in json.load(file)["testsuites"]:
                    for case in suite["testsuite"]:
                        failed += "failures" in case
                        skipped += case["result"] == "SKIPPED"
                        passed += "failures" not in case and case["result"] == "COMPLETED"
        if code != 0 and failed == 0:
            failed = 1  # it crashed, hung, or ended badly after its cases
        elif code == 0 and passed + skipped == 0:
            failed, output = 1, output + f"\n{name}: no test ran"
        self.count(name, passed, failed, skipped, seconds, output)

    def unittest(self, name, path):
        code, output, seconds = self.execute(name, [sys.executable, "-u", path, "-v"], self.environment())
        ran = re.search(r"^Ran (\d+) tests?", output, re.M)
        verdict = re.search(r"^(?:OK|FAILED)(?: \((.*)\))?$", output, re.M)
        counts = dict(re.findall(r"(\w+)=(\d+)", verdict.group(1) or "")) if verdict else {}
        failed = int(counts.get("failures", 0)) + int(counts.get("errors", 0))
        skipped = int(counts.get("skipped", 0))
        passed = max(0, int(ran.group(1)) - failed - skipped) if ran else 0
        if code != 0 and failed == 0:
            failed = 1
        elif code == 0 and passed + skipped == 0:
            failed, output = 1, output + f"\n{name}: no test ran"
        self.count(name, passed, failed, skipped, seconds, output)

    def validation(self, name, model):
        """The engine under the Vulkan validation layers: a message is an error."""
        command = [os.path.join(self.programs, "hekla-model"), "eval", model, "--device", "vulkan",
                   "--tokens", ",".join(str(1 + 7 * i % 50) for i in range(40)), "--greedy", "6"]
        env = dict(self.environment(), HEKLA_VULKAN_VALIDATION="1")
        code, output, seconds = self.execute(name, command, env)
        failed = code != 0 or "vulkan validation:" in output
        self.count(name, int(not failed), int(failed), 0, seconds, output)

    def validation_is_alive(self, name):
        """Without the layer on this path the engine must refuse, so the layer is there in the steps that follow."""
        command = [os.path.join(self.programs, "hekla-model"), "eval", "tests/data/llama-plain.gguf", "--device", "vulkan",
                   "--tokens", "1", "--greedy", "1"]
        env = dict(self.environment(), HEKLA_VULKAN_VALIDATION="1", VK_LAYER_PATH=self.logs)
        code, output, seconds = self.execute(name, command, env)
        refused = code == 1 and "VK_LAYER_KHRONOS_validation is not installed" in output
        self.count(name, int(refused), int(not refused), 0, seconds, output)

    def shell(self, name):
        found = [s for s in SCRIPTS if os.path.exists(os.path.join(ROOT, s))]
        self.plain(name, ["bash", "-c", 'for script; do bash -n "$script" || exit 1; done', "shell", *found])

    def steps(self):
        yield "tidy", lambda n: self.plain(n, [sys.executable, "tests/tidy.py"])
        yield "tidy_test", lambda n: self.unittest(n, os.path.join("tests", "tidy_test.py"))
        yield "shell", self.shell
        for program in self.gtest_names():
            yield program, self.gtest
        for folder in ("deploy", "integration"):
            for path in sorted(glob.glob(os.path.join(ROOT, "tests", folder, "*_test.py"))):
                name = f"{folder}/{os.path.basename(path)[:-len('_test.py')]}"
                yield name, lambda n, path=path: self.unittest(n, path)
        if "test_kernels" in self.gtest_names():  # subgroups of 4 on Mesa's software driver, where 8 are usual
            yield "narrow/test_kernels", lambda n: self.gtest("test_kernels", n, LP_NATIVE_VECTOR_WIDTH="128",
                                                              GTEST_FILTER="-*/F32*:*/BF16*:*/Q8_0*")
        yield "validation/alive", self.validation_is_alive
        for program in sorted({"test_vulkan", "test_kernels"}.intersection(self.gtest_names())):
            yield "validation/" + program, lambda n, p=program: self.gtest(p, n, HEKLA_VULKAN_VALIDATION="1")
        for model in sorted(glob.glob(os.path.join(ROOT, "tests", "data", "*.gguf"))):
            name = "validation/" + os.path.basename(model)[:-len(".gguf")]
            yield name, lambda n, model=model: self.validation(n, model)

    def gtest_names(self):
        """Programs that tests/CMakeLists.txt declares and that have sources."""
        with open(os.path.join(ROOT, "tests", "CMakeLists.txt")) as file:
            declared = re.findall(r"^hekla_test\((\w+) (\S+)", file.read(), re.M)
        return sorted(name for name, folder in declared
                      if glob.glob(os.path.join(ROOT, "tests", folder, "*_test.cc")))

    # ---- all of it

    def environment(self):
        env = dict(os.environ, HEKLA_BIN_DIR=self.programs, HEKLA_PRESET=self.preset)
        env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        env.setdefault("LSAN_OPTIONS", "suppressions=" + os.path.join(ROOT, "tests", "leaks.txt") + ":print_suppressions=0")
        env.setdefault("TSAN_OPTIONS", "history_size=7:suppressions=" + os.path.join(ROOT, "tests", "races.txt"))
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        return env

    def build(self, targets):
        """`targets` empty: everything."""
        print(f"building preset {self.preset} in build/{self.preset}", flush=True)
        configured = subprocess.run(["cmake", "--preset", self.preset], cwd=ROOT, stdout=subprocess.DEVNULL)
        if configured.returncode != 0:
            return False
        jobs = os.environ.get("HEKLA_TEST_JOBS", str(os.cpu_count() or 2))
        command = ["cmake", "--build", "--preset", self.preset, "-j", jobs]
        return subprocess.run(command + (["--target", *targets] if targets else []), cwd=ROOT).returncode == 0

    def run(self, build):
        chosen = [(name, step) for name, step in self.steps() if self.only.search(name)]
        began = time.monotonic()
        compiled = [name for name, _ in chosen if name not in ("tidy", "tidy_test", "shell") and not name.startswith("deploy/")]
        if build and compiled:
            gtests = set(self.gtest_names())
            if not self.build(compiled if gtests.issuperset(compiled) else []):
                self.count("build", 0, 1, 0, time.monotonic() - began, "the build failed: see above")
                return
            print(f"built in {time.monotonic() - began:.0f} s", flush=True)
        os.makedirs(self.logs, exist_ok=True)
        for name, step in chosen:
            step(name)
        if not chosen:
            self.count("steps", 0, 1, 0, 0, "no step has a name that --only matches; see --list")
        print(f"{time.monotonic() - began:.0f} s in all; logs: {os.path.relpath(self.logs, ROOT)}")


def end_group(group):
    """Ends what a step left behind in its own process group."""
    try:
        os.killpg(group, 9)
    except ProcessLookupError:
        pass


def main():
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--preset", default="release", choices=sorted(STEP_LIMIT_SECONDS))
    parser.add_argument("--only", metavar="REGEX")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    # A suite started in the background has SIGINT ignored, and so would its programs; a shell cannot even trap it then.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    suite = Suite(arguments)
    if arguments.list:
        print("\n".join(name for name, _ in suite.steps() if suite.only.search(name)))
        return 0
    suite.run(not arguments.no_build)
    if suite.failed_names:
        print("failed: " + " ".join(suite.failed_names))
    skipped = f", {suite.skipped} skipped" if suite.skipped else ""
    print(f"{suite.passed} passed, {suite.failed} failed{skipped}", flush=True)
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
