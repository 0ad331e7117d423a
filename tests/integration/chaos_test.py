"""hekla bench --chaos: real router and fake workers, faults under load. Nothing is lost, repeated or changed."""
import json
import os
import subprocess
import unittest

import cluster as c


class Chaos(unittest.TestCase):
    def table(self, faults, *flags):
        command = [os.path.join(c.BIN, "hekla"), "bench", "--chaos", "--chaos-workers", "2", "--chaos-faults", faults,
                   "--requests", "120", "--clients", "16", "--output-tokens", "uniform:20,60", "--prompt-tokens",
                   "uniform:5,50", "--temperature", "0.8", "--json", "-", *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240 * c.PATIENCE)
        self.assertTrue(done.stdout, done.stderr)
        rows = json.loads(done.stdout)
        for row in rows:
            damage = [row[key] for key in ("lost", "duplicated_tokens", "skipped_tokens", "mismatched")]
            self.assertEqual((row["requests"], damage), (120, [0, 0, 0, 0]), row)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {row["fault"]: row for row in rows}

    def test_what_is_seen_at_once(self):
        rows = self.table("none,kill,link-reset,drain")
        self.assertNotIn("detected_seconds", rows["none"])
        for fault in ("kill", "link-reset", "drain"):
            self.assertIn("detected_seconds", rows[fault])
        for fault in ("kill", "link-reset"):
            self.assertGreater(rows[fault]["resumed"], 0, "streams ran at the worker that was struck")
        self.assertEqual(rows["drain"]["resumed"] + rows["none"]["resumed"], 0)

    def test_a_slow_worker_and_a_new_router(self):
        rows = self.table("slow,restart")
        self.assertIn("recovered_seconds", rows["restart"])

    def test_a_frozen_worker(self):
        """Its connections stay; only that nothing comes gives it away."""
        row = self.table("freeze")["freeze"]
        self.assertIn("detected_seconds", row)
        self.assertGreater(row["resumed"], 0)

    def test_a_fault_relents(self):
        """A load ends also where the router has not noticed the fault by then."""
        self.table("freeze", "--chaos-relent", "10ms")


if __name__ == "__main__":
    unittest.main()
