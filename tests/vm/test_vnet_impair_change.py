"""The impaired wire: chance that repeats, changes while frames are under way, requests refused, many frames, traces."""

import contextlib
import errno
import os
import re
import socket
import struct

import pytest

from bpf import Program, XdpSocket, index_of
from impaired import MS, S, Tap, line, lost, make, numbers, plain_queue, send
from netlink import IFNAME, IMPAIR, NLA_F_NESTED, PEER_IMPAIR, as_nobody, ask_link, attribute
from netns import Job
from nic import A_WHILE, traced, wait_for

SOL_UDP, UDP_SEGMENT = 17, 103
CLEAR, SEED, DELAY, LOSS_MODEL, LOSS, PATTERN = 2, 3, 5, 12, 13, 48


def verdicts(lines):
    """Returns (ordinal, marks) of each verdict that was traced."""
    return [(int(ordinal), marks) for ordinal, marks in
            re.findall(r"vnet_verdict:.* ordinal=(\d+) .*marks=(\S*) len", "\n".join(lines))]


def fate(end, words, send_some):
    """Returns the ordinals up to 200 that an end's wire loses under some settings."""
    end.impair(words)
    with traced(event="vnet/vnet_verdict") as lines:
        send_some()
        found = verdicts(lines())
    assert [ordinal for ordinal, _ in found][:200] == list(range(1, 201))
    return {ordinal for ordinal, marks in found[:200] if "lost" in marks}


@pytest.mark.once
def test_same_seed_same_fate(vnet):
    """Whoever sends, from whichever queue, and whatever else is on; not with another seed, nor the other way."""
    link = vnet.pair("numtxqueues 4 numrxqueues 4", "numtxqueues 2 numrxqueues 2")

    def one():
        send(link.a, make(link, 200))

    def both():
        for count in (4, 2):
            link.a.ethtool("-L", "combined", str(count))
        _, sender = link.numbered(flows=2)
        wait_for(lambda: min(sender.sent) > 100, "traffic from both CPUs")
        sender.end()
        link.at_rest()

    first = fate(link.a, "loss 20% seed 7", one)
    assert 15 < len(first) < 70
    assert fate(link.a, "seed 7", both) == first
    more = "duplicate 20% corrupt 10% delay 5ms jitter 5ms reorder 9% truncate 3% to 50 seed 7"
    assert fate(link.a, more, one) == first
    assert fate(link.a, "clear loss 20% seed 8", one) != first
    assert fate(link.b, "loss 20% seed 7", lambda: send(link.b, make(link, 200))) not in (first, set())
    bursts = fate(link.a, "loss 20% burst 3 seed 7", one)
    assert bursts != first and fate(link.a, "seed 7", both) == bursts


def impair(end):
    """Returns the settings as `ip -d link` shows them."""
    return end.show()["linkinfo"]["info_data"].get("impair")


@pytest.mark.once
def test_seed_is_shown(vnet):
    """Though nobody gave one; it outlives `clear`, and makes the same losses when given."""
    link = vnet.pair()
    assert impair(link.a) is None
    link.a.impair("loss 30%")
    seed = impair(link.a)["seed"]
    gone = lost(link, 100)
    link.a.impair("clear")
    assert impair(link.a) == {"seed": seed}
    link.a.impair(f"loss 30% seed {seed}")
    assert lost(link, 100) == gone != lost(link, 100)
    assert impair(link.b) is None


@pytest.mark.once
def test_what_is_under_way_is_not_touched(vnet):
    """New settings are for new frames: the old ones arrive when they were to, the new ones at once."""
    link = vnet.pair()
    for words in ("clear", "delay 1ms loss 100% corrupt 100%", "rate 1gbit"):
        link.a.impair(f"clear delay {A_WHILE}s")
        with Tap(link.b) as tap:
            times = send(link.a, make(link, 20))
            link.conserved()
            assert line(link.a)["in_flight"] == 20 and not tap.all()
            link.a.impair(words)
            link.a.impair("delay 0 loss 0% corrupt 0% rate none")
            send(link.a, make(link, 20, first=20))
            link.at_rest()
            arrivals = tap.arrivals()
        assert [one.number for one in arrivals] == [*range(20, 40), *range(20)], words
        assert not [one for one in arrivals[20:] if one.time < times[one.number] + A_WHILE * S]


@pytest.mark.once
def test_changes_lose_nothing(vnet):
    """Queues, rings, moderation, programs, MTU, the settings themselves: under traffic over a wire with a delay."""
    link = vnet.pair("numtxqueues 4 numrxqueues 4", "numtxqueues 4 numrxqueues 4")
    link.a.impair("delay 20ms jitter 10ms keep-order")
    collector, sender = link.numbered()
    programs = contextlib.ExitStack()
    for change in (lambda: link.a.ethtool("-L", "combined", "1"), lambda: link.b.ethtool("-L", "combined", "2"),
                   lambda: link.a.ethtool("-G", "tx", "64"), lambda: link.b.ethtool("-G", "rx", "512"),
                   lambda: link.b.ethtool("-C", "adaptive-rx", "off", "rx-usecs", "50"),
                   lambda: link.b.ethtool("-X", "equal", "1"), lambda: link.a.set("mtu", "1400"),
                   lambda: programs.enter_context(Program(link.b, "pass")), programs.close,
                   lambda: link.a.impair("delay 30ms"), lambda: link.a.impair("rate 100mbit queue 10000 keep-order"),
                   lambda: link.a.impair("rate 200mbit delay 0"), lambda: link.a.impair("clear"),
                   lambda: link.b.impair("delay 1ms")):
        change()
        accepted = sum(sender.sent)
        wait_for(lambda: sum(sender.sent) > accepted + 30, "traffic to go on")
    sent = sender.end()
    link.at_rest()
    assert {flow: sorted(got) for flow, got in collector.end().items()} == {
        flow: list(range(count)) for flow, count in enumerate(sent)}


@pytest.mark.once
def test_steering_is_asked_for_with_frames_under_way(vnet):
    """Frames that overtake each other: those that set out after `ethtool -X` are steered, the others stay on the queue
    of the line."""
    link = vnet.pair("numtxqueues 2 numrxqueues 2", "numtxqueues 2 numrxqueues 2")
    link.a.impair(f"delay {A_WHILE}s jitter 500ms")
    send(link.a, make(link, 30))
    assert line(link.a)["in_flight"] == 30
    link.b.ethtool("-X", "weight", "0", "1")
    send(link.a, make(link, 20))
    link.at_rest()
    assert [queue["rx_packets"] for queue in link.b.queue_stats()] == [30, 20]


def test_ends_go_down_with_frames_under_way(vnet):
    """They are lost, and counted, whichever end it is and wherever they were; afterwards all is well."""
    link = vnet.pair()
    plain_queue(link.a)
    for end in (link.a, link.b):
        for words in ("delay 60s", "rate 1bit queue 1000", "reorder 100% delay 60s", "delay 60s jitter 30s"):
            link.a.impair(f"clear {words}")
            before = line(link.a).get("cut", 0)
            send(link.a, make(link, 30))
            link.conserved()
            assert line(link.a)["in_flight"] == 30
            end.down()
            link.at_rest()
            assert line(link.a)["cut"] == before + 30
            end.up()
            wait_for(link.a.carrier, "the carrier")
    link.a.impair("delay 1ms")
    assert numbers(link, 20) == list(range(20))


def fly(link, count):
    """Sends so many frames over a wire so long that none arrives: by 64 at a time, and a copy of each."""
    link.a.ns.ip(f"neigh add 192.0.2.2 lladdr {link.b.mac} dev vn0")
    link.a.impair("delay 600s duplicate 100%")
    plain_queue(link.a)
    with link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setsockopt(SOL_UDP, UDP_SEGMENT, 32)
        while line(link.a).get("in_flight", 0) < count:
            for _ in range(100):
                sock.sendto(bytes(32 * 64), ("192.0.2.2", 9))


@pytest.mark.once
def test_many_frames_under_way(vnet):
    """100 000 of them go with the link, fewer with a namespace, or with the module, and leave nothing."""
    link = vnet.pair()
    fly(link, 100000)
    link.a.run("ip", "link", "del", "vn0")
    for namespace in vnet.namespaces[1:]:
        namespace.delete()
    link = vnet.pair()
    fly(link, 20000)
    vnet.namespaces[-2].delete()
    wait_for(lambda: not link.b.exists(), "the link to go")
    vnet.namespaces[-1].delete()
    link = vnet.pair()
    fly(link, 20000)
    vnet.unload()
    assert not link.a.exists() and not link.b.exists()


def test_limit_of_memory(vnet):
    """What finds no room is counted, and the rest arrives."""
    link = vnet.pair()
    link.a.impair("delay 300ms limit 64k")
    got = numbers(link, 300)
    drops = line(link.a)["limit_drops"]
    assert len(got) == 300 - drops and got == sorted(got) and 0 < drops
    assert "in_flight_bytes" not in line(link.a)
    link.a.impair("limit 256m")
    assert len(numbers(link, 300)) == 300 and line(link.a)["limit_drops"] == drops


def test_traces(vnet):
    """What was decided, dropped and delivered can be followed, frame by frame."""
    link = vnet.pair()
    frames = make(link, 6)
    link.a.impair("delay 5ms loss pattern 2,4 duplicate 0% seed 1")
    with traced(event="vnet") as lines:
        send(link.a, frames)
        link.at_rest()
        text = "\n".join(lines())
    assert verdicts(text.splitlines()) == [(i + 1, "lost" if i in (1, 3) else "") for i in range(6)]
    assert re.findall(r"vnet_verdict: dev=vn0 .*delay=5000000 .*bytes=(\w+)", text) == [one.hex() for one in frames]
    assert re.findall(r"vnet_deliver: dev=vn0 ordinal=(\d+) late=\d+$", text, re.M) == ["1", "3", "5", "6"]
    link.a.impair("clear rate 100bit queue 2 duplicate 100% seed 1")
    with traced(event="vnet") as lines:
        send(link.a, frames)
        link.conserved()
        link.a.down()
        text = "\n".join(lines())
    assert "marks=duplicated" in text
    drops = re.findall(r"vnet_drop: dev=vn0 ordinal=(\d+) why=(.*)$", text, re.M)
    assert drops == [(n, "the queue is full") for n in ("2", "3", "3", "4", "4", "5", "5", "6", "6")] + [
        (n, "the link went down") for n in ("1", "1", "2")]


def test_whatever_xdp_sends_is_impaired(vnet):
    """By an AF_XDP socket, and out of another device's program."""
    link = vnet.pair()
    frames = make(link, 20)
    link.a.impair("delay 60ms loss pattern 5 seed 1")
    sock = XdpSocket(link.a)
    with Tap(link.b) as tap:
        sock.send(*frames)
        link.at_rest()
        assert tap.numbers() == [0, 1, 2, 3, *range(5, 20)]
    sock.close()
    link.b.impair("delay 60ms loss pattern 5 seed 1")
    with Program(link.b, "redirect") as program, Tap(link.a) as tap:
        program.args(index_of(link.b))
        before = line(link.b).get("frames", 0)
        program.feed(frames[0], 20)
        link.at_rest()
        assert line(link.b)["frames"] == before + 20 and len(tap.arrivals()) == 19


# What is asked for, and the sentence.
EARLY = ", or frames would come before they are sent"
PATTERN_FORM = "A pattern is like 3,17-20 or 3,17-20/100, frames counted from 1"
REFUSED = [
    ("loss 100.1%", "The loss must be 0 to 100 %"),
    ("duplicate 101%", "The probability of duplication must be 0 to 100 %"),
    ("corrupt 200%", "The probability of corruption must be 0 to 100 %"),
    ("reorder 101%", "The probability of reordering must be 0 to 100 %"),
    ("truncate 101% to 60", "The probability of truncation must be 0 to 100 %"),
    ("truncate 1% to 13", "The length that is left must be 14 to 65535 bytes"),
    ("corrupt 1% bits 0", "The number of flipped bits must be 1 to 64"),
    ("corrupt 1% bits 65", "The number of flipped bits must be 1 to 64"),
    ("reorder 1% distance 0", "The distance of reordering must be 1 to 1000"),
    ("rate 0", "The rate must be 1 bit/s to 1 Pbit/s"), ("delay 3601s", "The delay must be at most an hour"),
    ("limit 65535", "The limit of bytes under way must be 64 KiB to 1 TiB"),
    ("vlan push 4095", "The VID to be pushed must be 0 to 4094"),
    ("vlan translate 4095", "The new VID must be 0 to 4094"),
    ("vlan match 4097", "The VID to be matched must be 0 to 4094"),
    ("vlan push 1 pcp 9", "The priority must be 0 to 7"),
    ("vlan translate 5 push 6", "A tag cannot be translated and another pushed or popped at once"),
    ("vlan translate 5 pop", "A tag cannot be translated and another pushed or popped at once"),
    ("delay 10ms jitter 11ms", "The jitter must not be larger than the delay" + EARLY),
    ("delay 10ms jitter 3ms normal", "A normal jitter must not be larger than a quarter of the delay" + EARLY),
    ("delay 10ms jitter 18ms pareto", "A pareto jitter must not be larger than 1.72 times the delay" + EARLY),
    ("delay 10ms half-life 1s", "A half-life needs a jitter"),
    ("loss 90% burst 2", "So much loss needs longer bursts: n losses in a row are at most n of n + 1 frames"),
    ("loss 100% burst 5", "So much loss needs longer bursts: n losses in a row are at most n of n + 1 frames"),
    ("loss 1% burst 0.5", "The mean burst must be 1 to 1000000 losses"),
    ("loss ge p 101% r 1%", "The probability of going bad must be 0 to 100 %"),
    ("loss 4state p13 60% p14 50%", "p13 and p14 together must be at most 100 %"),
    ("loss 4state p13 1% p31 60% p32 50%", "p31 and p32 together must be at most 100 %"),
    ("loss pattern 0", PATTERN_FORM), ("loss pattern 3,", PATTERN_FORM), ("loss pattern x", PATTERN_FORM),
    ("loss pattern 3-", PATTERN_FORM), ("loss pattern 3;4", PATTERN_FORM),
    ("loss pattern 5,5", "The frames of a pattern must ascend"),
    ("loss pattern 5-4", "The frames of a pattern must ascend"),
    ("loss pattern 3/2", "A pattern must fit into its period"),
    ("loss pattern " + ",".join(str(i) for i in range(1, 34)), "A pattern has at most 32 ranges"),
    ("head-drop", "Head drop and ECN need a queue: give it a length in packets or bytes"),
    ("rate none queue 5", "Overhead, cells and a queue belong to a rate, and there is none"),
    ("rate 1mbit ecn 5", "Head drop and ECN need a queue: give it a length in packets or bytes"),
    ("flap 1us 1s", "A link that flaps must be up and down for at least a millisecond each"),
]


def test_what_is_refused_changes_nothing(vnet):
    """One sentence for each, and all is as it was, at both ends; also if only the peer's part is wrong."""
    link = vnet.pair()
    link.a.impair("delay 5ms jitter 1ms loss 1% rate 1gbit seed 1 peer loss pattern 7 seed 2")

    def shown():
        return [end.show()["linkinfo"]["info_data"] for end in (link.a, link.b)]

    before = shown()
    lines = "\n".join(f"link set vn0 type vnet {words}" for words, _ in REFUSED)
    text = link.a.run("sh", "-c", f"echo '{lines}' | ip -force -batch -", check=False)
    answers = re.findall("^Error: (.*)[.]$", text, re.M)
    assert answers == [said for _, said in REFUSED]
    said = link.a.run("ip", "link", "set", "vn0", "type", "vnet", "loss", "5%", "peer", "rate", "0", check=False)
    assert said == "Error: The rate must be 1 bit/s to 1 Pbit/s.\n"
    assert shown() == before
    comes_back = vnet.namespace("C")
    comes_back.ip("link add vn2 type vnet wire loop")
    assert comes_back.run("ip", "link", "set", "vn2", "type", "vnet", "peer", "loss", "5%",
                          check=False) == "Error: This link has no peer.\n"


def number(value):
    """Returns a u64."""
    return struct.pack("=Q", value)


def test_requests_that_no_ip_would_make(vnet):
    """Unknown numbers, values too short, text without an end, a nest that is none: refused, and nothing changes."""
    link = vnet.pair()
    link.a.impair("loss 1% seed 1")
    before = impair(link.a)

    def ask(nest, kind=IMPAIR | NLA_F_NESTED):
        return link.a.ns.call(lambda: ask_link({IFNAME: "vn0"}, {kind: nest}, flags=0))[0]

    for nest in (attribute(99, number(1)), attribute(DELAY, bytes(4)), attribute(PATTERN, b"3"),
                 attribute(PATTERN, b"3" * 300 + b"\0"), attribute(LOSS_MODEL, number(6)),
                 attribute(LOSS, number(1 << 63)), b"\1\0\0\0"):
        assert ask(nest) in (errno.EINVAL, errno.ERANGE), nest
    assert ask(attribute(DELAY, number(1)), IMPAIR) == errno.EINVAL  # says not that it is a nest
    assert impair(link.a) == before
    assert ask(attribute(CLEAR, number(1)) + attribute(SEED, number((1 << 64) - 1))) == 0
    assert impair(link.a) == {"seed": (1 << 64) - 1}
    assert ask(b"") == 0


def test_nobody_may_not_impair_the_other_end(vnet):
    """Whose namespace has one end of a link may set what it sends, and not what the other sends."""
    link = vnet.pair()
    reader, writer = os.pipe()

    def attempts():
        os.write(writer, b"%d\n" % os.getpid())
        wait_for(lambda: "vn0" in dict((name, index) for index, name in socket.if_nameindex()), "the end")
        nest = attribute(DELAY, number(MS))
        return [ask_link({IFNAME: "vn0"}, {kind | NLA_F_NESTED: nest}, flags=0) for kind in (PEER_IMPAIR, IMPAIR)]

    job = Job(lambda: as_nobody(attempts))
    pid = os.read(reader, 20).decode().strip()
    with open(f"/proc/{pid}/ns/net") as held:
        link.a.set("netns", pid)
        assert job.result() == [[errno.EPERM, "The peer's network namespace is not yours to configure"], [0, ""]]
        assert impair(link.b) is None and held
    os.close(reader)
    os.close(writer)
    vnet.links.remove(link)
    wait_for(lambda: not link.b.exists(), "the link to go with his namespace")
