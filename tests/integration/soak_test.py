"""tests/bench/soak.py for some seconds: its books are balanced while workers are replaced, and it says what it should."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import cluster as c


class Soak(unittest.TestCase):
    def test_some_seconds(self):
        with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
            done = subprocess.run(
                [sys.executable, os.path.join(c.ROOT, "tests", "bench", "soak.py"), "--minutes", "0.2", "--streams", "30", "--rate",
                 "50", "--tokens", "60", "--sample-seconds", "1", "--fault-seconds", "3", "--json", file.name],
                capture_output=True, text=True, timeout=240 * c.PATIENCE)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            written = json.load(file)
        self.assertEqual([row for row in written["table"] if not row["holds"]], [])
        samples = written["samples"]
        self.assertGreater(len(samples), 3)
        self.assertGreater(max(sample["in flight"] for sample in samples), 20)
        self.assertEqual(samples[-1]["in flight"], 0)
        self.assertGreater(samples[-1]["faults"], 0)
        self.assertGreater(samples[-1]["resumed"], 0, "a killed worker had streams")
        self.assertGreater(samples[-1]["cancelled"], 0)
        for sample in samples:
            self.assertGreater(min(sample["router"]), 0)
        self.assertRegex(done.stdout, r"router: memory, MB +[0-9.]+ +[0-9.]+ +[0-9.]+ ")


if __name__ == "__main__":
    unittest.main()
