"""A thousand impaired pairs at once: each does what it was asked for, and none is left when they go."""

import contextlib
import socket
import struct

import pytest

from impaired import MS
from netlink import (IFNAME, IMPAIR, LINKINFO, NET_NS_FD, NLA_F_NESTED, NLM_F_DUMP, NLM_F_REQUEST, NUM_RX_QUEUES,
                     NUM_TX_QUEUES, PEER, PEER_IMPAIR, RTM_GETLINK, RTM_NEWLINK, ask_link, attributes, parse, request)
from netlink import peer as peer_of
from nic import PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE, SOL_PACKET, wait_for

DELAY, LOSS_MODEL, LOSS_PATTERN, PATTERN = 5, 12, 5, 48  # VNET_IMPAIR_*, enum vnet_loss_model
FRAMES, LOST, DELIVERED, IN_FLIGHT, LATENESS = 2, 3, 19, 21, 27  # VNET_XSTAT_*
INFO_XSTATS = 3
UP = struct.pack("=8xII", 1, 1)  # a struct ifinfomsg: IFF_UP
# One queue each, or they would not fit into the guest; small ones are enough.
ONE_QUEUE = {NUM_TX_QUEUES: 1, NUM_RX_QUEUES: 1}
EACH = 3


def impairments(delay):
    """Returns a delay, and that of the frames of an end the second is lost."""
    return attributes({DELAY: struct.pack("=Q", delay), LOSS_MODEL: struct.pack("=Q", LOSS_PATTERN), PATTERN: "2"})


def make_pair(number, far):
    """Makes a pair that is impaired both ways, its other end in another namespace."""
    peer = peer_of({IFNAME: f"vnb{number}", NET_NS_FD: far.fd, **ONE_QUEUE})
    data = {IMPAIR | NLA_F_NESTED: impairments(20 * MS), PEER_IMPAIR | NLA_F_NESTED: impairments(30 * MS + number),
            PEER: peer}
    assert ask_link({IFNAME: f"vna{number}", **ONE_QUEUE}, data) == (0, "")


def bring_up(name):
    """Brings a device up."""
    assert request(RTM_NEWLINK, UP + attributes({IFNAME: name})) == (0, "")


def dump():
    """Returns {name: {VNET_XSTAT_*: value}} of all links of the kind that there are in this namespace."""
    links, done = {}, False
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(struct.pack("=IHHII", 32, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + bytes(16))
        while not done:
            data = sock.recv(1 << 20)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                link, data, done = data[32:length], data[length:], kind != RTM_NEWLINK
                if not done and INFO_XSTATS in (info := parse(parse(link).get(LINKINFO, b""))):
                    links[parse(link)[IFNAME].rstrip(b"\0").decode()] = parse(info[INFO_XSTATS])
    return {name: {number: sum(struct.unpack(f"={len(value) // 8}Q", value)) for number, value in stats.items()}
            for name, stats in links.items()}


def send(ns, letter, count):
    """Sends frames from each end in a namespace; they are for nobody."""
    head = (b"\x02" + bytes(5)) * 2 + b"\x08\0" + bytes(28)
    with ns.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)) as sock:
        for number in range(count):
            for frame in range(EACH):
                sock.sendto((head + frame.to_bytes(4, "big")).ljust(60, b"\0"), (f"vn{letter}{number}", 0))


def listen(ns):
    """Returns a socket that receives what comes to any device of a namespace."""
    sock = ns.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800)))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.settimeout(30)
    return sock


def received(sock, count):
    """Waits for so many frames, and then whether there are more; returns {device: [numbers of its frames]}."""
    found = {}
    with contextlib.suppress(TimeoutError):
        while True:
            frame, (name, *_) = sock.recvfrom(2048)
            found.setdefault(name, []).append(int.from_bytes(frame[42:46], "big"))
            count -= 1
            if not count:
                sock.settimeout(0.2)
    return found


@pytest.mark.once
@pytest.mark.parametrize("count", [100, 1000])
def test_many_pairs(vnet, count):
    """Frames both ways over each: what was to be lost is, the rest arrives. They go while frames are under way."""
    a, b = (vnet.namespace(name) for name in "AB")

    def make_all():
        for number in range(count):
            make_pair(number, b)

    a.call(make_all)
    for ns, letter in ((b, "b"), (a, "a")):
        ns.call(lambda: [bring_up(f"vn{letter}{number}") for number in range(count)])
    with listen(a) as at_a, listen(b) as at_b:
        send(a, "a", count)
        send(b, "b", count)
        for sock, letter in ((at_a, "a"), (at_b, "b")):
            assert received(sock, count * (EACH - 1)) == {f"vn{letter}{number}": [0, 2] for number in range(count)}
    for ns in (a, b):
        links = ns.call(dump)
        assert set(links) == ns.devices() and len(links) == count
        for stats in links.values():
            assert [stats[which] for which in (FRAMES, LOST, DELIVERED, LATENESS)] == [EACH, 1, EACH - 1, EACH - 1]
            assert stats[IN_FLIGHT] == 0
    send(a, "a", count)
    a.delete()
    wait_for(lambda: not b.devices(), "the other ends to go, too", timeout=120)
