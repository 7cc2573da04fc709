"""The driver in vnet/: links between fresh network namespaces, and their counters."""

import contextlib
import ctypes
import json
import os
import re
import socket
import time
from pathlib import Path

from frames import Collector, NetnsPktgen, Numbered
from netlink import (IFNAME, MTU, NET_NS_FD, NUM_RX_QUEUES, NUM_TX_QUEUES, PEER, add_address, ask_link, link_stats,
                     queue_stats)
from netlink import peer as as_peer
from netns import Namespace, Root
from nic import (DELETE_MODULE, FINIT_MODULE, LIBC, OUT, PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS, SO_RCVBUFFORCE,
                 SOL_PACKET, TREE, ethtool_counters, run, wait_for)

VERSION = tuple(map(int, os.uname().release.split(".")[:2]))
MODULE = f"build/vnet/{os.environ['VNET_KERNEL']}/vnet.ko"
ETH_P_ALL = 3
IN_FLIGHT = "in*ht"  # a file whose name is no word
# What pair() can ask for without ip, which takes longer to start than many a test.
OPTIONS = {"mtu": MTU, "numtxqueues": NUM_TX_QUEUES, "numrxqueues": NUM_RX_QUEUES}

# Counters that move with the traffic.
MOVING = ("rx_packets", "rx_bytes", "rx_dropped", "rx_missed_errors", "tx_packets", "tx_bytes", "tx_dropped")

# Counters of an impaired wire: of frames that do not arrive, or not yet; of those that do not as they were sent: a tag
# among the bytes may have come to lie beside them.
LINE_LOST = ("line_lost", "line_queue_drops", "line_limit_drops", "line_no_memory", "line_cut", "line_in_flight")
LINE_CHANGED = ("line_duplicated", "line_truncated", "line_vlan_popped", "line_vlan_translated", "line_vlan_pushed")


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

    def impair(self, words):
        """Runs `ip link set vn0 type vnet WORDS`: what the wire does to the frames that it sends."""
        self.ns.ip(f"link set {self.name} type vnet {words}")

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
        """Returns all of them, as they are at one moment."""
        return self.ns.call(lambda: link_stats(self.name))

    def extra(self):
        """Returns what `ethtool -S` prints, as a dictionary; without the program, as tests ask often."""
        return self.ns.call(lambda: ethtool_counters(self.name))

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
        """Reads a file of byte_queue_limits of each of its queues, or writes it; the name may be a pattern."""
        paths = sorted(self.path.glob(f"queues/tx-*/byte_queue_limits/{name}"))
        if value is None:
            return [int(path.read_text()) for path in paths]
        for path in paths:
            path.write_text(f"{value}\n")
        return None

    def packet_socket(self, ethertype=ETH_P_ALL, bypass=False):
        """Returns a packet socket on it; with type 0 it receives nothing, with bypass it sends past the qdisc."""
        def make():
            # Deaf until it is bound: one that hears all devices already is deaf for a while when it is bound to one.
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
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


class Link:
    """Two ends and the wire between them; the same end twice if the wire comes back."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        self.directions = [(a, b), (b, a)] if a is not b else [(a, a)]

    def exists(self):
        """Whether both ends are still there."""
        return self.a.exists() and self.b.exists()

    def numbered(self, **options):
        """Sends numbered frames from a to b in the background; returns the Collector and the Numbered."""
        return Collector(self.b), Numbered(self.a, self.b, **options)

    def look(self):
        """Returns the statistics of each end, and what its driver has counted besides."""
        return {end: (end.stats(), end.extra()) for end, _ in self.directions}

    @staticmethod
    def account(seen, sender, receiver):
        """Returns (frames, bytes) sent one way and how they are accounted for; None for bytes that nobody counts.

        `seen` is of look(). What a line copied was sent, too; what it lost, and what is under way in it, is accounted for.
        """
        (sent, extra), (got, _) = seen[sender], seen[receiver]
        looped = receiver.looped - sender.looped
        lost = (got["rx_missed_errors"] + (extra["wire_ignored"] if sender is receiver else 0) - looped
                + sum(extra[name] for name in LINE_LOST))
        uncounted = lost or looped or any(extra[name] for name in LINE_CHANGED)
        return ((sent["tx_packets"] + extra["line_duplicated"], None if uncounted else sent["tx_bytes"]),
                (got["rx_packets"] + lost, None if uncounted else got["rx_bytes"]))

    def at_rest(self):
        """Waits until nothing moves any more and nothing is under way; checks that what was sent is accounted for.

        Waits for that as well: of one frame, the counters are written one after the other.
        """
        self.conserved(empty=True)

    def conserved(self, empty=False):
        """Does the same for the moment: while frames are under way, but none waits in the sender for a rate."""
        def moving(seen):
            return [stats[name] for stats, _ in seen.values() for name in MOVING]

        def settled():
            before = moving(self.look())
            time.sleep(0.02)
            seen = self.look()
            if moving(seen) != before or empty and any(extra["line_in_flight"] for _, extra in seen.values()):
                return False
            return (all(sent == got for sent, got in self.accounts(seen))
                    and not any(sum(end.bql(IN_FLIGHT)) for end, _ in self.directions))

        try:
            wait_for(settled, "the link to be at rest", timeout=60)
        except AssertionError as error:
            seen = self.look()
            raise AssertionError(f"{error}; sent, accounted for: {self.accounts(seen)}; {list(seen.values())}") from None

    def accounts(self, seen):
        """Returns account() of each direction."""
        return [self.account(seen, *direction) for direction in self.directions]


def attributes_of(options):
    """Returns some of ip's words for a link as attributes; None if there is another among them."""
    words = options.split()
    if not set(words[::2]) <= set(OPTIONS):
        return None
    return {OPTIONS[name]: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


class Vnet:
    """The module, and what a test has made with it."""

    def __init__(self, kernel_log):
        self.log, self.links, self.namespaces = kernel_log, [], []
        self.root = Root()
        self.namespaces.append(self.root)
        self.before = self.root.devices()

    def load(self, **parameters):
        """Loads the module; returns what it said when it refused, or None."""
        # Else every namespace is born with the fallback devices of the tunnels that some test has loaded.
        Path("/proc/sys/net/core/fb_tunnels_only_for_init_net").write_text("1")
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
        near, far = attributes_of(options), attributes_of(peer)
        if near is None or far is None:
            ns[0].ip(f"link add vn0 {options} type vnet peer name vn1 netns B {peer}")
        else:
            far = as_peer({IFNAME: "vn1", NET_NS_FD: ns[1].fd, **far})
            assert ns[0].call(lambda: ask_link({IFNAME: "vn0", **near}, {PEER: far})) == (0, "")
        link = self.add(a, b)
        for end in (b, a) if up else ():
            end.ns.call(lambda: add_address(end.name, end.address))
            end.up()
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
