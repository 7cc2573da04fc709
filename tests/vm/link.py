"""The driver in vnet/: links between fresh network namespaces, their counters, frames for them.

Most of it works without starting a program, which takes longer in an emulated machine than most tests do: a thread
enters a network namespace just as a process would.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from nic import (DELETE_MODULE, FINIT_MODULE, LIBC, OUT, PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS,
                 SO_RCVBUFFORCE, SOL_PACKET, TREE, Pktgen, mac, run, wait_for)
from netlink import queue_stats

VERSION = tuple(map(int, os.uname().release.split(".")[:2]))
MODULE = f"build/vnet/{os.environ['VNET_KERNEL']}/vnet.ko"
CLONE_NEWNET = 0x40000000
MS_BIND, MNT_DETACH = 4096, 2
ETH_P_ALL, ETH_P_IP, PACKET_STATISTICS = 3, 0x800, 6

SIOCETHTOOL, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS, ETHTOOL_GSSET_INFO, ETH_SS_STATS = 0x8946, 0x1b, 0x1d, 0x37, 1

# The numbered frames' UDP ports: one that nobody answers, and the first flow's.
DISCARD, FIRST_PORT = (9).to_bytes(2, "big"), 5000


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
        """Runs a function in it and returns its value."""
        return self.start(function).result()

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


def ethtool_request(sock, device, form, *values):
    """Makes a request of ethtool as old programs do; returns the structure as the kernel has filled it in."""
    request = ctypes.create_string_buffer(struct.pack(form, *values))
    fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", device.encode(), ctypes.addressof(request)))
    return request.raw[:struct.calcsize(form)]


class End:
    """One end of a link. `looped` counts the frames that its self-test has sent to itself."""

    def __init__(self, ns, name, address=None):
        self.ns, self.name, self.looped = ns, name, 0
        self.address = address

    @property
    def path(self):
        """Its folder in /sys."""
        return self.ns.sys / "class/net" / self.name

    def exists(self):
        """Whether it is still there."""
        return self.ns.fd is not None and self.path.exists()

    @property
    def mac(self):
        """Its hardware address."""
        return (self.path / "address").read_text().strip()

    def run(self, *command, **options):
        """Runs a command in its namespace."""
        return self.ns.run(*command, **options)

    def set(self, *words):
        """Runs `ip link set` on it."""
        self.ns.run("ip", "link", "set", self.name, *words)

    def up(self):
        """Brings it up."""
        self.ns.set_flag(self.name, 1)

    def down(self):
        """Takes it down."""
        path = self.path / "flags"
        path.write_text(hex(int(path.read_text(), 16) & ~1))

    def carrier(self):
        """Whether it says that it has a link; False while it is down."""
        with contextlib.suppress(OSError):
            return (self.path / "carrier").read_text() == "1\n"
        return False

    def ethtool(self, option, *settings, check=True):
        """Returns what `ethtool OPTION vn0 SETTINGS` prints."""
        return self.ns.run("ethtool", option, self.name, *settings, check=check)

    def stat(self, counter):
        """Returns one of the counters of `ip -s -s link`."""
        return int((self.path / "statistics" / counter).read_text())

    def stats(self):
        """Returns all of them."""
        return {path.name: int(path.read_text()) for path in (self.path / "statistics").iterdir()}

    def extra(self):
        """Returns what `ethtool -S` prints, as a dictionary; without the program, as tests ask often."""
        def ask():
            with socket.socket() as sock:
                count = ethtool_request(sock, self.name, "=IIQI", ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS, 0)[16:]
                count = int.from_bytes(count, "little")
                names = ethtool_request(sock, self.name, f"=III{32 * count}x", ETHTOOL_GSTRINGS, ETH_SS_STATS, count)[12:]
                values = ethtool_request(sock, self.name, f"=II{8 * count}x", ETHTOOL_GSTATS, count)[8:]
            return {name.rstrip(b"\0").decode(): value for (name,), (value,) in
                    zip(struct.iter_unpack("32s", names), struct.iter_unpack("=Q", values))}

        return self.ns.call(ask)

    def show(self):
        """Returns `ip -s -s -d -j link show` of it."""
        return json.loads(self.ns.run("ip", "-s", "-s", "-d", "-j", "link", "show", self.name))[0]

    def queue_stats(self):
        """Returns what each of its queues has counted: from the kernel's per-queue statistics, if it has them."""
        if VERSION >= (6, 9):
            return self.ns.call(lambda: queue_stats(socket.if_nametoindex(self.name)))
        queues = {}
        for name, value in self.extra().items():
            if match := re.fullmatch(r"([rt]x)(\d+)_(\w+)", name):
                queues.setdefault(int(match[2]), {})[f"{match[1]}_{match[3]}"] = value
        return [queues[number] for number in sorted(queues)]

    def id(self):
        """Returns its number in the module: the last word of bus-info."""
        return re.search(r"bus-info: vnet (\d+)", self.ethtool("-i")).group(1)

    def stall(self):
        """Lets its hardware hang, until the watchdog resets it."""
        Path("/sys/kernel/debug/vnet/stall").write_text(self.id())

    def bql(self, name, value=None):
        """Reads a file of byte_queue_limits of each of its queues, or writes it."""
        paths = sorted(self.path.glob(f"queues/tx-*/byte_queue_limits/{name}"))
        if value is None:
            return [int(path.read_text()) for path in paths]
        for path in paths:
            path.write_text(f"{value}\n")
        return None

    def packet_socket(self, ethertype=ETH_P_ALL, bypass=False):
        """Returns a packet socket on it; with type 0 it receives nothing, with bypass it sends past the qdisc."""
        def make():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
            sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, int(bypass))
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
            sock.bind((self.name, ethertype))
            sock.settimeout(30)
            return sock

        return self.ns.call(make)

    def pktgen(self, to, **settings):
        """Returns the kernel's packet generator, sending from here to the far end."""
        if not Path("/sys/module/pktgen").exists():
            run("modprobe", "pktgen")
        pktgen = self.ns.call(lambda: NetnsPktgen(self.name, **{"dst_mac": to.mac, **settings}))
        pktgen.ns = self.ns
        return pktgen


class NetnsPktgen(Pktgen):
    """Pktgen in a network namespace: whoever reads or writes its files must be in there."""

    ROOT = Path("/proc/thread-self/net/pktgen")
    ns = None

    def run(self):
        """Sends; returns (frames sent, errors)."""
        return self.ns.call(super().run)

    def remove(self):
        """Lets go of the device."""
        self.ns.call(super().remove)

    @contextlib.contextmanager
    def running(self):
        """Sends for as long as the block lasts."""
        job = self.ns.start(lambda: self.write("pgctrl", "start"))
        for cpu, flow in enumerate(self.flows):
            wait_for(lambda: re.search(f"Running:.* {flow}", self.ns.call((self.ROOT / f"kpktgend_{cpu}").read_text)),
                     f"{flow} to run")
        try:
            yield
        finally:
            self.ns.call(lambda: self.write("pgctrl", "stop"))
            job.result()


class Link:
    """Two ends and the wire between them; the same end twice if the wire comes back."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        self.directions = [(a, b), (b, a)] if a is not b else [(a, a)]

    def exists(self):
        """Whether both ends are still there."""
        return self.a.exists() and self.b.exists()

    def counters(self):
        """Returns all counters that move with the traffic."""
        return [end.stats() for end, _ in self.directions]

    def at_rest(self):
        """Waits until nothing moves any more, and checks that what was sent is accounted for."""
        def still():
            before = self.counters()
            time.sleep(0.02)
            return self.counters() == before and not any(sum(end.bql("inflight")) for end, _ in self.directions)

        wait_for(still, "the counters to stand still")
        for sender, receiver in self.directions:
            sent, got = sender.stats(), receiver.stats()
            ignored = sender.extra()["wire_ignored"] if sender is receiver else 0
            looped = receiver.looped - sender.looped
            account = got["rx_packets"] + got["rx_missed_errors"] + ignored - looped
            assert sent["tx_packets"] == account, f"{sender.name} to {receiver.name}: {sent} {got} {ignored}"
            if not (got["rx_missed_errors"] or ignored or looped):
                assert sent["tx_bytes"] == got["rx_bytes"], f"{sender.name} to {receiver.name}: {sent} {got}"


class Vnet:
    """The module, and what a test has made with it."""

    def __init__(self, kernel_log):
        self.log, self.links, self.namespaces = kernel_log, [], []
        self.root = Root()
        self.namespaces.append(self.root)
        self.before = self.root.devices()

    def load(self, **parameters):
        """Loads the module; returns what it said when it refused, or None."""
        (OUT / "loaded").write_text(MODULE)
        before = len(self.log.read())
        arguments = " ".join(f"{name}={value}" for name, value in parameters.items())
        with open(TREE / MODULE, "rb") as file:
            error = LIBC.syscall(FINIT_MODULE, file.fileno(), arguments.encode(), 0)
        said = [line for line in self.log.read()[before:] if re.match("vnet: (?!loading|module)", line)]
        return said[0] if error else None

    def unload(self):
        """Unloads it if it is loaded."""
        if Path("/sys/module/vnet").exists():
            error = LIBC.syscall(DELETE_MODULE, b"vnet", os.O_NONBLOCK)
            assert not error, f"rmmod vnet: {os.strerror(ctypes.get_errno())}"

    def namespace(self, name, **options):
        """Makes a network namespace that goes when the test ends."""
        namespace = Namespace(name, **options)
        self.namespaces.append(namespace)
        return namespace

    def add(self, *ends):
        """Takes a link into account that the test has made by itself; without a second end, one that comes back."""
        link = Link(ends[0], ends[-1])
        self.links.append(link)
        return link

    def pair(self, options="", peer="", up=True, quiet=True):
        """Makes vn0 in the namespace A and vn1 in B, with addresses 192.0.2.1 and .2, and returns the Link.

        `options` are those of vn0, as ip takes them (mtu 9000, numtxqueues 4 numrxqueues 4 …), `peer` those of vn1.
        """
        ns = [self.namespace(name, quiet=quiet) for name in "AB"]
        a, b = End(ns[0], "vn0", "192.0.2.1"), End(ns[1], "vn1", "192.0.2.2")
        ns[0].ip(f"link add vn0 {options} type vnet peer name vn1 netns B {peer}")
        link = self.add(a, b)
        for end in (b, a) if up else ():
            end.ns.ip(f"addr add {end.address}/24 dev {end.name}", f"link set {end.name} up")
        return link

    def single(self, wire, options="", quiet=True):
        """Makes vn0 in the namespace A, whose wire comes back, up, with the address 192.0.2.1."""
        end = End(self.namespace("A", quiet=quiet), "vn0", "192.0.2.1")
        end.ns.ip(f"link add vn0 {options} type vnet wire {wire}", "addr add 192.0.2.1/24 dev vn0", "link set vn0 up")
        return self.add(end)

    def at_rest(self):
        """Checks every link that still exists."""
        for link in self.links:
            if link.exists():
                link.at_rest()

    def end(self):
        """Takes everything away and checks that nothing is left."""
        try:
            self.unload()
            left = self.root.devices() - self.before
            assert not left, f"rmmod left {left}"
            for namespace in self.namespaces[1:]:
                if namespace.fd is not None:
                    assert not [name for name in namespace.devices() if name.startswith("vn")], namespace.name
        finally:
            for namespace in self.namespaces:
                namespace.delete()


class Collector:
    """Collects the numbers of the frames that an end receives, in the background, from Numbered()."""

    def __init__(self, end):
        self.sock = end.packet_socket(ETH_P_IP)
        self.sock.settimeout(0.1)
        self.flows, self.ending = {}, False
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        """Receives until it is told to end and nothing comes any more."""
        while True:
            try:
                frame = self.sock.recv(2048)
            except TimeoutError:
                if self.ending:
                    return
                continue
            except OSError:  # the device has gone down, and may come up again
                continue
            if frame[36:38] == DISCARD:
                flow = int.from_bytes(frame[34:36], "big") - FIRST_PORT
                self.flows.setdefault(flow, []).append(int.from_bytes(frame[42:46], "big"))

    def end(self):
        """Returns the numbers of each flow, when all that has come is read; none must have overflowed our socket."""
        self.ending = True
        self.thread.join()
        dropped = int.from_bytes(self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)[4:], "little")
        self.sock.close()
        assert not dropped, f"the test's own socket lost {dropped}"
        return self.flows


def numbered(end, to, flow, number):
    """Returns a frame for Collector: UDP for the port discard of a host that is not there, so nobody answers."""
    payload = number.to_bytes(4, "big").ljust(18, b"\0")
    udp = (FIRST_PORT + flow).to_bytes(2, "big") + DISCARD + (8 + len(payload)).to_bytes(2, "big") + bytes(2)
    ip = (b"\x45\0" + (28 + len(payload)).to_bytes(2, "big") + bytes(4) + b"\x40\x11\0\0"
          + socket.inet_aton("192.0.2.1") + socket.inet_aton("198.51.100.9"))
    total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
    checksum = 0xffff - (total + (total >> 16)) % 0x10000
    return (mac(to) + mac(end) + ETH_P_IP.to_bytes(2, "big") + ip[:10] + checksum.to_bytes(2, "big") + ip[12:]
            + udp + payload)


class Numbered:
    """Sends numbered frames in the background, each as often as it takes until the device has accepted it.

    They go past the qdisc, which may drop what it holds when queues go: what is accepted here has been given to
    the driver. Two threads send, on the two CPUs, and share the flows; past the qdisc the queue is the CPU's, otherwise
    (bypass=False) the flow's, if XPS is off.
    """

    def __init__(self, end, to, flows=2, bypass=True):
        self.sent, self.ending, self.bypass = [0] * flows, False, bypass
        macs = end.mac, to.mac
        self.jobs = [end.ns.start(lambda cpu=cpu: self.send(end, macs, cpu)) for cpu in range(min(2, flows))]

    def send(self, end, macs, cpu):
        """Sends every other flow, in turn, until it is told to end."""
        os.sched_setaffinity(0, {cpu})
        with end.packet_socket(0, self.bypass) as sock:
            while not self.ending:
                for flow in range(cpu, len(self.sent), 2):
                    try:
                        sock.send(numbered(*macs, flow, self.sent[flow]))
                    except OSError:  # full, or frozen: ENOBUFS
                        time.sleep(0.001)
                        break
                    self.sent[flow] += 1

    def end(self):
        """Stops, and returns how many frames of each flow were accepted."""
        self.ending = True
        for job in self.jobs:
            job.result()
        return self.sent
