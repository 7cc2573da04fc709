"""Each allocation fails once: the error is told, nothing is left behind, and the device works on."""

import contextlib
import ctypes
import errno
import json
import os
import random
import socket
import struct

import pytest

import faults
from bpf import Program, index_of, load
from traffic import frame
from impaired import plain_queue
from link import MODULE, Vnet
from netlink import (ADDRESS, IFNAME, IMPAIR, INFO_DATA, LINKINFO, MTU, NET_NS_FD, NLA_F_NESTED, NUM_RX_QUEUES,
                     NUM_TX_QUEUES, PEER, PEER_IMPAIR, WIRE, XDP, XDP_ATTACHED, ask_link, attach_xdp, delete_link,
                     link_attributes, link_stats, parse, peer)
from nic import (DELETE_MODULE, FINIT_MODULE, HELLO, LIBC, OUT, PACKET_IGNORE_OUTGOING, SOL_PACKET, TREE, ethtool_counters,
                 ethtool_request, wait_for)
from torture import GRINGPARAM, SCHANNELS, SRINGPARAM
from test_vnet_xdp import mirror, second_link
from uapi import MS, UAPI, nest

# What the kernel says that finds no memory to note who holds what.
UNTRACKED = "ref_tracker: memory allocation failure"

pytestmark = [pytest.mark.skipif(not faults.POSSIBLE, reason="this kernel injects no faults: KERNEL=san does"),
              pytest.mark.expect_log(UNTRACKED)]

# What a failed allocation may come out as: of the kernel's core, some say what they wanted, not why they
# have it not; ENOBUFS is netlink's for an answer that was lost. EFAULT: the kernel counts what it copies
# from and to a program among them.
SAID = {errno.ENOMEM, errno.ENOBUFS, errno.EFAULT, errno.ENODEV, errno.EINVAL, errno.EEXIST, errno.ENFILE, errno.ENOENT, errno.ENOSPC}
LOST = -1
ETHTOOL_TEST, OFFLINE, FAILED = 0x1a, 1, 2
LIMIT = 20000  # no operation has as many allocations


@pytest.fixture
def injected(request):
    """Counts faults by operation, and adds them to the figures of this run."""
    faults.prepare()
    counts = {}
    yield counts
    path = OUT / "faults.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **counts}, indent=1) + "\n")


@pytest.fixture
def each(injected, request, seed):
    """A function that has every allocation of an operation fail in turn; with --faults, only so many of them."""
    most = request.config.getoption("--faults")
    rng = random.Random(seed)

    def run(name, function, after, ns=None):
        """after(error) is called after each, outside; it sees that all is as it was, or as it should be.

        The error is LOST if the kernel's answer was lost on its way: then both may be.
        """
        def once(number):
            value, count = ns.call(lambda: faults.nth(number, function)) if ns else faults.nth(number, function)
            error = value.errno if isinstance(value, OSError) else value[0] if isinstance(value, tuple) else value or 0
            assert not error or error in SAID, f"{name}, allocation {number}: {errno.errorcode.get(error, error)}"
            after(LOST if error == errno.EFAULT or ns and isinstance(value, OSError) else error)
            return count

        once(LIMIT)  # what is made at the first time only
        count = once(LIMIT)
        assert 0 < count < LIMIT, f"{name} does not end"
        print(f"{name}: {count} allocations")
        injected[name] = 0
        for number in rng.sample(range(1, count + 1), count) if most else range(1, count + 1):
            # There and back may differ, so that there is no such allocation this time.
            injected[name] += once(number) == number
            if most and injected[name] == most:
                break
        assert injected[name], f"{name} allocates nothing"

    return run


def alive(link):
    """Sees that frames cross, both ways."""
    for sender, receiver in link.directions:
        with receiver.packet_socket(HELLO) as sock, sender.packet_socket(0) as out:
            wait_for(lambda: sender.carrier() and receiver.carrier(), "the link")
            sent = frame(receiver, sender)
            out.send(sent)
            assert sock.recv(2048) == sent


# The kernel's own tracing warns when a module's tracepoints find no memory.
@pytest.mark.expect_log(rf"kernel/trace/trace_events\.c|{UNTRACKED}")
def test_module(kernel_log, each):
    """Loaded or not, never half."""
    vnet = Vnet(kernel_log)
    try:
        with open(TREE / MODULE, "rb") as file:
            def insert():
                ctypes.set_errno(0)
                return ctypes.get_errno() if LIBC.syscall(FINIT_MODULE, file.fileno(), b"", 0) else 0

            def after(error):
                loaded = os.path.exists("/sys/module/vnet")
                # Without memory for the knob there is none: nobody depends on debugfs.
                assert loaded or not os.path.exists("/sys/kernel/debug/vnet")
                assert loaded == (not error) or error == LOST
                if loaded:
                    assert LIBC.syscall(DELETE_MODULE, b"vnet", os.O_NONBLOCK) == 0

            each("module", insert, after)
        vnet.load()
        alive(vnet.pair())
    finally:
        vnet.end()


@pytest.mark.parametrize("kind", ["pair", "four queues", "loop", "reflect", "impaired"])
def test_creation(vnet, each, kind):
    """Of a link: both ends or none."""
    near, far = vnet.namespace("A"), vnet.namespace("B")
    data = {PEER: peer({IFNAME: "vn1", NET_NS_FD: far.fd})}
    if kind in ("loop", "reflect"):
        data = {WIRE: UAPI[f"VNET_WIRE_{kind.upper()}"]}
    if kind == "impaired":
        data[IMPAIR | NLA_F_NESTED] = nest({"DELAY": MS, "LOSS_MODEL": 5, "PATTERN": "3"})
    values = {NUM_TX_QUEUES: 4, NUM_RX_QUEUES: 4} if kind == "four queues" else {}

    def after(error):
        ends = len(near.devices()) + len(far.devices())
        whole = 1 + (PEER in data)
        assert ends in ((0, whole) if error == LOST else (0,) if error else (whole,)), (error, ends)
        if ends:
            assert near.call(lambda: delete_link("vn0")) == (0, "")

    each(f"creation, {kind}", lambda: ask_link({IFNAME: "vn0"} | values, data), after, near)


def test_open(vnet, each):
    """Up or down; and up at the next attempt."""
    link = vnet.pair(up=False)
    link.b.up()

    def after(error):
        up = int((link.a.path / "flags").read_text(), 16) & 1
        assert up == (not error) or error == LOST
        if up:
            link.a.down()

    fd = os.open(link.a.path / "flags", os.O_WRONLY)
    each("open", lambda: os.pwrite(fd, b"0x1003", 0) and 0, after)
    os.close(fd)
    link.a.up()
    alive(link)


@pytest.mark.parametrize("busy", [False, True])
def test_rings_and_channels(vnet, each, busy):
    """As they were, or as was asked; frames cross in both cases, and those under way are not lost."""
    link = vnet.pair("numtxqueues 4 numrxqueues 4", "numtxqueues 4 numrxqueues 4")
    if busy:
        link.a.impair("delay 5ms")

    # Made before: a thread that cannot come back from there, for want of memory, is no concern of the driver's.
    sock = link.a.ns.call(socket.socket)

    def rings():
        return struct.unpack("=9I", ethtool_request(sock, "vn0", "=9I", GRINGPARAM, *bytes(8)))[5]

    def channels():
        return len(list((link.a.path / "queues").glob("tx-*")))

    def change_rings(size):
        ethtool_request(sock, "vn0", "=9I", SRINGPARAM, 0, 0, 0, 0, size, 0, 0, size)
        return 0

    def change_channels(count):
        ethtool_request(sock, "vn0", "=9I", SCHANNELS, 0, 0, 0, 0, 0, 0, 0, count)
        return 0

    for what, change, read, values in (("rings", change_rings, rings, (64, 128)),
                                       ("channels", change_channels, channels, (2, 4))):
        for old, new in (values, reversed(values)):
            def after(error, change=change, read=read, old=old, new=new):
                now = read()
                assert now == (old if error else new) or error == LOST and now in (old, new)
                if busy:
                    with link.a.packet_socket(0) as sender:
                        sender.send(frame(link.b, link.a))
                change(old)

            change(old)
            each(f"{what} from {old} to {new}{', busy' * busy}", lambda change=change, new=new: change(new), after)
    alive(link)


def test_xdp(vnet, each):
    """Attached or not; what was there before stays."""
    link = vnet.pair()
    fd = load("pass")
    index = index_of(link.a)

    def after(error):
        attached = parse(link.a.ns.call(lambda: link_attributes("vn0"))[XDP])[XDP_ATTACHED] != b"\0"
        assert attached == (not error) or error == LOST
        if attached:
            assert link.a.ns.call(lambda: attach_xdp(index, -1)) == (0, "")

    each("XDP", lambda: attach_xdp(index, fd), after, link.a.ns)
    alive(link)


@pytest.mark.parametrize("before, settings", [
    ({}, {"DELAY": MS, "JITTER": MS // 4, "DISTRIBUTION": 1}),
    ({"SEED": 7, "DELAY": 1000}, {"LOSS_MODEL": 5, "PATTERN": "3,17-20"}),
    ({"SEED": 7, "DELAY": 1000}, {"RATE": 10**7, "QUEUE": 10, "FLAP_UP": 10**9, "FLAP_DOWN": 10**6}),
], ids=["first", "pattern", "rate and flaps"])
def test_impairments(vnet, each, before, settings):
    """Of both directions or of neither; of wires that never were impaired, too."""
    link = vnet.pair()
    ends = link.a, link.b
    shown = []

    def both(values):
        asked = nest(values)
        return ask_link({IFNAME: "vn0"}, {IMPAIR | NLA_F_NESTED: asked, PEER_IMPAIR | NLA_F_NESTED: asked}, flags=0)

    def show():
        infos = [parse(end.ns.call(lambda end=end: link_attributes(end.name))[LINKINFO]) for end in ends]
        return [parse(info.get(INFO_DATA, b"")).get(IMPAIR) for info in infos]

    def begin():
        if before:
            assert link.a.ns.call(lambda: both({"CLEAR": 1, **before})) == (0, "")
        shown[:] = show()

    def after(error):
        now = show()
        changed = [new != old for new, old in zip(now, shown, strict=True)]
        assert all(changed) if not error else not any(changed) or error == LOST and all(changed), (error, now, shown)
        if not before:
            assert link.a.ns.call(lambda: delete_link("vn0")) == (0, "")
            with_peer = {PEER: peer({IFNAME: "vn1", NET_NS_FD: link.b.ns.fd})}
            assert link.a.ns.call(lambda: ask_link({IFNAME: "vn0"}, with_peer)) == (0, "")
            for end in ends:
                end.up()
        begin()

    begin()
    each(f"impairments, {'/'.join(settings)}", lambda: both(settings), after, link.a.ns)
    for end in ends:
        vnet_clear(end)
    alive(link)


def test_impairments_find_nothing_twice(vnet, injected, request):
    """Half of a change's allocations fail, also what the kernel tries again elsewhere: still both directions or neither."""
    near, far = vnet.namespace("A"), vnet.namespace("B")
    both = {number | NLA_F_NESTED: nest({"DELAY": MS}) for number in (IMPAIR, PEER_IMPAIR)}
    answers = {0: 0, errno.ENOMEM: 0}

    def impaired(ns, name):
        info = parse(ns.call(lambda: link_attributes(name))[LINKINFO])
        return b"" != parse(info[INFO_DATA]).get(IMPAIR, b"")

    injected["impairments, by chance"] = 0
    for _ in range(150 if request.config.getoption("--faults") == 0 else 60):
        if not near.devices():
            assert near.call(lambda: ask_link({IFNAME: "vn0"}, {PEER: peer({IFNAME: "vn1", NET_NS_FD: far.fd})})) == (0, "")
        with faults.failing(50):
            error, _ = near.call(lambda: ask_link({IFNAME: "vn0"}, both, flags=0))
            injected["impairments, by chance"] += faults.happened()
        answers[error] += 1
        assert impaired(near, "vn0") == impaired(far, "vn1") == (not error)
        if not error:
            assert near.call(lambda: delete_link("vn0")) == (0, "")
    assert all(answers.values()), answers


def vnet_clear(end):
    """Makes a wire clean again."""
    end.ns.call(lambda: ask_link({IFNAME: end.name}, {IMPAIR | NLA_F_NESTED: nest({"CLEAR": 1})}, flags=0))


def test_other_requests(vnet, each):
    """MTU, address, counters, self-test."""
    link = vnet.pair()
    sock = link.a.ns.call(socket.socket)

    def mtu(error):
        now = int((link.a.path / "mtu").read_text())
        assert now == (1500 if error else 1400) or error == LOST and now in (1500, 1400)
        assert link.a.ns.call(lambda: ask_link({IFNAME: "vn0", MTU: 1500}, flags=0)) == (0, "")

    def selftest():
        _, flags, *_ = struct.unpack("=4I8Q", ethtool_request(sock, "vn0", "=4I8Q", ETHTOOL_TEST, OFFLINE, *[0] * 10))
        return errno.ENOMEM if flags & FAILED else 0

    each("MTU", lambda: ask_link({IFNAME: "vn0", MTU: 1400}, flags=0), mtu, link.a.ns)
    each("address", lambda: ask_link({IFNAME: "vn0", ADDRESS: bytes([2, 0, 0, 0, 0, 9])}, flags=0),
         lambda error: None, link.a.ns)
    each("counters", lambda: ethtool_counters("vn0") and 0, lambda error: None, link.a.ns)
    each("link shown", lambda: link_stats("vn0") and 0, lambda error: None, link.a.ns)
    each("self-test", selftest, lambda error: None)
    link.a.looped = link.a.stat("tx_packets")  # which end there
    alive(link)


def test_sending(vnet, each):
    """A frame that cannot be carried for want of memory is counted as lost, whatever the wire would have done."""
    link = vnet.pair()
    plain_queue(link.a)
    link.a.impair("delay 1ms jitter 0.2ms duplicate 50% corrupt 50% truncate 50% to 40 loss 10% reorder 20%"
                  " vlan push 5 seed 1")
    sock = link.a.packet_socket(0, bypass=True)
    one = frame(link.b, link.a, 1000)
    each("sending", lambda: sock.send(one) and 0, lambda error: None)
    link.at_rest()
    vnet_clear(link.a)
    alive(link)


IMPAIRED = "delay 1ms jitter 0.2ms duplicate 50% corrupt 50% truncate 50% to 40 reorder 20% vlan push 5"


@contextlib.contextmanager
def prepared(vnet, link, wire):
    """Makes a path of frames as it is to be; yields the program that sends such as never were the stack's, if there is one."""
    a, b = link.a, link.b
    with contextlib.ExitStack() as stack:
        program = None
        if wire in ("impaired", "XDP_TX"):
            (a if wire == "impaired" else b).impair(IMPAIRED)
        if wire == "plain":
            a.impair("vlan push 5")
            b.ethtool("-K", "rx", "off", "gro", "off", "rxhash", "off", "rxvlan", "off")
        if wire == "XDP":
            stack.enter_context(Program(b, "headroom"))
        if wire == "XDP_TX":
            stack.enter_context(Program(b, "tx"))
        if wire == "XDP both ways":
            program = stack.enter_context(Program(b, "redirect")).args(index_of(b))
            stack.enter_context(Program(a, "pass"))
        if wire == "redirect":
            other = second_link(vnet, link)
            program = stack.enter_context(Program(b, "redirect")).args(index_of(other.a))
            stack.enter_context(Program(other.b, "pass"))
            other.a.impair(IMPAIRED)
        if wire == "mirrored":
            other = second_link(vnet, link)
            stack.enter_context(Program(b, "meta"))
            b.run("tc", "qdisc", "add", "dev", b.name, "clsact")
            mirror(b, other.a)
        yield program
        for end in {a, b}:
            vnet_clear(end)


@pytest.mark.parametrize("wire", ["clean", "plain", "impaired", "XDP", "XDP_TX", "XDP both ways", "redirect",
                                  "mirrored", "loop", "reflect"])
def test_path_of_frames(vnet, injected, wire, request):
    """A third of the driver's allocations fail, in interrupts, too: what is lost is counted, and then all is well.

    Somebody looks on, so each frame is shared, and the driver must copy what it wants to write to. Some are too short
    for Ethernet, some have a tag; with a program there are also such as never were a frame of the stack's. Of what is
    mirrored, the copy has to lose what a program has said of it, and the other has to keep it.
    """
    link = vnet.single(wire) if wire in ("loop", "reflect") else vnet.pair()
    a, b = link.a, link.b
    plain_queue(a)
    count = 600 if request.config.getoption("--faults") == 0 else 120
    with prepared(vnet, link, wire) as program, a.packet_socket() as tap, a.packet_socket(0) as sock:
        tap.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 0)
        tap.setblocking(False)
        with faults.failing(33):
            for number in range(count):
                one = frame(b, a, 20 + 7 * number % 1440, 0x800 if wire == "reflect" else HELLO)
                one = one[:12] + number % 3 // 2 * b"\x81\x00\x00\x07" + one[12:]
                try:
                    sock.send(one)
                    if program:
                        program.feed(one, 4)
                except OSError as error:
                    assert error.errno in (errno.ENOBUFS, errno.ENOMEM)
                with contextlib.suppress(BlockingIOError):  # else pages of XDP's wait here, and the kernel for them
                    while tap.recv(1):
                        pass
            vnet.at_rest()
            injected[f"path of frames, {wire}"] = faults.happened()
    assert injected[f"path of frames, {wire}"] or wire in ("clean", "loop")  # which write to nothing but short ones
    if wire != "reflect":
        alive(link)


def test_copies(vnet, injected):
    """A frame that was to come twice and found no memory for its copy is counted: as that, and as lost."""
    link = vnet.pair()
    plain_queue(link.a)
    link.a.impair("duplicate 100%")
    with link.a.packet_socket(0) as sock:
        with faults.failing(33):
            for _ in range(200):
                with contextlib.suppress(OSError):
                    sock.send(frame(link.b, link.a))
            link.at_rest()
            injected["copies"] = faults.happened()
    extra = link.a.extra()
    assert extra["line_duplicated"] == extra["line_frames"] > extra["line_no_memory"] > 0
    assert extra["line_delivered"] == 2 * extra["line_frames"] - extra["line_no_memory"]
    alive(link)


@pytest.mark.parametrize("event", ["NETDEV_REGISTER", "NETDEV_POST_INIT"])
def test_somebody_refuses_a_new_device(vnet, injected, event):
    """Neither end stays."""
    near, far = vnet.namespace("C"), vnet.namespace("D")
    injected[event] = 0
    with faults.refusing_notifier(event):
        for data in ({PEER: peer({IFNAME: "vn1", NET_NS_FD: far.fd})}, {WIRE: UAPI["VNET_WIRE_LOOP"]}):
            assert near.call(lambda: ask_link({IFNAME: "vn0"}, data))[0] == errno.ENOMEM
            assert not near.devices() and not far.devices()
            injected[event] += 1
    alive(vnet.pair())
