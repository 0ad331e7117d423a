"""tests/bench/router_overhead.py at a small size: its counts hold, and it says what it should."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import cluster as c


class RouterOverhead(unittest.TestCase):
    def test_every_part_at_a_hundredth(self):
        with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
            script = os.path.join(c.ROOT, "tests", "bench", "router_overhead.py")
            done = subprocess.run([sys.executable, script, "--scale", "0.01", "--json", file.name], capture_output=True,
                                  text=True, timeout=240 * c.PATIENCE)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            rows = json.load(file)
        self.assertEqual([row for row in rows if not row["holds"]], [])
        measured = {row["what"]: row["measured"] for row in rows}
        self.assertEqual(measured["streams at once (20 clients)"], "20")
        self.assertEqual(measured["1000 cancels: left behind after them"], "0")
        self.assertEqual(measured["of these, not refused with QUEUE_FULL"], "0")


if __name__ == "__main__":
    unittest.main()
