"""Links under traffic while one thing after another happens to them, in a random order that a seed repeats.

Every so often all comes to rest: then each frame must be accounted for, and each link must work.
"""

import contextlib
import errno
import os
import random
import signal
import socket
import struct
import time
from pathlib import Path

from bpf import Loaded, index_of, load
from link import End
from netlink import (ADDRESS, IFNAME, IMPAIR, INFO_DATA, INFO_KIND, LINKINFO, MTU, NET_NS_FD, NLA_F_NESTED, NLM_F_CREATE,
                     NLM_F_EXCL, NUM_RX_QUEUES, NUM_TX_QUEUES, PEER, WIRE, IFINFOMSG, RTM_NEWLINK, add_address,
                     ask_link, attach_xdp, attribute, attributes, delete_link, peer, request)
from nic import LIBC, SLOWNESS, SO_SNDBUFFORCE, SO_TIMESTAMPNS, ethtool_request, mac, run, wait_for
from traffic import checksum
from uapi import MS, UAPI, nest, some_settings

PR_SET_PDEATHSIG = 1
NICENESS = 15  # of traffic: what happens to it would else wait for its turn most of the time
DISPATCHED, XDP_SKB_MODE = 48, 2  # BPF_DISPATCHER_MAX, XDP_FLAGS_SKB_MODE
IFLA_LINK, IFLA_NET_NS_FD, IFF_PROMISC, IFF_ALLMULTI = 5, 28, 0x100, 0x200
VLAN_ID = 1
# ethtool's old requests (include/uapi/linux/ethtool.h).
GCOALESCE, SCOALESCE, GRINGPARAM, SRINGPARAM, SPAUSEPARAM, SCHANNELS = 0xe, 0xf, 0x10, 0x11, 0x13, 0x3d
OFFLOADS = {"rx checksum": 0x15, "tx checksum": 0x17, "scatter-gather": 0x19, "TSO": 0x1f, "GSO": 0x24, "GRO": 0x2c}
PROGRAMS = ("pass", "drop", "tx", "scribble", "push", "pop", "headroom", "tail", "frags_pass", "frags_scribble")

# How a request may be refused: it makes no sense now, or what it is about has just gone or is down. What
# takes memory (ENOMEM) is not refused here.
REFUSALS = {errno.EINVAL, errno.ERANGE, errno.EBUSY, errno.EOPNOTSUPP, errno.ENETDOWN, errno.EEXIST, errno.ENODEV}

OPERATIONS = {}


def operation(weight=1):
    """Makes a method one of the things that happen, `weight` times as often as others."""
    def register(method):
        OPERATIONS[method] = weight
        return method

    return register


class Slot:
    """A place for a link: two namespaces, or one for a wire that comes back; and the traffic there."""

    def __init__(self, number, vnet, rng, wire=None):
        self.number, self.vnet, self.rng, self.wire = number, vnet, rng, wire
        self.link, self.processes, self.sprayer = None, [], None

    def make(self):
        """Makes the link again if it is not whole; returns whether it was not."""
        if self.link and self.link.exists():
            return False
        self.end_traffic()
        if self.link:
            self.vnet.links.remove(self.link)
        names = [f"{self.number}{side}" for side in ("AB" if not self.wire else "A")]
        ends = []
        for side, name in enumerate(names):
            old = self.link and (self.link.a, self.link.b)[side].ns
            ns = old if old and old.fd is not None else self.vnet.namespace(name)
            ends.append(End(ns, f"vn{side}", f"192.0.2.{side + 1}"))
        queues = {name: self.rng.choice((1, 2, 4)) for name in (NUM_TX_QUEUES, NUM_RX_QUEUES)}
        data = {WIRE: self.wire} if self.wire else {PEER: peer({IFNAME: "vn1", NET_NS_FD: ends[1].ns.fd})}

        def made():
            # Right after a deletion the other end may not be gone yet.
            return ends[0].ns.call(lambda: ask_link({IFNAME: "vn0", **queues}, data)) == (0, "")

        wait_for(made, f"a link {names}")
        self.link = self.vnet.add(*ends)
        for end in ends:
            end.ns.call(lambda end=end: add_address(end.name, end.address))
            end.up()
        return True

    def ends(self):
        """Returns its one or two ends."""
        return [a for a, _ in self.link.directions]

    def spray(self, ends=None, going=False):
        """Has a process of its own send frames from some ends, or all, as long as it lives, whatever becomes of them.

        If they are about to go, it sends anew, and never past the qdisc: there, the kernel divides by the number of the
        device's queues (packet_pick_tx_queue), and sets that to 0 (remove_queue_kobjects) when nobody can find the device
        any more; but who has found it before may not have come to divide yet.
        """
        if self.sprayer and not going:
            return
        self.end_spray()
        ends = ends or self.ends()
        known = {}

        def address(end):
            with contextlib.suppress(OSError):  # it has gone with its namespace
                known[end] = end.mac
            return known[end]

        for end in self.ends():
            known[end] = "ff:ff:ff:ff:ff:ff"
            address(end)
        self.sprayer = os.fork()
        if self.sprayer:
            return
        os.nice(NICENESS)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {self.number % 2})
        # What was open is open here, too, and would keep other links' namespaces from going.
        for fd in {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, *(end.ns.fd for end in ends)}:
            with contextlib.suppress(OSError):
                os.close(fd)
        rng, sockets = random.Random(self.number), {}
        frames = [(end, peer) for end, peer in self.link.directions if end in ends]
        while True:
            time.sleep(0.001 if SLOWNESS == 1 else 0.1)
            end, to = rng.choice(frames)
            try:
                if end not in sockets:
                    sockets[end] = end.packet_socket(0, bypass=not going and rng.random() < 0.5), address(end), address(to)
                sock, *macs = sockets[end]
                for _ in range(rng.randrange(1, 30)):
                    sock.send(bytes_of(rng, *macs))
            except (OSError, AssertionError):  # down, full, gone, or another address
                if sockets.pop(end, None) and rng.random() < 0.1:
                    time.sleep(0.01)

    def tend(self):
        """Starts what traffic has died or was never there.

        A kernel that watches itself frees by RCU what it has noted of each frame. If it has no time to spare for that,
        more and more of it waits, and whatever waits for RCU waits behind it: so there, traffic is less than would pass.
        """
        self.spray()
        self.processes = [(end, process) for end, process in self.processes if process.poll() is None]
        if self.processes or not self.link.exists():
            return
        a, b = self.link.a, self.link.b
        fast = ["-f"] if SLOWNESS == 1 else ["-i", "0.01"]
        commands = [(a, ["ping", *fast, "-q", "-s", "200", "192.0.2.2"])]
        if a is not b:
            words = self.rng.choice(([], ["-u", "-b", "20M"], ["-R"], ["-M", "600"]))
            if SLOWNESS > 1:
                words = [word for word in words if word not in ("-b", "20M")] + ["-b", "1M"]
            commands += [(b, ["iperf3", "-s", "-1"]), (b, ["ping", *fast, "-q", "192.0.2.1"]),
                         (a, ["sh", "-c", f"sleep 1; exec iperf3 -c 192.0.2.2 -t 1000 {' '.join(words)}"])]
        for end, command in commands:
            self.processes.append((end, end.ns.popen("nice", "-n", NICENESS, "setpriv", "--pdeathsig", "KILL", *command)))

    def alive(self):
        """Returns the programs that are at work."""
        programs = [process.args[process.args.index("KILL") + 1] for _, process in self.processes if process.poll() is None]
        return ["iperf3" if program == "sh" else program for program in programs]

    def end_spray(self):
        """Ends that process."""
        if self.sprayer:
            os.kill(self.sprayer, signal.SIGKILL)
            os.waitpid(self.sprayer, 0)
            self.sprayer = None

    def end_traffic(self, of=None):
        """Ends it; of the programs, perhaps only those of one end."""
        self.end_spray()
        ended = [process for end, process in self.processes if of in (None, end)]
        for process in ended:
            process.send_signal(signal.SIGKILL)
        for process in ended:
            process.communicate()
        self.processes = [(end, process) for end, process in self.processes if process not in ended]


def bytes_of(rng, sender, receiver):
    """Returns a frame of some length, for a port that nobody listens at; tagged now and then."""
    payload = bytes(rng.choice((18, 18, 200, 1000, 1472)))
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, bytes([192, 0, 2, 1]),
                     bytes([198, 51, 100, 9]))
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    tag = rng.choice((b"", b"", b"", b"\x81\x00\x00\x05"))
    return (mac(receiver) + mac(sender) + tag + b"\x08\x00" + ip
            + struct.pack("!HHHH", rng.randrange(5000, 5100), 9, 8 + len(payload), 0) + payload)


def refused(command):
    """Runs a program; returns 0, or EINVAL if it says no."""
    try:
        command()
    except AssertionError:
        return errno.EINVAL
    return 0


def fill_dispatcher(ns):
    """Keeps the kernel from patching its code whenever a program comes or goes, by having as many as it patches for.

    It jumps to up to 48 XDP programs directly, which it can only do by writing them into the code that frames run
    through at that moment; an emulator may go on with what it has translated before (see tools/test).
    """
    for number in range(DISPATCHED):
        name = f"filler{number}"
        assert ns.call(lambda: ask_link({IFNAME: name}, kind="dummy")) == (0, "")
        fd = load("pass")
        assert ns.call(lambda: attach_xdp(socket.if_nametoindex(name), fd, XDP_SKB_MODE)) == (0, "")
        os.close(fd)


@contextlib.contextmanager
def unpatched():
    """Keeps the kernel from patching two more things meanwhile, for the same reason: how it chooses a queue, by having one
    device that has a queue for a CPU; and the path of frames, whenever the first ping begins and the last one ends, to
    stamp them with the time or not."""
    run("ip", "link", "add", "filler", "numtxqueues", "2", "type", "dummy")
    Path("/sys/class/net/filler/queues/tx-0/xps_cpus").write_text("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stamps:
        stamps.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        try:
            yield
        finally:
            run("ip", "link", "del", "filler")


@contextlib.contextmanager
def no_orphans():
    """Has TCP give up at once what a program that was killed has left; else it holds its namespace for minutes."""
    path = Path("/proc/sys/net/ipv4/tcp_max_orphans")
    before = path.read_text()
    path.write_text("-1\n")
    try:
        yield
    finally:
        path.write_text(before)


class Torture:
    """Two pairs, and a wire of each of the other kinds; operations on them, counted by name as done or refused."""

    def __init__(self, vnet, seed, log):
        self.vnet, self.rng, self.log = vnet, random.Random(seed), log
        loop, reflect = UAPI["VNET_WIRE_LOOP"], UAPI["VNET_WIRE_REFLECT"]
        self.slots = [Slot(number, vnet, self.rng, wire) for number, wire in enumerate((None, None, loop, reflect))]
        self.done, self.refused, self.rests, self.frames = {}, {}, 0, 0
        self.traffic = {"ping": 0, "iperf3": 0, "pktgen": 0}  # programs alive at a rest; frames that pktgen has sent
        self.program = {name: Loaded.get(name) for name in PROGRAMS}
        self.gone, self.noticed = 0, 0  # namespaces of a link that have gone under traffic; hangs that the watchdog has seen
        self.sent, self.pktgen, self.history = {}, None, []
        fill_dispatcher(vnet.namespace("fillers"))

    def make(self):
        """Makes all links that are not there, and traffic on them."""
        for slot in self.slots:
            slot.make()

    def tend(self):
        """Sees to it that there are links, and traffic."""
        self.make()
        for slot in self.slots:
            slot.tend()
        if not self.pktgen:
            self.flood()

    def flood(self):
        """Has the kernel send from the first pair on two CPUs, a frame in 0.3 or 10 ms each, so that others have a turn."""
        link = self.slots[0].link
        with contextlib.suppress(OSError):  # it is down just now
            pktgen = link.a.pktgen(link.b, count=0, delay=300000 if SLOWNESS == 1 else 10 * MS)
            pktgen.context = pktgen.running()
            pktgen.context.__enter__()
            self.pktgen = pktgen

    def end_flood(self):
        """Ends that."""
        if self.pktgen:
            with contextlib.suppress(OSError):  # its device has gone
                self.pktgen.context.__exit__(None, None, None)
                self.traffic["pktgen"] += self.pktgen.sent()
                self.pktgen.remove()
            self.pktgen = None

    def run(self, operations, rest=100, until=None):
        """Has so many things happen, or as many as go until a time; all comes to rest after every `rest` of them."""
        with unpatched(), no_orphans():
            try:
                return self.go_on(operations, rest, until)
            finally:
                self.end_flood()
                for slot in self.slots:
                    slot.end_traffic()

    def go_on(self, operations, rest, until):
        """Does that, and leaves the traffic of an operation that has failed to its caller."""
        methods, weights = list(OPERATIONS), list(OPERATIONS.values())
        total = 0
        while total < operations and not (until and time.monotonic() > until):
            if total % rest == 0:
                self.tend()
            for slot in self.slots:
                if slot.make():
                    slot.tend()
                    if slot is self.slots[0]:
                        self.end_flood()
                        self.flood()
                slot.spray()
            method = self.rng.choices(methods, weights)[0]
            self.happen(method)
            total += 1
            if total % rest == 0:
                self.rest()
                if operations > rest:
                    print(f"{total} operations", flush=True)
        self.rest()
        return total

    def happen(self, method):
        """Has one thing happen to some end of some link."""
        slot = self.rng.choice(self.slots)
        end = self.rng.choice(slot.ends())
        name = method.__name__
        self.history.append(f"{name} {end.ns.name}/{end.name}")
        try:
            refusal = method(self, slot, end) or 0
        except OSError as error:
            refusal = error.errno
        if refusal:
            assert refusal in REFUSALS, f"{self.history[-1]}: {errno.errorcode.get(refusal, refusal)}"
        count, key = (self.refused, f"{name}: {errno.errorcode[refusal]}") if refusal else (self.done, name)
        count[key] = count.get(key, 0) + 1

    def rest(self):
        """Ends all traffic and every peculiarity; then every frame must be accounted for, and every link must work."""
        self.end_flood()
        for slot in self.slots:
            for program in slot.alive():
                self.traffic[program] += 1
            slot.end_traffic()
        self.make()
        for slot in self.slots:
            for end in slot.ends():
                end.ns.call(lambda end=end: attach_xdp(index_of(end), -1))
                self.ask(end, {}, {IMPAIR | NLA_F_NESTED: nest({"CLEAR": 1})})
                self.ask(end, {MTU: 1500})
                end.down()  # whatever hangs is reset
            for end in slot.ends():
                end.up()
        for slot in self.slots:
            try:
                slot.link.at_rest()
                self.check(slot)
            except AssertionError as error:
                raise AssertionError(f"{error}\nwhat had happened, last: {self.history[-60:]}") from None
            for end in slot.ends():
                key, sent = (end.ns, index_of(end)), end.stat("tx_packets")
                self.frames += sent - self.sent.get(key, 0)
                self.sent[key] = sent
        self.rests += 1

    def check(self, slot):
        """Sees that a link works."""
        def answered():
            return " 0% packet loss" in slot.link.a.run("ping", "-c", "2", "-i", "0.01", "-W", "5", "192.0.2.2",
                                                        check=False)

        if slot.wire != UAPI["VNET_WIRE_LOOP"]:  # nobody answers there
            wait_for(answered, f"an answer in {slot.link.a.ns.name}")
        slot.link.at_rest()

    def ask(self, end, values, data=None):
        """Changes an end by netlink; returns the errno, or 0."""
        return end.ns.call(lambda: ask_link({IFNAME: end.name, **values}, data, flags=0))[0]

    def ethtool(self, end, form, *values):
        """Makes one of ethtool's requests."""
        def make():
            with socket.socket() as sock:
                return ethtool_request(sock, end.name, form, *values)

        return end.ns.call(make)

    # What can happen.

    @operation(3)
    def goes_down_and_up(self, slot, end):
        end.down()
        end.up()

    @operation(2)
    def goes_down(self, slot, end):
        end.down()

    @operation(4)
    def goes_up(self, slot, end):
        end.up()

    @operation(1)
    def is_deleted(self, slot, end):
        slot.spray(going=True)
        return end.ns.call(lambda: delete_link(end.name))[0]

    @operation(0.3)
    def namespace_goes(self, slot, end):
        # Who is in there holds it, so traffic goes on at the other end only.
        others = [other for other in slot.ends() if other is not end]
        slot.end_traffic(of=end)
        if slot is self.slots[0] and end is slot.link.a:
            self.end_flood()
        if others:
            slot.spray(others, going=True)
        end.ns.delete()
        for other in others:
            wait_for(lambda other=other: not other.exists(), f"a link to go with {end.ns.name}")
            self.gone += 1
        # Then the other one. The next link is made in new ones.
        slot.end_traffic()
        if slot is self.slots[0]:
            self.end_flood()
        for other in others:
            other.ns.delete()

    @operation(0.2)
    def module_goes_and_comes(self, slot, end):
        for each in self.slots:
            each.spray(going=True)
        self.vnet.unload()
        assert self.vnet.load() is None

    @operation(3)
    def rings_change(self, slot, end):
        sizes = [self.rng.choice((16, 64, 256, 1024, 5000)) for _ in range(2)]
        self.ethtool(end, "=9I", SRINGPARAM, 0, 0, 0, 0, sizes[0], 0, 0, sizes[1])

    @operation(3)
    def channels_change(self, slot, end):
        self.ethtool(end, "=9I", SCHANNELS, 0, 0, 0, 0, 0, 0, 0, self.rng.choice((1, 2, 3, 4, 5)))

    @operation(3)
    def coalescing_changes(self, slot, end):
        words = list(struct.unpack("=23I", self.ethtool(end, "=23I", GCOALESCE, *[0] * 22)))
        words[0], words[1], words[2] = SCOALESCE, self.rng.choice((0, 5, 50, 1000)), self.rng.choice((0, 1, 16, 64))
        self.ethtool(end, "=23I", *words)

    @operation(2)
    def pause_changes(self, slot, end):
        self.ethtool(end, "=4I", SPAUSEPARAM, 0, self.rng.randrange(2), self.rng.randrange(2))

    @operation(3)
    def offload_changes(self, slot, end):
        self.ethtool(end, "=II", self.rng.choice(list(OFFLOADS.values())), self.rng.randrange(2))

    @operation(4)
    def program_comes(self, slot, end):
        name = self.rng.choice([name for name in PROGRAMS if name != "tx" or not slot.wire])
        return end.ns.call(lambda: attach_xdp(index_of(end), self.program[name].fd))[0]

    @operation(3)
    def program_goes(self, slot, end):
        return end.ns.call(lambda: attach_xdp(index_of(end), -1))[0]

    @operation(8)
    def impairments_change(self, slot, end):
        return self.ask(end, {}, {IMPAIR | NLA_F_NESTED: nest(some_settings(self.rng))})

    @operation(3)
    def impairments_go(self, slot, end):
        return self.ask(end, {}, {IMPAIR | NLA_F_NESTED: nest({"CLEAR": 1})})

    @operation(3)
    def mtu_changes(self, slot, end):
        return self.ask(end, {MTU: self.rng.choice((68, 576, 1280, 1500, 3000, 9000, 65535))})

    @operation(1)
    def address_changes(self, slot, end):
        return self.ask(end, {ADDRESS: bytes([2, *self.rng.randbytes(5)])})

    @operation(2)
    def promiscuity_changes(self, slot, end):
        path = end.path / "flags"
        path.write_text(hex(int(path.read_text(), 16) ^ self.rng.choice((IFF_PROMISC, IFF_ALLMULTI))))

    @operation(2)
    def vlan_comes(self, slot, end):
        info = attributes({INFO_KIND: "vlan", INFO_DATA: attribute(VLAN_ID, struct.pack("=H", 5))})

        def make():
            index = socket.if_nametoindex(end.name)
            return request(RTM_NEWLINK, IFINFOMSG + attributes({IFNAME: f"{end.name}.5", IFLA_LINK: index,
                                                               LINKINFO: info}), NLM_F_CREATE | NLM_F_EXCL)[0]

        error = end.ns.call(make)
        with contextlib.suppress(OSError):
            end.ns.set_flag(f"{end.name}.5", 1)
        return error

    @operation(2)
    def vlan_goes(self, slot, end):
        return end.ns.call(lambda: delete_link(f"{end.name}.5"))[0]

    @operation(1)
    def hardware_hangs(self, slot, end):
        Path("/sys/kernel/debug/vnet/stall").write_text(end.id())

    @operation(0.1)
    def hang_is_noticed(self, slot, end):
        for each in slot.ends():
            self.ask(each, {}, {IMPAIR | NLA_F_NESTED: nest({"CLEAR": 1})})
            each.up()
        before = end.extra()["tx_timeouts"]
        self.hardware_hangs(slot, end)
        data = bytes_of(self.rng, end.mac, end.mac)[:60]  # which any MTU lets pass
        with end.packet_socket(0, bypass=True) as sock:
            sock.setblocking(False)
            # Nobody misses what a queue holds as long as it takes more, so it must be filled.
            sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 26)

            def noticed():
                with contextlib.suppress(OSError):  # the ring is full, as it should be
                    for _ in range(100):
                        sock.send(data)
                return end.extra()["tx_timeouts"] > before

            wait_for(noticed, f"the watchdog of {end.ns.name}/{end.name}", timeout=60)
        self.noticed += 1

    @operation(1)
    def is_asked(self, slot, end):
        end.show()
        end.extra()

    @operation(0.5)
    def steering_changes(self, slot, end):
        return refused(lambda: end.ethtool("-X", "equal", str(self.rng.choice((1, 2)))))

    @operation(0.5)
    def moves_and_comes_back(self, slot, end):
        error = self.ask(end, {IFLA_NET_NS_FD: self.vnet.root.fd, IFNAME: end.name})
        if not error:
            error = self.vnet.root.call(
                lambda: ask_link({IFNAME: end.name, IFLA_NET_NS_FD: end.ns.fd}, flags=0))[0]
            assert not error, f"{end.ns.name}/{end.name} does not come back: {error}"
            end.ns.call(lambda: add_address(end.name, end.address))
        return error

    @operation(0.5)
    def qdisc_changes(self, slot, end):
        kind = self.rng.choice(("fq_codel", "pfifo", "mq", "fq"))
        return refused(lambda: end.run("tc", "qdisc", "replace", "dev", end.name, "root", kind))
