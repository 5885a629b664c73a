"""Several hosts on one machine: network namespaces joined by a bridge. Nothing leaves the machine.

Namespaces are named after this process and are removed with it. A thread is "on" a host while it is inside of
`hosts.on(i)`: sockets that it opens and processes that it starts belong to that host.
"""
import contextlib
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
NETWORK = "10.231.7"
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*args):
    done = subprocess.run(["ip", *args], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError(f"ip {' '.join(args)}: {done.stdout}")


class Hosts:
    """COUNT hosts, 10.231.7.1 up; `switch` is where their cables end."""

    def __init__(self, count):
        self.count = count
        self.prefix = f"wft{os.getpid()}"
        self.switch = f"{self.prefix}-sw"
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.fds = {}

    def name(self, i):
        return f"{self.prefix}-{i}"

    def address(self, i):
        return f"{NETWORK}.{i + 1}"

    def __enter__(self):
        try:
            _ip("netns", "add", self.switch)
            _ip("-n", self.switch, "link", "add", "br0", "type", "bridge")
            _ip("-n", self.switch, "link", "set", "br0", "up")
            for i in range(self.count):
                self._add(i)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _add(self, i):
        name, cable = self.name(i), f"c{i}"
        _ip("netns", "add", name)
        _ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", cable, "netns", self.switch)
        _ip("-n", self.switch, "link", "set", cable, "master", "br0", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "addr", "add", f"{self.address(i)}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        self.fds[i] = os.open(f"/run/netns/{name}", os.O_RDONLY)

    def __exit__(self, *_):
        for fd in self.fds.values():
            os.close(fd)
        self.fds = {}
        os.close(self.home)
        for name in [*(self.name(i) for i in range(self.count)), self.switch]:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)

    @contextlib.contextmanager
    def on(self, i):
        _setns(self.fds[i])
        try:
            yield
        finally:
            _setns(self.home)

    def unplug(self, i):
        """The host's cable: packets vanish, nobody is told."""
        _ip("-n", self.switch, "link", "set", f"c{i}", "down")

    def plug(self, i):
        _ip("-n", self.switch, "link", "set", f"c{i}", "up")
