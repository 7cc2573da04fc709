"""The impaired wire, frame by frame: delays, reordering, losses, copies, damage."""

import math
import re
import socket
from pathlib import Path

import pytest

from bpf import Program
from impaired import MS, Tap, cross, flipped, line, lost, make, numbers, send
from nic import PACKET_IGNORE_OUTGOING, SOL_PACKET, wait_for
from traffic import snmp, transfer

JITTERS = {  # what no delay is below
    "delay 30ms jitter 20ms": 10 * MS,
    "delay 30ms jitter 5ms normal": 0,
    "delay 30ms jitter 10ms pareto": 12 * MS,  # 1.72 standard deviations below the mean
}


def early(times, arrivals, delay):
    """Returns the frames that arrived before they could."""
    return [one.number for one in arrivals if one.time < times[one.number] + delay]


def in_order(arrivals, count):
    """Whether all have come, in order."""
    return [one.number for one in arrivals] == list(range(count))


def test_constant_delay(vnet):
    """No frame comes early, none is lost, and they stay in order; the other way nothing changes."""
    link = vnet.pair()
    link.a.impair("delay 50ms")
    times, arrivals = cross(link, 300)
    assert in_order(arrivals, 300) and not early(times, arrivals, 50 * MS)
    assert not line(link.b) and "impair" not in link.b.show()["linkinfo"]["info_data"]
    assert line(link.a)["delivered"] == line(link.a)["frames"] >= 300
    assert sorted(line(link.a)) == sorted(["frames", "delivered", *(name for name in line(link.a) if "late" in name)])


@pytest.mark.once
def test_jitter(vnet):
    """Of each distribution: none before its least, all arrive, some overtake; with keep-order none does."""
    link = vnet.pair()
    for words, least in JITTERS.items():
        link.a.impair(f"{words} seed 1")
        times, arrivals = cross(link, 300)
        order = [one.number for one in arrivals]
        assert sorted(order) == list(range(300)) != order
        assert not early(times, arrivals, least)
        link.a.impair(f"{words} keep-order seed 1")
        times, arrivals = cross(link, 300)
        assert in_order(arrivals, 300) and not early(times, arrivals, least)
    # With a half-life of an hour all frames have the delay of the first: they stay in order.
    link.a.impair("delay 30ms jitter 30ms half-life 3600s seed 5")
    assert numbers(link, 200) == list(range(200))
    link.a.impair("delay 30ms jitter 30ms half-life 1us seed 5")
    assert numbers(link, 200) != list(range(200))


@pytest.mark.once
def test_delay_that_would_be_negative(vnet):
    """One normal delay in 30 000 would be: such a frame, here the fourth by its seed, comes at once, and is counted."""
    link = vnet.pair()
    link.a.impair("delay 2s jitter 500ms normal seed 1340")
    assert numbers(link, 6)[0] == 3
    assert line(link.a)["clamped"] == 1


@pytest.mark.once
def test_frames_are_overtaken_by_just_as_many(vnet):
    """Each is held back until `distance` frames have passed it that are not held back themselves."""
    link = vnet.pair()
    link.a.impair("reorder 10% distance 4 seed 3")
    order = numbers(link, 400)
    place = {number: i for i, number in enumerate(order)}
    held = {number for number in order if place[number] and order[place[number] - 1] > number}
    held |= {number for number in order if {number - 1, number + 1} <= held}
    count = line(link.a)
    assert sorted(order) == list(range(400)) and 20 < count["reordered"] < 70
    rest = [number for number in order if any(other < number for other in order[place[number] + 1:])]
    overtaken = [number for number in order if any(other > number for other in order[:place[number]])]
    assert len(overtaken) == count["reordered"] and rest
    plain = [number for number in order if number not in overtaken]
    assert plain == sorted(plain)
    by = [sum(other > number for other in plain[:plain_before]) for number in overtaken
          for plain_before in [sum(other in plain for other in order[:place[number]])]]
    assert by.count(4) >= len(overtaken) - count.get("reordered_late", 0)
    # When the traffic stops, nobody overtakes; a frame waits for a tenth of a second and is counted.
    link.a.impair("reorder 100% distance 3")
    times, arrivals = cross(link, 5)
    assert in_order(arrivals, 5) and not early(times, arrivals, 100 * MS)
    assert line(link.a)["reordered_late"] == count.get("reordered_late", 0) + 5
    # It waits no longer if its own delay is longer: those behind it may be due sooner.
    late = line(link.a)["reordered_late"]
    link.a.impair("reorder 100% distance 3 delay 600s")
    send(link.a, make(link, 5))
    wait_for(lambda: line(link.a)["reordered_late"] == late + 5, "the frames to be under way")
    link.a.down()
    assert line(link.a)["cut"] == 5


@pytest.mark.once
def test_pattern_of_losses(vnet):
    """Loses just those, once or of each hundred; `seed` counts from 1 again; 0 % is no frame, 100 % every frame."""
    link = vnet.pair()
    link.a.impair("loss pattern 3,17-20 seed 1")
    assert lost(link, 150) == [3, 17, 18, 19, 20]
    link.a.impair("loss pattern 3,17-20/100 seed 1")
    assert lost(link, 250) == [3, 17, 18, 19, 20, 103, 117, 118, 119, 120, 203, 217, 218, 219, 220]
    assert line(link.a)["lost"] == 20
    for words, got in (("loss 100%", 0), ("loss 0%", 100), ("loss ge p 100% r 0%", 0), ("loss none", 100)):
        link.a.impair(words)
        assert len(numbers(link, 100)) == got, words


def runs(ordinals):
    """Returns the lengths of the runs of numbers that follow each other."""
    lengths, last = [], None
    for ordinal in ordinals:
        if ordinal - 1 == last:
            lengths[-1] += 1
        else:
            lengths.append(1)
        last = ordinal
    return lengths


# What is lost in the mean, mean run of losses, how far losses depend on those before: r of p, r in a two-state model.
MODELS = {
    "loss 7%": (0.07, 1 / 0.93, 0),
    "loss 50%": (0.5, 2, 0),
    "loss 10% burst 5": (0.1, 5, 1 - 0.2 - 0.2 / 9),
    "loss ge p 4% r 20%": (1 / 6, 5, 0.76),
    "loss ge p 10% r 30% bad 60% good 5%": (0.25 * 0.6 + 0.75 * 0.05, None, 0.6),
    "loss 4state p13 4% p31 20%": (1 / 6, 5, 0.76),
    "loss 4state p13 0% p31 100% p14 10%": (1 / 11, 1, 0),
}


@pytest.mark.once
def test_chance_of_losses(vnet):
    """What was lost lies within the bounds that 99.9 % of all seeds keep to; so do the bursts, roughly."""
    link, count = vnet.pair(), 2000
    for words, (mean, burst, memory) in MODELS.items():
        link.a.impair(f"{words} seed 11")
        ordinals = lost(link, count)
        sigma = math.sqrt(count * mean * (1 - mean) * (1 + memory) / (1 - memory))
        assert abs(len(ordinals) - count * mean) < 3.3 * sigma, words
        lengths = runs(ordinals)
        assert not burst or 0.75 * burst < sum(lengths) / len(lengths) < 1.25 * burst, words


@pytest.mark.once
def test_copies(vnet):
    """Each frame comes just twice; a lost one not at all; a copy comes as much later as was said."""
    link = vnet.pair()
    link.a.impair("duplicate 100%")
    assert numbers(link, 100) == [number for number in range(100) for _ in "12"]
    assert line(link.a)["duplicated"] == 100
    link.a.impair("duplicate 100% loss 100%")
    assert numbers(link, 100) == []
    link.a.impair("loss none duplicate 100% copy-delay 80ms")
    times, arrivals = cross(link, 50)
    assert [one.number for one in arrivals].count(7) == 2 and len(arrivals) == 100
    seen, copies = set(), []
    for one in arrivals:
        (copies.append if one.number in seen else lambda _: 0)(one)
        seen.add(one.number)
    assert not early(times, copies, 80 * MS)


@pytest.mark.once
def test_copies_are_independent(vnet):
    """Of losses, and of damage: the copy is of the frame as it was sent."""
    link = vnet.pair()
    link.a.impair("duplicate 30% seed 2")
    order = numbers(link, 500)
    twice = {number for number in order if order.count(number) == 2}
    assert 100 < len(twice) < 200
    link.a.impair("loss 40% seed 2")
    order = numbers(link, 500)
    assert {number for number in order if order.count(number) == 2} == twice & set(order)
    assert 0 < len(twice - set(order)) < len(twice)
    link.a.impair("clear duplicate 100% corrupt 100% payload bits 64 seed 1")
    frames = make(link, 50, 200)
    with Tap(link.b) as tap:
        send(link.a, frames)
        link.at_rest()
        intact = [one.data for one in tap.all() if one.data in frames]
    assert intact == frames and line(link.a)["corrupted"] == 50


@pytest.mark.once
@pytest.mark.parametrize("tags", [0, 1])
def test_bits_are_flipped(vnet, tags):
    """As many as were asked for, where they were asked for, all over the place."""
    link, tag = vnet.pair(), bytes.fromhex("81000005") * tags
    link.b.ethtool("-K", "gro", "off", "rxvlan", "off")
    headers = 8 * (42 + len(tag))
    sent = [frame[:12] + tag + frame[12:] for frame in make(link, 60, 300)]
    whole = range(8 * len(sent[0]))
    for words, bits, where in (("bits 1", 1, whole), ("bits 64", 64, whole), ("header bits 7", 7, whole[:headers]),
                               ("payload bits 3", 3, whole[headers:])):
        link.a.impair(f"corrupt 100% {words} seed 1")
        with Tap(link.b) as tap:
            send(link.a, sent)
            link.at_rest()
            got = [one.frame for one in tap.all() if len(one.frame) == len(sent[0])]
        places = [flipped(*pair) for pair in zip(sent, got, strict=True)]
        assert all(len(found) == bits and set(found) <= set(where) for found in places), words
        places = sum(places, [])
        assert min(places) < where[len(where) // 6] and max(places) > where[-len(where) // 6]


def udp(link, count=20, size=100, to="192.0.2.2"):
    """Sends datagrams from a socket at a to one at b; returns those that reached it."""
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    receiver, sender = (end.ns.call(lambda: socket.socket(family, socket.SOCK_DGRAM)) for end in (link.b, link.a))
    with receiver, sender:
        receiver.bind((to, 7))
        receiver.settimeout(0)
        for number in range(count):
            sender.sendto(bytes([number]) * size, (to, 7))
        link.at_rest()
        got = []
        while True:
            try:
                got.append(receiver.recv(2048))
            except BlockingIOError:
                return got


def over_vlan(link):
    """Puts a VLAN device on each end; returns the address of b's."""
    for end, last in ((link.a, 1), (link.b, 2)):
        end.ns.ip(f"link add link {end.name} name vlan5 type vlan id 5", "link set vlan5 up",
                  f"addr add 203.0.113.{last}/24 dev vlan5")
    return "203.0.113.2"


def over_ipv6(link):
    """Gives each end an IPv6 address; returns b's."""
    for end, last in ((link.a, 1), (link.b, 2)):
        end.ns.sysctl(f"net/ipv6/conf/{end.name}/disable_ipv6", 0)
        end.ns.ip(f"addr add 2001:db8::{last}/64 dev {end.name} nodad")
    return "2001:db8::2"


def udp_errors(end, to):
    """Returns how many datagrams had a wrong checksum."""
    if ":" not in to:
        return snmp(end, "Udp", "InCsumErrors")
    text = end.ns.call(Path("/proc/thread-self/net/snmp6").read_text)
    return int(re.search(r"Udp6InCsumErrors\s+(\d+)", text)[1])


@pytest.mark.once
def test_checksums_tell_damage(vnet):
    """The sender has left the checksum to the device: it is filled in first. With `repair` nobody can tell."""
    link = vnet.pair()
    for to in ("192.0.2.2", over_vlan(link), over_ipv6(link)):
        link.a.impair("clear")
        wait_for(lambda: len(udp(link, 1, to=to)) == 1, "neighbours to know each other")  # noqa: B023
        link.a.impair("corrupt 100% payload bits 2 seed 1")
        before = udp_errors(link.b, to)
        assert udp(link, to=to) == [] and udp_errors(link.b, to) == before + 20
        link.a.impair("corrupt 100% payload bits 2 repair seed 1")
        got = udp(link, to=to)
        assert len(got) == 20 and udp_errors(link.b, to) == before + 20
        for datagram in got:
            assert len(flipped(bytes([max(datagram, key=datagram.count)]) * 100, datagram)) == 2


@pytest.mark.once
def test_damaged_headers_and_segments(vnet):
    """Nothing goes wrong but what must; TCP's checksum tells the damaged segments, and all comes whole."""
    link = vnet.pair()
    wait_for(lambda: len(udp(link, 1)) == 1, "neighbours to know each other")
    for words in ("header bits 64", "header bits 64 repair", "bits 64 repair", "header bits 1"):
        link.a.impair(f"corrupt 100% {words} seed 1")
        udp(link)
    assert snmp(link.b, "Ip", "InHdrErrors") + snmp(link.b, "Ip", "InAddrErrors") > 0
    link.a.impair("corrupt 5% payload seed 4 peer corrupt 5% seed 4")
    assert transfer(link, 300000)
    assert snmp(link.b, "Tcp", "InCsumErrors") > 0


@pytest.mark.once
def test_cut_frames(vnet):
    """What is left is as long as was said, and as it was; what is shorter stays."""
    link = vnet.pair()
    frames = make(link, 5, 60) + make(link, 5, 500)
    for length in (14, 60, 100):
        link.a.impair(f"truncate 100% to {length}")
        with Tap(link.b) as tap:
            send(link.a, frames)
            link.at_rest()
            got = [one.data for one in tap.all() if one.data[12:14] == b"\x08\0" and len(one.data) in
                   (length, 60, 500)]
        assert got == [frame[:length] for frame in frames]
    assert line(link.a)["truncated"] == 30
    link.a.impair("clear truncate 100% to 60")
    assert udp(link, to="192.0.2.2") == []


def test_all_that_reaches_xdp_is_as_the_wire_left_it(vnet):
    """A program sees the damage, and the frame that was cut."""
    link = vnet.pair()
    sent, = make(link, 1, 128)
    with Program(link.b, "look") as program:
        link.a.impair("corrupt 100% bits 5")
        send(link.a, [sent])
        link.at_rest()
        count, length, data = program.seen()
        assert (count, length) == (1, 128) and len(flipped(sent, data[:128])) == 5
        link.a.impair("corrupt 0% truncate 100% to 77")
        send(link.a, [sent])
        link.at_rest()
        assert program.seen()[:2] == (2, 77)


def test_what_xdp_sends_is_impaired(vnet):
    """XDP_TX of what came from a socket, and of what came from XDP: delayed, and lost."""
    link = vnet.pair()
    with Program(link.b, "tx"), Tap(link.a) as tap:
        link.b.impair("delay 100ms seed 1")
        times = send(link.a, make(link, 20))
        link.at_rest()
        assert not early(times, tap.arrivals(), 100 * MS) and len(tap.arrivals()) == 20
        link.b.impair("clear loss pattern 1-10 seed 1")
        send(link.a, make(link, 30))
        link.at_rest()
        assert tap.numbers()[20:] == list(range(10, 30))


@pytest.mark.parametrize("wire", ["loop", "reflect"])
def test_wires_that_come_back(vnet, wire):
    """Are impaired like any other; a neighbour answers no ping before its time."""
    link = vnet.single(wire)
    link.a.impair("delay 40ms loss pattern 2-3 seed 1")
    times, arrivals = cross(link, 20)
    assert [one.number for one in arrivals] == [0, *range(3, 20)]
    assert not early(times, arrivals, 40 * MS)
    if wire == "reflect":
        text = link.a.run("ping", "-c", "2", "-i", "0.01", "192.0.2.9")
        assert min(map(float, re.findall(r"time=([\d.]+)", text))) >= 40


def test_listener_at_the_sender_sees_no_damage(vnet):
    """Nor does anybody else who holds the frame: it is copied first."""
    link = vnet.pair()
    link.a.impair("corrupt 100% bits 64")
    sent = make(link, 20, 700)
    with Tap(link.a) as tap:
        tap.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 0)
        send(link.a, sent)
        link.at_rest()
        assert [one.data for one in tap.arrivals()] == sent
