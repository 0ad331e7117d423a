"""The command lines in deploy/ are ones that the programs take, and those of Kubernetes and compose serve."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import yaml

import cluster as c

DEPLOY = os.path.join(c.ROOT, "deploy")


def read(*names):
    with open(os.path.join(DEPLOY, *names), encoding="utf-8") as file:
        return file.read()


def kubernetes_arguments(side):
    for each in yaml.safe_load_all(read("kubernetes", "base", side + ".yaml")):
        if each["kind"] in ("Deployment", "StatefulSet"):
            return each["spec"]["template"]["spec"]["containers"][0]["args"]
    raise AssertionError(f"no container in {side}.yaml")


def command_lines():
    """(where, program, words)"""
    for side in ("router", "worker"):
        yield f"kubernetes/base/{side}.yaml", "hekla-" + side, kubernetes_arguments(side)
        yield f"helm values, {side}", "hekla-" + side, yaml.safe_load(read("helm", "hekla", "values.yaml"))[side]["args"]
    for name, service in yaml.safe_load(read("compose.yaml"))["services"].items():
        if "build" in service:
            yield f"compose.yaml, {name}", "hekla-" + service["build"]["target"], service["command"]
    for name in ("hekla-router.service", "hekla-worker@.service"):
        words = shlex.split(re.search(r"^ExecStart=\S*/(.*)$", read("systemd", name), re.M).group(1))
        yield name, words[0], words[1:]
    for words in re.findall(r"HEALTHCHECK.* CMD (\[.*\])", read("Dockerfile")):
        yield "Dockerfile", *(lambda program, *rest: (program, rest))(*yaml.safe_load(words))


class Deployment(unittest.TestCase):
    def test_every_flag_exists(self):
        lines = list(command_lines())
        self.assertEqual(len(lines), 11)
        for where, program, words in lines:
            command = [words[0]] if program == "hekla" else []
            text = subprocess.run([os.path.join(c.BIN, program), *command, "--help"], capture_output=True, text=True, timeout=60).stdout
            known = set(re.findall(r"^\s+--([\w-]+)", text, re.M))
            for word in words:
                if word.startswith("--"):
                    self.assertIn(word[2:].split("=")[0], known, f"{where}: {program}")

    def serve(self, router_words, worker_words, health_flags=()):
        """Returns the router's ready line."""
        router = c.Process("hekla-router", *[re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", word) for word in router_words])
        self.addCleanup(router.close)
        ready = router.wait_for("router_ready")
        admin = f"127.0.0.1:{self.number(ready, 'admin_port')}"
        replaced = {"0.0.0.0:8093": "127.0.0.1:0", "$(POD_IP):8093": "", "worker-1:8093": "", "$(POD_NAME)": "worker-1",
                    "0.0.0.0:9101": "127.0.0.1:0", "hekla-router-admin:8091": admin, "router:8091": admin,
                    "$(POD_NAME).hekla-workers:8093": "", "/hekla/share/hekla/hekla-stories.gguf": c.MODEL,
                    "/models/model.gguf": c.MODEL}
        words = [replaced.get(word, word) for argument in worker_words for word in argument.split("=", 1)]
        worker = c.Process("hekla-worker", *words, "--device", "cpu")
        self.addCleanup(worker.close)
        metrics_port = self.number(ready, "metrics_port")
        c.eventually(lambda: c.total(c.scrape(metrics_port), 'hekla_router_workers{state="ready"}') == 1, 60, "the worker is ready")
        health = [os.path.join(c.BIN, "hekla"), "health", "--address", f"127.0.0.1:{self.number(ready, 'port')}", "--timeout", "2s"]
        self.assertEqual(subprocess.run([*health, *health_flags], capture_output=True, timeout=60).returncode, 0)
        return ready

    @staticmethod
    def number(json_line, name):
        return int(re.search(rf'"{name}":(\d+)', json_line).group(1))

    def test_the_arguments_of_kubernetes_serve(self):
        self.serve(kubernetes_arguments("router"), kubernetes_arguments("worker"))

    def test_the_arguments_of_compose_serve(self):
        services = yaml.safe_load(read("compose.yaml"))["services"]
        self.serve(services["router"]["command"], services["worker-1"]["command"])

    def test_the_arguments_of_production_serve_with_tls(self):
        version = ""
        if shutil.which("kubectl"):
            version = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True).stdout
        if not re.search(r"Kustomize Version: v[5-9]", version):
            self.skipTest("no kubectl of 1.27 or newer here")
        built = subprocess.run(["kubectl", "kustomize", os.path.join(DEPLOY, "kubernetes", "production")], check=True,
                               capture_output=True, text=True)
        containers = {each["kind"]: each["spec"]["template"]["spec"]["containers"][0] for each in yaml.safe_load_all(built.stdout)
                      if each["kind"] in ("Deployment", "StatefulSet")}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        make_certificates(folder.name)

        def words(kind):
            return [word.replace("/tls/", folder.name + "/") for word in containers[kind]["args"]]
        shown = [f"--tls-ca={folder.name}/ca.crt", f"--tls-cert={folder.name}/tls.crt", f"--tls-key={folder.name}/tls.key"]
        ready = self.serve(words("Deployment"), words("StatefulSet"), shown)
        ports = {"8090": self.number(ready, "port"), "8091": self.number(ready, "admin_port")}
        for name in ("readinessProbe", "livenessProbe"):
            probe = " ".join(containers["Deployment"][name]["exec"]["command"]).replace("/tls/", folder.name + "/")
            for port, real in ports.items():
                probe = probe.replace(f"localhost:{port}", f"localhost:{real}")
            program, *rest = probe.split()
            self.assertEqual(subprocess.run([os.path.join(c.BIN, program), *rest], timeout=60).returncode, 0, name)
        anonymous = [os.path.join(c.BIN, "hekla"), "health", f"--address=localhost:{ports['8090']}", shown[0], "--timeout=2s"]
        self.assertEqual(subprocess.run(anonymous, capture_output=True, timeout=60).returncode, 1, "a caller without certificate")


def make_certificates(folder):
    """A CA, ca.crt, and what it signs for this machine: tls.crt with tls.key."""
    def make(name, *more):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", "-subj", f"/CN={name}", *more],
                       check=True, capture_output=True)
    make("ca")
    make("tls", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
         "-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key")


if __name__ == "__main__":
    unittest.main()
