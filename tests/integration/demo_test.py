"""deploy/demo: runs once and ends well, leaves no process behind when it is interrupted, names taken ports."""
import os
import random
import signal
import socket
import subprocess
import unittest

import cluster as c

DEMO = os.path.join(c.ROOT, "deploy", "demo")


def free_ports():
    """The first of seven neighbouring ports that are free."""
    rng = random.SystemRandom()
    while True:
        first = rng.randrange(20000, 32000)
        try:
            for port in range(first, first + 7):
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


def processes_with(word):
    """Command lines of processes that have `word` among their arguments."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                command = file.read().split("\0")
        except OSError:
            continue
        if any(word in argument for argument in command) and int(pid) != os.getpid():
            found.append(" ".join(command))
    return found


@unittest.skipUnless(os.environ.get("HEKLA_PRESET", "release") == "release", "deploy/demo runs build/release")
class Demo(unittest.TestCase):
    def start(self, port, *flags):
        demo = subprocess.Popen([DEMO, "--no-build", "--port", str(port), *flags], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(demo.stdout.close)
        self.addCleanup(demo.kill)
        return demo

    def interrupt(self, number, after):
        port = free_ports()
        demo = self.start(port)
        for line in demo.stdout:
            if after in line:
                break
        self.assertTrue(processes_with(f"127.0.0.1:{port}"))
        demo.send_signal(number)
        demo.stdout.read()
        self.assertEqual(demo.wait(20 * c.PATIENCE), 128 + number)
        self.assertEqual(processes_with(f"127.0.0.1:{port}"), [])

    def test_once(self):
        port = free_ports()
        demo = self.start(port, "--once")
        output, _ = demo.communicate(timeout=120 * c.PATIENCE)
        self.assertEqual(demo.returncode, 0, output)
        self.assertIn("Once upon a time", output)
        self.assertIn("TTFT", output)
        self.assertIn("4 of 4 done", output)
        self.assertIn(f"http://127.0.0.1:{port + 2}/metrics", output)
        self.assertEqual(processes_with(f"127.0.0.1:{port}"), [])

    def test_interrupted_while_it_is_up(self):
        self.interrupt(signal.SIGINT, "until Ctrl-C")

    def test_ended_in_the_middle_of_the_story(self):
        self.interrupt(signal.SIGTERM, "A story")

    def test_port_taken(self):
        port = free_ports()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port + 1))
            listener.listen()
            output, _ = self.start(port, "--once").communicate(timeout=60)
        self.assertIn(f"taken: port {port + 1}", output)
        self.assertIn("--port", output)


if __name__ == "__main__":
    unittest.main()
