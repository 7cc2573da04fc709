"""What nobody sane would ask or send: refused or carried, never a word from the kernel, and the driver works on."""

import json
import random
import socket
import struct

import pytest

import fuzz
from bpf import Program, index_of
from netlink import IFNAME, IMPAIR, NLA_F_NESTED, as_nobody, ask_link, attributes, request
from nic import OUT, SOL_PACKET, mac
from uapi import nest, some_settings

PACKET_VNET_HDR = 15
BATCH = 100
# Of all frames, for each of four wires and of two: the kernel takes its time to feed one to XDP. A little more than all
# together, because some of those never get as far as the driver.
SHARE, XDP_SHARE = 0.245, 0.02
PAGE = 3300  # bytes; what the kernel puts into a page of its own for XDP, with all that belongs to a frame
IFF_UP = 1
LO = 1  # its number, in every namespace


@pytest.fixture
def figures():
    """A dictionary that is added to those of this run."""
    figures = {}
    yield figures
    path = OUT / "fuzz.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **figures}, indent=1) + "\n")


def devices():
    """Returns the numbers of all devices but lo in this thread's namespace. By their names one does not know them any more."""
    return {index for index, _ in socket.if_nameindex() if index != LO}


def delete(indices):
    """Deletes devices, by their numbers; with one end goes the other."""
    for index in indices:
        request(fuzz.RTM_DELLINK, struct.pack("=BxHiII", 0, 0, index, 0, 0))


def tidy():
    """Deletes all devices but lo of this thread's namespace, and gives lo its name back, which some request may have changed."""
    delete(devices())
    if socket.if_indextoname(LO) != "lo":
        for flags, up, values in ((0, IFF_UP, {}), (0, 0, {IFNAME: "lo"}), (IFF_UP, IFF_UP, {})):
            asked = request(fuzz.RTM_NEWLINK, struct.pack("=BxHiII", 0, 0, LO, flags, up) + attributes(values))
            assert asked == (0, ""), asked


def bombard(seed, count):
    """Makes so many requests in the current namespace; returns how many were granted, refused, not answered."""
    rng, answers = random.Random(seed), {"granted": 0, "refused": 0}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for number in range(count):
            sock.send(fuzz.message(rng))
            while True:
                try:
                    answer = sock.recv(1 << 17, socket.MSG_DONTWAIT)
                except OSError:  # all read, or ENOBUFS
                    break
                if answer[4:6] == b"\2\0":
                    answers["refused" if any(answer[16:20]) else "granted"] += 1
            if number % BATCH == BATCH - 1:  # else nearly all would be refused, as there is such a link already
                tidy()
    tidy()
    left = devices()
    assert not left, left
    assert ask_link({IFNAME: "vn0"}) == (0, "")
    return answers


@pytest.mark.parametrize("who", ["root", "nobody"])
def test_requests(vnet, seed, request, figures, who):
    """By root, and by nobody in a user namespace of his own."""
    count = request.config.getoption("--messages") // 2
    before = vnet.root.call(devices)
    if who == "root":
        answers = vnet.namespace("A").call(lambda: bombard(seed, count))
    else:
        answers = as_nobody(lambda: bombard(seed, count))
    assert isinstance(answers, dict), answers
    print(who, answers)
    assert answers["granted"] > count / 100 and answers["refused"] > count / 10
    if who == "root":  # he may put the other end into the namespace of process 1
        vnet.root.call(lambda: delete(devices() - before))
    assert vnet.root.call(devices) == before
    figures[f"requests by {who}"] = count


def impair(end, rng):
    """Gives one end settings that are granted; some are refused, as a whole."""
    def granted():
        values = {"CLEAR": 1, **some_settings(rng)}
        return end.ns.call(lambda: ask_link({IFNAME: end.name}, {IMPAIR | NLA_F_NESTED: nest(values)}, flags=0))[0] == 0

    assert any(granted() for _ in range(100))


def clear(end):
    """Takes all impairments of one end away."""
    asked = end.ns.call(lambda: ask_link({IFNAME: end.name}, {IMPAIR | NLA_F_NESTED: nest({"CLEAR": 1})}, flags=0))
    assert asked == (0, ""), asked


def turns(count):
    """Returns after how many of so many frames there are other settings: five times, and as often as is worth it."""
    return min(500, max(1, count // 5))


def pelt(end, to, seed, count, most, every=lambda: None):
    """Makes up frames until so many were sent, or four times as many were made up; returns how many were sent, and how many
    packet sockets refused."""
    rng, refused, number = random.Random(seed), 0, 0
    sender, receiver = mac(end.mac), mac(to.mac)
    sockets = [end.packet_socket(0), end.packet_socket(0, bypass=True), end.packet_socket(0)]
    sockets[2].setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    while number - refused < count and number < 4 * count:
        if number % turns(count) == 0:
            every()
        number += 1
        data = fuzz.frame(rng, sender, receiver, most)
        which = rng.randrange(3)
        try:
            sockets[which].send(fuzz.offload(rng) + data if which == 2 else data)
        except OSError:
            refused += 1
    for sock in sockets:
        sock.close()
    return number - refused, refused


@pytest.mark.parametrize("wire", ["clean", "impaired", "loop", "reflect"])
def test_frames(vnet, seed, request, figures, wire):
    """Of all lengths, by packet sockets: by way of the qdisc, past it, and with offloads that make no sense."""
    count = round(SHARE * request.config.getoption("--frames"))
    link = vnet.single(wire) if wire in ("loop", "reflect") else vnet.pair()
    rng = random.Random(seed)

    def change():
        if wire == "impaired":
            impair(link.a, rng)

    sent, refused = pelt(link.a, link.b, seed, count, 1500 + 14, change)
    print(wire, sent, refused)
    assert sent == count
    clear(link.a)
    link.at_rest()
    if wire != "loop":
        link.a.run("ping", "-c", "1", "192.0.2.2")
    figures[f"frames, {wire}"] = sent


@pytest.mark.parametrize("wire", ["clean", "impaired"])
def test_frames_by_xdp(vnet, seed, request, figures, wire):
    """Of all lengths from a header's to a page's, into the driver by XDP, and through an XDP program of the receiver."""
    count = round(XDP_SHARE * request.config.getoption("--frames"))
    link = vnet.pair()
    rng = random.Random(seed)
    with Program(link.b, "redirect") as program, Program(link.a, "scribble"):
        program.args(index_of(link.b))
        for number in range(count):
            if wire == "impaired" and number % min(100, turns(count)) == 0:
                impair(link.b, rng)
            program.feed(fuzz.frame(rng, mac(link.a.mac), mac(link.b.mac), PAGE - 14).ljust(14, b"\0")[:PAGE])
        clear(link.b)
    link.at_rest()
    counters = link.b.extra()
    sent = counters["tx_xdp"]
    # What is longer than the MTU, the kernel does not hand on; while a flap has taken the carrier, nothing is sent.
    came = sent + (counters["tx_xdp_full"] if wire == "impaired" else 0)
    assert sent and came > count / 2, counters
    link.a.run("ping", "-c", "1", "192.0.2.2")
    figures[f"frames by XDP, {wire}"] = sent
