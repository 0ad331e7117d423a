"""The bench of fairness between tenants, short: it runs, and the tenants that do not flood lose nothing."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import cluster as c


class Fairness(unittest.TestCase):
    def test_short(self):
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report.json")
            command = [sys.executable, os.path.join(c.ROOT, "tests", "bench", "fairness.py"), "--seconds", "3", "--json", report]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120 * c.PATIENCE)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            with open(report) as file:
                content = json.load(file)
        self.assertEqual((len(content["calm"]), len(content["flooded"])), (10, 10))
        self.assertGreater(content["flooded"][-1]["requests"], 20 * content["calm"][-1]["requests"], "it floods")
        for each in content["calm"] + content["flooded"][:-1]:
            self.assertGreater(each["completed"], 0)
            self.assertEqual(each["failed"], 0)


if __name__ == "__main__":
    unittest.main()
