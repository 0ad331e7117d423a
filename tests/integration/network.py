"""Network namespaces as hosts: each has its own address and its cable to a common bridge, which can be pulled.

A program that is to use them calls enter() first: it starts again in user, network and mount namespaces of its own,
so no rights are needed, nothing of the machine's network is touched, and all of it goes when the program ends."""
import os
import subprocess
import sys
import tempfile

INSIDE = "HEKLA_TEST_INSIDE_NAMESPACES"
UNSHARE = ["unshare", "--map-root-user", "--net", "--mount"]


def enter():
    """Does not return where namespaces can be had; else Network() says why not."""
    if INSIDE in os.environ:
        return
    os.environ[INSIDE] = ""
    try:
        run(*UNSHARE, "true")
        os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, *sys.argv])
    except (OSError, subprocess.CalledProcessError) as error:
        os.environ[INSIDE] = reason(error)


class NoNetwork(Exception):
    """Namespaces, or what they are connected with, are not permitted here."""


class Network:
    """`names`: of the hosts, 10.77.0.2 and so on. This program itself is at the bridge, 10.77.0.1."""

    def __init__(self, names):
        self.addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, 2)}
        if os.environ.get(INSIDE):
            raise NoNetwork(f"no namespaces here: {os.environ[INSIDE]}")
        try:
            self._build()
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoNetwork(f"no network of namespaces here: {reason(error)}") from error

    def _build(self):
        run("mount", "-t", "tmpfs", "none", "/run")
        self._folder = tempfile.TemporaryDirectory()
        for name, text in (("hosts", ""), ("nsswitch.conf", "hosts: files\n")):  # name servers cannot be reached
            path = os.path.join(self._folder.name, name)
            with open(path, "w") as file:
                file.write(text)
            run("mount", "--bind", path, f"/etc/{name}")
        self.name_addresses({name: [name] for name in self.addresses})
        run("ip", "link", "add", "bridge", "type", "bridge")
        run("ip", "address", "add", "10.77.0.1/24", "dev", "bridge")
        run("ip", "link", "set", "bridge", "up")
        run("ip", "link", "set", "lo", "up")
        for name, address in self.addresses.items():
            run("ip", "netns", "add", name)
            run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                run("ip", "-n", name, "link", "set", device, "up")
            run("ip", "link", "set", name, "master", "bridge", "up")

    def name_addresses(self, hosts_of):
        """What the resolver of each host says from now on: name -> hosts whose addresses it has."""
        lines = [f"{self.addresses[host]} {name}\n" for name, hosts in hosts_of.items() for host in hosts]
        with open(os.path.join(self._folder.name, "hosts"), "w") as file:
            file.write("127.0.0.1 localhost\n" + "".join(lines))

    def host_of(self, place):
        """Of a host's name, or of its address, with or without a port."""
        place = place.split(":")[0]
        return next(name for name, address in self.addresses.items() if place in (name, address))

    def pull(self, name):
        """Nothing goes to the host or comes from it; nobody is told."""
        run("ip", "link", "set", name, "down")

    def plug(self, name):
        run("ip", "link", "set", name, "up")


def at(name):
    """What to put before a command that is to run on a host."""
    return ["ip", "netns", "exec", name]


def reason(error):
    return f"{error} {getattr(error, 'stderr', '')}".strip()


def run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)
