"""Dockerfile, compose, systemd units and the Envoy sample, checked as far as a machine without them can."""
import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPLOY = os.path.join(ROOT, "deploy")
UNITS = os.path.join(DEPLOY, "systemd")


def read(*names):
    with open(os.path.join(DEPLOY, *names), encoding="utf-8") as file:
        return file.read()


def stages(dockerfile):
    """{name: (base, [instructions])}"""
    found = {}
    for line in re.sub(r"\\\n", " ", dockerfile).splitlines():
        start = re.match(r"FROM (\S+) AS (\S+)", line)
        if start:
            found[start.group(2)] = (start.group(1), [])
            last = found[start.group(2)][1]
        elif line and not line.startswith("#"):
            last.append(line)
    return found


class Dockerfile(unittest.TestCase):
    def setUp(self):
        self.stages = stages(read("Dockerfile"))

    def instructions(self, name):
        """Those of a stage and of the stages that it is made from."""
        base, own = self.stages[name]
        return (self.instructions(base) if base in self.stages else []) + own

    def test_images_run_without_root_and_without_a_shell(self):
        for name in ("router", "worker"):
            lines = self.instructions(name)
            users = [line for line in lines if line.startswith("USER")]
            self.assertRegex(users[-1], r"^USER [1-9]\d*:[1-9]\d*$", name)
            after = lines[len(lines) - 1 - lines[::-1].index(users[-1]):]
            self.assertFalse([line for line in after if line.startswith("RUN")], "runs as another user than the image says")
            for word in ("ENTRYPOINT", "HEALTHCHECK"):
                line = next(line for line in lines if line.startswith(word))
                self.assertRegex(line, r'\["hekla[^\]]*"\]$', f"{name}: {word} goes through a shell")
            self.assertIn(f'ENTRYPOINT ["hekla-{name}"]', lines)

    def test_nothing_of_the_build_comes_along_but_the_pack(self):
        copied = [line for name in ("router", "worker") for line in self.instructions(name) if line.startswith("COPY")]
        self.assertEqual({re.sub(r" \S+$", "", line) for line in copied},
                         {f"COPY --from=build /hekla/{folder}" for folder in ("libexec", "lib", "share")})
        packed = read("bundle")
        self.assertIn('mkdir -p "$root"/{bin,libexec,lib/cxx,share/hekla', packed)

    def test_copied_sources_exist(self):
        for line in self.stages["build"][1]:
            if line.startswith("COPY"):
                for source in line.split()[1:-1]:
                    self.assertTrue(os.path.exists(os.path.join(ROOT, source)), line)


class Compose(unittest.TestCase):
    def setUp(self):
        self.compose = yaml.safe_load(read("compose.yaml"))
        self.services = self.compose["services"]

    def test_docker_accepts_it(self):
        docker = shutil.which("docker")
        if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0:
            self.skipTest("no docker compose here")
        command = [docker, "compose", "-f", os.path.join(DEPLOY, "compose.yaml"), "config", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_services(self):
        self.assertEqual(sorted(self.services), ["grafana", "prometheus", "router", "worker-1", "worker-2"])
        targets = stages(read("Dockerfile"))
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name} is reachable from other machines")
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                known = os.path.exists(os.path.join(DEPLOY, source)) if source.startswith(".") else source in self.compose["volumes"]
                self.assertTrue(known, f"{name}: {volume}")
            for other in service.get("depends_on", []):
                self.assertIn(other, self.services)
            if "build" in service:
                self.assertIn(service["build"]["target"], targets)
                self.assertEqual((service["read_only"], service["cap_drop"]), (True, ["ALL"]), name)

    def test_workers_and_scraper_find_their_peers(self):
        for name in ("worker-1", "worker-2"):
            words = self.services[name]["command"]
            self.assertIn(f"{name}:8093", words)
            self.assertIn("router:8091", words)
        for job in yaml.safe_load(read("prometheus", "prometheus.yaml"))["scrape_configs"]:
            for target in job["static_configs"][0]["targets"]:
                host, port = target.split(":")
                self.assertIn(f"0.0.0.0:{port}", self.services[host]["command"], "nobody listens there")

    def test_prometheus_accepts_its_configuration(self):
        for name in ("prometheus.yaml", "demo.yaml"):
            done = subprocess.run(["promtool", "check", "config", os.path.join(DEPLOY, "prometheus", name)],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_grafana_finds_what_is_provisioned(self):
        mounts = dict(volume.split(":")[:2] for volume in self.services["grafana"]["volumes"])
        provider = yaml.safe_load(read("grafana", "provisioning", "dashboards", "hekla.yaml"))["providers"][0]
        self.assertEqual(provider["options"]["path"], mounts["./grafana/dashboards"])
        home = self.services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertTrue(os.path.exists(home.replace(mounts["./grafana/dashboards"], os.path.join(DEPLOY, "grafana", "dashboards"))))
        source = yaml.safe_load(read("grafana", "provisioning", "datasources", "prometheus.yaml"))["datasources"][0]
        self.assertEqual(source["url"], "http://prometheus:9090")


class Systemd(unittest.TestCase):
    """The units with another program in place of ours, which verify wants to find."""

    def setUp(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("no systemd-analyze here")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.units = []
        for path in sorted(glob.glob(os.path.join(UNITS, "*.service"))):
            with open(path, encoding="utf-8") as file:
                text = re.sub(r"/usr/local/bin/hekla-\w+", "/bin/true", file.read())
            self.units.append(os.path.join(folder.name, os.path.basename(path).replace("@", "@gpu0")))
            with open(self.units[-1], "w", encoding="utf-8") as file:
                file.write(text)

    def analyze(self, *arguments):
        done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def test_units_are_accepted_without_remarks(self):
        self.assertEqual(len(self.units), 2)
        self.assertEqual(self.analyze("verify", "--man=no", *self.units), (0, ""))

    def test_a_misspelt_line_is_noticed(self):
        with open(self.units[0], "a", encoding="utf-8") as file:
            file.write("[Service]\nProtectHomes=yes\n")
        self.assertIn("ProtectHomes", self.analyze("verify", "--man=no", self.units[0])[1])

    def test_little_is_exposed(self):
        for unit in self.units:  # of 100; a unit without any option has 96
            code, output = self.analyze("security", "--offline=true", "--threshold=20", unit)
            self.assertEqual(code, 0, output)

    def test_waits_grow_where_systemd_knows_how(self):
        version = int(re.search(r"systemd (\d+)", self.analyze("--version")[1]).group(1))
        if version < 254:
            self.skipTest(f"systemd {version}: RestartSteps= came with 254")
        with open(os.path.join(UNITS, "hekla-worker@.service.d", "backoff.conf"), encoding="utf-8") as file:
            drop_in = file.read()
        with open(self.units[-1], "a", encoding="utf-8") as file:
            file.write(drop_in)
        self.assertEqual(self.analyze("verify", "--man=no", self.units[-1]), (0, ""))

    def test_ends_are_the_programs(self):
        """A unit's limits leave room for the program's own: it is not killed while it drains."""
        for unit in self.units:
            with open(unit, encoding="utf-8") as file:
                text = file.read()
            self.assertGreater(int(re.search(r"TimeoutStopSec=(\d+)s", text).group(1)), 30, "the default of --drain-limit")
            self.assertIn("RestartPreventExitStatus=2\n", text)


class Envoy(unittest.TestCase):
    """No Envoy in Debian: what the file must say for streams, not whether Envoy takes it."""

    def test_streams_have_no_retries_and_no_timeout(self):
        text = read("envoy", "envoy.yaml")
        resources = yaml.safe_load(text)["static_resources"]
        chain = resources["listeners"][0]["filter_chains"][0]
        connection = chain["filters"][0]["typed_config"]
        routes = connection["route_config"]["virtual_hosts"][0]["routes"]
        clusters = {cluster["name"]: cluster for cluster in resources["clusters"]}
        self.assertNotIn("retry_policy", text)
        self.assertEqual(connection["stream_idle_timeout"], "0s")
        self.assertEqual(chain["transport_socket"]["typed_config"]["common_tls_context"]["alpn_protocols"], ["h2"])
        for route in routes:
            self.assertEqual(route["route"]["timeout"], "0s")
            self.assertIn(route["route"]["cluster"], clusters)
        cluster = clusters["hekla-router"]
        self.assertEqual(cluster["circuit_breakers"]["thresholds"][0]["max_retries"], 0)
        self.assertEqual(cluster["health_checks"][0]["grpc_health_check"], {"service_name": "hekla.v1.Inference"})

    def test_only_the_public_service_is_routed(self):
        prefixes = re.findall(r"prefix: (\S+),", read("envoy", "envoy.yaml"))
        self.assertEqual(prefixes, ["/hekla.v1.Inference/", "/grpc.health.v1.Health/"])


if __name__ == "__main__":
    unittest.main()
