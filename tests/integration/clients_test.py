"""The clients in other languages, and the hekla command, against real processes: all stream the same text."""
import os
import shutil
import subprocess
import unittest

import cluster as c

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_FOLDER = os.path.join(c.ROOT, "build", "node")
NODE_PACKAGES = ["@grpc/grpc-js@1.10", "@grpc/proto-loader@0.7"]


def install_node_packages():
    """Into build/node, once. Returns why it cannot be done, or None."""
    if not shutil.which("node"):
        return "node is not installed"
    if os.path.isdir(os.path.join(NODE_FOLDER, "node_modules", "@grpc", "grpc-js")):
        return None
    if not shutil.which("npm"):
        return "npm is not installed"
    os.makedirs(NODE_FOLDER, exist_ok=True)
    done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-save", "--prefix", NODE_FOLDER,
                           *NODE_PACKAGES], capture_output=True, text=True, timeout=120)
    return None if done.returncode == 0 else "npm install failed: " + done.stderr[-500:]


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = c.Cluster(workers=1).__enter__()
        request = c.make_request("Once upon a time", 64)
        cls.expected = c.generate(cls.cluster.stub, request).text

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def output_of(self, *command, **environment):
        done = subprocess.run(command, env=dict(os.environ, **environment), capture_output=True, text=True,
                              timeout=60 * c.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_python(self):
        text = self.output_of("/usr/bin/python3", os.path.join(HERE, "client.py"), self.cluster.address)
        self.assertEqual(text, self.expected)

    def test_node(self):
        missing = install_node_packages()
        if missing:
            self.skipTest(missing)
        text = self.output_of("node", os.path.join(HERE, "client.js"), self.cluster.address,
                              NODE_PATH=os.path.join(NODE_FOLDER, "node_modules"))
        self.assertEqual(text, self.expected)

    def test_hekla(self):
        text = self.output_of(os.path.join(c.BIN, "hekla"), "generate", "--address", self.cluster.address, "--quiet",
                              "--prompt", "Once upon a time", "--max-tokens", "64", "--temperature", "0")
        self.assertEqual(text.rstrip("\n"), self.expected.rstrip("\n"))

    def test_clients_are_short(self):
        for name in ("client.py", "client.js"):
            with open(os.path.join(HERE, name)) as file:
                self.assertLess(len(file.readlines()), 40, name)


if __name__ == "__main__":
    unittest.main()
