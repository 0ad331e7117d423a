"""The Kubernetes files: every object fits its schema, refers to what is there, asks for few rights; chart and base agree.

kubectl (1.27 or newer) builds the kustomizations, helm renders the chart; without helm, Go and sprig do, as far as our
templates need it. What is missing on this machine is skipped and said.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

import kubernetes_schema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KUBERNETES = os.path.join(ROOT, "deploy", "kubernetes")
CHART = os.path.join(ROOT, "deploy", "helm", "hekla")
SPRIG = "/usr/share/gocode/src/github.com/Masterminds/sprig"


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def read(*names):
    with open(os.path.join(KUBERNETES, *names), encoding="utf-8") as file:
        return documents(file.read())


def build(*folder):
    """What kubectl makes of a kustomization: a folder below deploy/kubernetes, or another's whole path."""
    path = os.path.join(KUBERNETES, *folder)
    version = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, timeout=60).stdout \
        if shutil.which("kubectl") else ""
    if not re.search(r"Kustomize Version: v[5-9]", version):
        raise unittest.SkipTest("no kubectl of 1.27 or newer here (Debian 12 has an older one)")
    done = subprocess.run(["kubectl", "kustomize", path], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"kubectl kustomize {path}: {done.stderr}")
    return documents(done.stdout)


def render(changes=None):
    """The chart's objects, with the chart's values and `changes` ({section: {key: value}})."""
    with open(os.path.join(CHART, "values.yaml"), encoding="utf-8") as file:
        values = yaml.safe_load(file)
    for section, change in (changes or {}).items():
        values[section].update(change)
    if shutil.which("helm"):
        command, environment = ["helm", "template", "hekla", CHART, "--kube-version", "1.30.0", "--values", "-"], os.environ
    elif shutil.which("go") and os.path.isdir(SPRIG):
        command = ["go", "run", os.path.join(ROOT, "tests", "deploy", "render_chart.go"), CHART]
        cache = os.path.join(tempfile.gettempdir(), "hekla-go")
        environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOCACHE=cache)
    else:
        raise unittest.SkipTest("neither helm here nor Go with sprig (golang-go, golang-github-masterminds-sprig-dev)")
    done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, timeout=300, env=environment)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: {done.stderr}")
    return documents(done.stdout)


def by_name(objects):
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def pod_specs(objects):
    for each in objects:
        if each["kind"] in ("Deployment", "StatefulSet"):
            yield each["metadata"]["name"], each["spec"]["template"]


class Objects(unittest.TestCase):
    """The files as they are, without any tool."""

    @classmethod
    def setUpClass(cls):
        cls.base = [each for name in ("namespace", "router", "worker", "network-policy") for each in read("base", name + ".yaml")]
        cls.monitoring = read("monitoring", "service-monitor.yaml") + read("monitoring", "prometheus-rule.yaml")
        cls.everything = cls.base + cls.monitoring + read("keda", "scaled-object.yaml") + read("production", "model-volume.yaml") \
            + read("tls", "certificate.yaml")

    def test_every_object_fits_its_schema(self):
        for each in self.everything:
            self.assertEqual(list(kubernetes_schema.check(each)), [], each["metadata"]["name"])

    def test_the_schema_finds_what_is_wrong(self):
        def broken(change):
            copies = by_name(documents(yaml.safe_dump_all(self.everything)))
            change(copies)
            return [error for each in copies.values() for error in kubernetes_schema.check(each)]

        def container(objects):
            return objects["StatefulSet", "hekla-worker"]["spec"]["template"]["spec"]["containers"][0]
        where = "StatefulSet.spec.template.spec.containers[0]"
        self.assertEqual(broken(lambda o: container(o).update(imagePullPolice="Always")), [f"{where}.imagePullPolice: no such field"])
        self.assertEqual(broken(lambda o: container(o).pop("name")), [f"{where}.name: missing"])
        self.assertEqual(broken(lambda o: container(o)["ports"][0].update(containerPort="8093")),
                         [f"{where}.ports[0].containerPort: '8093' is not of type int"])
        self.assertEqual(broken(lambda o: container(o)["readinessProbe"]["grpc"].pop("port")),
                         [f"{where}.readinessProbe.grpc.port: missing"])
        self.assertEqual(broken(lambda o: container(o).update(args="--insecure")), [f"{where}.args: '--insecure' is not a list"])
        self.assertEqual(broken(lambda o: o["ScaledObject", "hekla-worker"]["spec"].update(maxReplicas=3)),
                         ["ScaledObject.spec.maxReplicas: no such field"])
        self.assertEqual(broken(lambda o: o["Service", "hekla-router"].update(kind="Servce")), ["v1 Servce: no such kind is known here"])

    def test_containers_have_few_rights_and_are_watched(self):
        for name, template in pod_specs(self.base):
            spec = template["spec"]
            self.assertTrue(spec["securityContext"]["runAsNonRoot"], name)
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertFalse(spec["automountServiceAccountToken"], name)
            for container in spec["containers"]:
                rights = container["securityContext"]
                self.assertEqual((rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"], rights["capabilities"]),
                                 (False, True, {"drop": ["ALL"]}), name)
                self.assertIn("grpc", container["readinessProbe"], name)
                self.assertIn("livenessProbe", container, name)
                self.assertIn("memory", container["resources"]["limits"], name)
                drain = next(arg for arg in container["args"] if arg.startswith("--drain-limit="))
                wait = next((arg for arg in container["args"] if arg.startswith("--pre-stop-wait=")), "--pre-stop-wait=0s")
                longest = sum(int(re.search(r"=(\d+)s$", arg).group(1)) for arg in (drain, wait))
                self.assertGreater(spec["terminationGracePeriodSeconds"], longest, name)

    def test_names_and_ports_refer_to_what_is_there(self):
        objects = by_name(self.everything)
        pods = {tuple(sorted(template["metadata"]["labels"].items())): template["spec"]["containers"][0]
                for _, template in pod_specs(self.base)}
        ports = {}
        for each in self.everything:
            if each["kind"] == "Service":
                container = pods[tuple(sorted(each["spec"]["selector"].items()))]
                offered = {port["name"]: port["containerPort"] for port in container["ports"]}
                for port in each["spec"]["ports"]:
                    self.assertEqual(port["port"], offered[port["targetPort"]], each["metadata"]["name"])
                    ports[each["metadata"]["name"], port["port"]] = port["name"]
        for _, template in pod_specs(self.base):
            spec = template["spec"]
            self.assertIn(("ServiceAccount", spec["serviceAccountName"]), objects)
            for address in re.findall(r"--router=(\S+):(\d+)", " ".join(spec["containers"][0]["args"])):
                self.assertEqual(ports[address[0], int(address[1])], "admin")
        worker = objects["StatefulSet", "hekla-worker"]
        self.assertIn(("Service", worker["spec"]["serviceName"]), objects)
        scaled = objects["ScaledObject", "hekla-worker"]["spec"]["scaleTargetRef"]
        self.assertIn((scaled["kind"], scaled["name"]), objects)
        for monitor in self.monitoring[:2]:
            labels = monitor["spec"]["selector"]["matchLabels"]
            found = [each for each in self.base if each["kind"] == "Service" and labels.items() <= each["metadata"]["labels"].items()
                     and any(port["name"] == "metrics" for port in each["spec"]["ports"])]
            self.assertEqual(len(found), 1, labels)

    def test_policies_open_the_ports_that_are_needed_and_no_others(self):
        policies = {each["metadata"]["name"]: each["spec"] for each in self.base if each["kind"] == "NetworkPolicy"}
        for name, template in pod_specs(self.base):
            policy = policies[name]
            self.assertEqual(policy["podSelector"]["matchLabels"], template["metadata"]["labels"])
            self.assertEqual(sorted(policy["policyTypes"]), ["Egress", "Ingress"])
            opened = {port["port"] for rule in policy["ingress"] for port in rule["ports"]}
            self.assertEqual(opened, {port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}, name)

    def test_recorded_queries_of_the_autoscaler_exist(self):
        recorded = {rule["record"] for each in self.monitoring if each["kind"] == "PrometheusRule"
                    for group in each["spec"]["groups"] for rule in group["rules"] if "record" in rule}
        for trigger in read("keda", "scaled-object.yaml")[0]["spec"]["triggers"]:
            self.assertIn(trigger["metadata"]["query"], recorded)


class Kustomizations(unittest.TestCase):
    def test_all_of_them_build_and_fit_their_schema(self):
        for name in ("base", "production"):
            objects = build(name)
            for each in objects:
                self.assertEqual(list(kubernetes_schema.check(each)), [], f"{name}: {each['metadata']['name']}")
                if each["kind"] != "Namespace":
                    self.assertEqual(each["metadata"]["namespace"], "hekla", f"{name}: {each['metadata']['name']}")

    def test_production_changes_what_it_says(self):
        objects = by_name(build("production"))
        pod = objects["StatefulSet", "hekla-worker"]["spec"]["template"]["spec"]
        self.assertEqual(pod["containers"][0]["args"][0], "--model=/models/model.gguf")
        self.assertEqual(pod["containers"][0]["image"], "registry.example.com/hekla-worker:0.1.0")
        self.assertEqual(pod["containers"][0]["resources"]["limits"], {"memory": "16Gi", "nvidia.com/gpu": "1"})
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        self.assertIn(("PersistentVolumeClaim", volumes["models"]["persistentVolumeClaim"]["claimName"]), objects)
        boards = objects["ConfigMap", "hekla-dashboards"]["data"]
        self.assertEqual(sorted(boards), sorted(os.listdir(os.path.join(ROOT, "deploy", "grafana", "dashboards"))))

    def test_certificates_have_the_names_that_are_dialled(self):
        objects = by_name(build("production"))
        certificate = objects["Certificate", "hekla-tls"]["spec"]
        for _, template in pod_specs(objects.values()):
            secrets = [volume["secret"]["secretName"] for volume in template["spec"]["volumes"] if "secret" in volume]
            self.assertEqual(secrets, [certificate["secretName"]])
            container = template["spec"]["containers"][0]
            self.assertIn("/tls", [mount["mountPath"] for mount in container["volumeMounts"]])
            text = json.dumps(container)
            for host in re.findall(r"--(?:router|address|endpoint)=([^:\"]+):", text):
                wildcard = re.sub(r"^[^.]+\.", "*.", host)
                self.assertTrue({host, wildcard} & set(certificate["dnsNames"]), f"{host} is in no certificate")

    def test_every_kustomization_is_used(self):
        built = {os.path.dirname(path) for path in glob.glob(os.path.join(KUBERNETES, "*", "kustomization.yaml"))}
        self.assertEqual({os.path.basename(path) for path in built}, {"base", "monitoring", "keda", "gpu", "tls", "production"})


class Chart(unittest.TestCase):
    def test_its_defaults_are_the_base(self):
        base = by_name(each for name in ("router", "worker", "network-policy") for each in read("base", name + ".yaml"))
        self.assertEqual(by_name(render()), base)

    def test_its_switches(self):
        objects = by_name(render({"monitoring": {"enabled": True}, "keda": {"enabled": True}}))
        switched = [("monitoring", "service-monitor.yaml"), ("monitoring", "prometheus-rule.yaml"), ("keda", "scaled-object.yaml")]
        for each in [each for names in switched for each in read(*names)]:
            self.assertEqual(objects[each["kind"], each["metadata"]["name"]], each)

    def test_its_tls_is_the_component(self):
        with tempfile.TemporaryDirectory() as folder:
            base, tls = (os.path.relpath(os.path.join(KUBERNETES, name), os.path.realpath(folder)) for name in ("base", "tls"))
            with open(os.path.join(folder, "kustomization.yaml"), "w", encoding="utf-8") as file:
                yaml.safe_dump({"resources": [base], "components": [tls]}, file)
            built = by_name(build(folder))
        for name, each in by_name(render({"tls": {"secret": "hekla-tls"}})).items():
            built[name]["metadata"].pop("namespace", None)
            self.assertEqual(each, built[name])

    def test_values_reach_the_objects(self):
        worker = {"replicas": 5, "modelClaim": "models", "model": "/models/m.gguf", "args": ["--insecure", "--max-context", "8192"],
                  "env": [{"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "graphics"}],
                  "tolerations": [{"key": "gpu", "operator": "Exists"}]}
        objects = render({"worker": worker})
        for each in objects:
            self.assertEqual(list(kubernetes_schema.check(each)), [], each["metadata"]["name"])
        made = by_name(objects)["StatefulSet", "hekla-worker"]["spec"]
        pod = made["template"]["spec"]
        self.assertEqual((made["replicas"], pod["tolerations"]), (5, worker["tolerations"]))
        self.assertEqual(pod["containers"][0]["args"][0], "--model=/models/m.gguf")
        self.assertEqual(pod["containers"][0]["args"][-2:], ["--max-context", "8192"])
        self.assertEqual(pod["containers"][0]["env"][-1], worker["env"][0])
        self.assertEqual(pod["volumes"][1]["persistentVolumeClaim"]["claimName"], "models")


if __name__ == "__main__":
    sys.exit(unittest.main())
