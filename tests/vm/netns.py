"""Network namespaces, entered by threads: to start a program takes longer in an emulated machine than most tests do."""

import ctypes
import os
import subprocess
import threading
from pathlib import Path

from nic import LIBC, run

CLONE_NEWNET = 0x40000000
MS_BIND, MNT_DETACH = 4096, 2


def call_libc(name, *arguments):
    """Calls a function of libc that returns -1 on failure."""
    if getattr(LIBC, name)(*arguments) == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


class Job(threading.Thread):
    """A function at work in a thread; result() waits for it and returns what it returned, or raises what it raised."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.value, self.error = function, None, None
        self.start()

    def run(self):
        try:
            self.value = self.function()
        except BaseException as error:  # handed on by result()
            self.error = error

    def result(self):
        """Waits for the function."""
        self.join()
        if self.error:
            raise self.error
        return self.value


class Namespace:
    """A network namespace with a name that ip knows, and its own view of /sys."""

    def __init__(self, name, quiet=True):
        self.name = name
        self.file, self.sys = Path("/run/netns") / name, Path("/run/netns-sys") / name
        Job(self.make).result()
        if quiet:  # IPv6 would send frames of its own
            for which in ("all", "default"):
                self.sysctl(f"net/ipv6/conf/{which}/disable_ipv6", 1)

    def make(self):
        """Makes it, in a thread that ends with it."""
        call_libc("unshare", CLONE_NEWNET)
        self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        for path in (self.file, self.sys):
            path.parent.mkdir(exist_ok=True)
        self.file.touch()
        self.sys.mkdir(exist_ok=True)
        call_libc("mount", b"/proc/thread-self/ns/net", bytes(self.file), b"none", MS_BIND, None)
        call_libc("mount", b"sys", bytes(self.sys), b"sysfs", 0, None)
        self.set_flag("lo", 1)

    def start(self, function):
        """Has a function run in it, in a thread of its own; what it starts lives there as well. Returns the Job."""
        def inside():
            call_libc("setns", self.fd, CLONE_NEWNET)
            return function()

        return Job(inside)

    def call(self, function):
        """Runs a function in it and returns its value. This thread goes there and comes back."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            call_libc("setns", self.fd, CLONE_NEWNET)
            try:
                return function()
            finally:
                call_libc("setns", before, CLONE_NEWNET)
        finally:
            os.close(before)

    def run(self, *command, **options):
        """Runs a command in it and returns its output, as run() does."""
        return self.call(lambda: run(*map(str, command), **options))

    def popen(self, *command):
        """Starts a command in it."""
        return self.call(lambda: subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))

    def ip(self, *lines):
        """Gives ip some commands, in one go; the first that fails ends it."""
        text = "\n".join(lines) + "\n"
        done = self.call(lambda: subprocess.run(["ip", "-batch", "-"], input=text, stdout=subprocess.PIPE,
                                                stderr=subprocess.STDOUT, text=True))
        assert done.returncode == 0, f"{text}{done.stdout}"
        return done.stdout

    def sysctl(self, name, value=None):
        """Writes a file of /proc/sys, or reads it."""
        path = Path("/proc/sys") / name
        return self.call(lambda: path.read_text().strip() if value is None else path.write_text(f"{value}\n"))

    def devices(self):
        """Returns the names of the devices in it, but for lo."""
        return {path.name for path in (self.sys / "class/net").iterdir()} - {"lo", "bonding_masters"}

    def set_flag(self, device, flag):
        """Sets a flag of a device, as `ip link set` does."""
        path = self.sys / "class/net" / device / "flags"
        path.write_text(hex(int(path.read_text(), 16) | flag))

    def delete(self):
        """Lets it go, and the devices in it. The kernel does so when it finds the time."""
        if self.fd is None:
            return
        call_libc("umount2", bytes(self.sys), MNT_DETACH)
        call_libc("umount2", bytes(self.file), MNT_DETACH)
        self.sys.rmdir()
        self.file.unlink()
        os.close(self.fd)
        self.fd = None


class Root(Namespace):
    """The network namespace that the machine has begun with."""

    def __init__(self):
        self.name, self.sys = "root", Path("/sys")
        self.fd = os.open("/proc/1/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def delete(self):
        """Stays; only our hold on it goes."""
        os.close(self.fd)
