"""The impaired wire: the rate and its queue, in which order the stages come, VLAN tags, large frames, flaps."""

import contextlib
import os
import re
import socket
import struct

import pytest

from frames import Collector, numbered
from impaired import MS, S, Tap, cross, line, lost, make, numbers, plain_queue, quick, send
from link import IN_FLIGHT
from netns import Job
from nic import SLOWNESS, wait_for
from traffic import checksum, snmp, transfer


def too_fast(times, arrivals, each):
    """Returns the frames that came before so many bits could have been sent, if each takes so many ns."""
    return [i for i, one in enumerate(arrivals) if one.time < times[0] + each * (i + 1)]


@pytest.mark.once
def test_rate(vnet):
    """The k-th frame cannot come before k frames have been sent bit by bit, with what is longer on the wire."""
    link = vnet.pair()
    plain_queue(link.a)
    for words, each in (("rate 8mbit", MS), ("rate 8mbit overhead 1000", 2 * MS), ("rate 1mbps", MS),
                        ("rate 8mbit cell 999", 1.998 * MS), ("rate 8mbit cell 500 cell-overhead 500", 2 * MS),
                        ("rate 8mbit queue 1000", MS), ("rate 8mbit queue-bytes 10m delay 50ms", MS)):
        link.a.impair(f"clear {words}")
        times, arrivals = cross(link, 60, 1000)
        assert [one.number for one in arrivals] == list(range(60)), words
        assert not too_fast(times, arrivals, each), words


@pytest.mark.once
def test_watchdog_waits_for_a_slow_rate(vnet):
    """A ring that was filled past the qdisc, and so past BQL, is empty only after 24 s: that is no hardware that hangs."""
    link = vnet.pair("numtxqueues 1 numrxqueues 1", "numtxqueues 1 numrxqueues 1")
    link.a.ethtool("-G", "tx", "64")
    link.a.impair("rate 32kbit")
    with link.a.packet_socket(0, bypass=True) as sock, contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for frame in make(link, 80, 1514):
            sock.send(frame)
    assert sum(queue["tx_stop"] for queue in link.a.queue_stats()) == 1
    wait_for(lambda: not sum(link.a.bql(IN_FLIGHT)), "the ring to be sent", timeout=60)
    assert sum(queue["tx_wake"] for queue in link.a.queue_stats()) == 1 and not link.a.extra()["tx_timeouts"]
    link.a.impair("rate none")


@pytest.mark.once
def test_watchdog_waits_for_what_is_before_the_ring(vnet):
    """A queue that is taken away while it is full is sent first, 10 s of it: that is no hardware that hangs, either."""
    link = vnet.pair("numtxqueues 1 numrxqueues 1", "numtxqueues 1 numrxqueues 1")
    link.a.ethtool("-G", "tx", "8")
    plain_queue(link.a)
    link.a.impair("rate 120kbit queue 1000")
    send(link.a, make(link, 100, 1500))
    wait_for(lambda: link.a.extra()["line_queue_peak"] > 90, "a queue")
    link.a.impair("clear rate 120kbit")
    send(link.a, make(link, 30, 1500, 100))
    assert link.a.stat("tx_packets") == 100 and sum(link.a.bql(IN_FLIGHT)) > 0
    wait_for(lambda: link.a.stat("tx_packets") > 100, "the ring's turn", timeout=60)
    assert not link.a.extra()["tx_timeouts"]
    link.a.impair("rate none")


@pytest.mark.once
def test_queue_is_shared_by_when_frames_came(vnet):
    """Of frames that lie in two TX rings, those survive that came first, and not those of the ring that is looked at first."""
    two = "numtxqueues 2 numrxqueues 2"
    link = vnet.pair(two, two)
    link.a.ethtool("-G", "tx", "64")
    link.a.impair("rate 5kbit queue 10")  # a frame takes 96 ms
    link.a.stall()

    def fill():
        socks = [link.a.packet_socket(0, bypass=True) for _ in range(2)]
        with contextlib.suppress(OSError):
            for number in range(65):
                for flow, sock in enumerate(socks):
                    os.sched_setaffinity(0, {flow})
                    sock.send(numbered(link.a.mac, link.b.mac, flow, number))
        for sock in socks:
            sock.close()

    collector = Collector(link.b)
    link.a.ns.call(fill)
    wait_for(lambda: link.a.extra()["tx_timeouts"], "the watchdog", timeout=60)
    link.at_rest()
    survived = [len(numbers) for _, numbers in sorted(collector.end().items())]
    assert len(survived) == 2 and sum(survived) >= 11 and min(survived) >= 4, survived
    extra = link.a.extra()
    assert extra["line_queue_drops"] == 128 - sum(survived)
    assert extra["wire_completions"] == 2  # each ring's at once, or byte queue limits would take them for few


def numbers_of(arrivals):
    """Returns the numbers of frames."""
    return [one.number for one in arrivals]


@pytest.mark.once
def test_queue_before_the_rate(vnet):
    """Beside the frame that is being sent just so many survive of a burst: the first, or with head-drop the last."""
    link = vnet.pair()
    frames = make(link, 20, 1000)
    for words, survivors in (("queue 4", [0, 1, 2, 3, 4]), ("queue 4 head-drop", [0, 16, 17, 18, 19]),
                             ("queue-bytes 3999", [0, 1, 2, 3]), ("queue 6 queue-bytes 2000 head-drop", [0, 18, 19]),
                             ("queue 4 duplicate 100%", [0, 0, 1, 1, 2])):
        drops = []

        def setting():
            link.a.impair(f"clear rate {160000 // SLOWNESS}bit {words}")  # a frame takes 50 ms, or more
            drops.append(line(link.a).get("queue_drops", 0))

        assert numbers_of(quick(link, frames, 50 * MS * SLOWNESS, setting)) == survivors, words
        sent = 40 if "duplicate" in words else 20
        assert line(link.a)["queue_drops"] - drops[-1] == sent - len(survivors)
    assert line(link.a)["queue_peak"] == 4


@pytest.mark.once
def test_frame_that_no_queue_could_hold(vnet):
    """With head-drop, too, it is the one that is lost, and not those that wait."""
    link = vnet.pair("mtu 3000", "mtu 3000")
    small, large = make(link, 5, 500), make(link, 1, 2600, 5)
    survivors = quick(link, [*small, *large], 50 * MS * SLOWNESS, lambda: link.a.impair(
        f"clear rate {80000 // SLOWNESS}bit queue-bytes 2500 head-drop"))
    assert numbers_of(survivors) == list(range(5))


def ip_frame(link, ecn, version=4, tag=b""):
    """Returns a frame of 500 bytes with a packet whose ECN field says that."""
    if version == 4:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, ecn, 486, 0, 0, 64, 253, 0, socket.inet_aton("192.0.2.1"),
                             socket.inet_aton("198.51.100.9"))
        header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    else:
        header = struct.pack("!IHBB", 6 << 28 | ecn << 20, 446, 253, 64) + bytes(31) + b"\2"
    kind = b"\x08\0" if version == 4 else b"\x86\xdd"
    return (make(link, 1)[0][:12] + tag + kind + header).ljust(500, b"\0")


@pytest.mark.once
def test_marks_instead_of_drops(vnet):
    """ECN: who understands it is marked when the queue is long, in IPv4 and IPv6, behind a tag as well; no other."""
    link = vnet.pair()
    for version in (4, 6):
        for ecn, tag in ((2, b""), (1, bytes.fromhex("81000007")), (0, b"")):
            frame = ip_frame(link, ecn, version, tag)
            with Tap(link.b) as tap:
                link.a.impair("rate 100kbit queue 100 ecn 1 seed 1")
                marked = line(link.a).get("ecn_marked", 0)
                send(link.a, [frame] * 10)  # a frame takes 40 ms
                link.at_rest()
                got = [one.frame for one in tap.all() if len(one.frame) == 500]
            marked = line(link.a).get("ecn_marked", 0) - marked
            at = 14 + len(tag)
            ce = [one for one in got if (one[at + 1] & 3 if version == 4 else one[at + 1] >> 4 & 3) == 3]
            assert len(got) == 10 and len(ce) == marked and (marked >= 5 if ecn else not marked)
            assert got[0] == frame and (version == 6 or all(checksum(one[at:at + 20]) == 0 for one in got))
            link.a.impair("clear")


def test_sender_feels_a_rate_without_a_queue(vnet):
    """Its ring fills, its queue stops, frames wait in the qdisc; when the rate goes, all arrive."""
    link = vnet.pair()
    link.a.impair("rate 100kbit")
    link.a.ethtool("-G", "tx", "8")
    plain_queue(link.a)
    with Tap(link.b) as tap:
        job = Job(lambda: send(link.a, make(link, 100, 1000)))
        wait_for(lambda: "backlog 0b" not in link.a.run("tc", "-s", "qdisc", "show", "dev", "vn0"), "a backlog")
        job.result()
        assert sum(link.a.bql(IN_FLIGHT)) > 0 and len(tap.arrivals()) < 100
        link.a.impair("rate none")
        link.at_rest()
        assert sorted(tap.numbers()) == list(range(100))
    assert "queue_drops" not in line(link.a)


def test_speed_is_the_rate(vnet):
    """`ethtool -s vn0 speed` sets it, and ethtool shows it, whoever has set it."""
    link = vnet.pair()
    link.a.ethtool("-s", "speed", "100", "duplex", "full", "autoneg", "off")
    assert link.a.show()["linkinfo"]["info_data"]["impair"]["rate"] == 100000000
    for rate, speed in (("rate 25gbit", 25000), ("rate 1kbit", 1), ("rate none", 10000)):
        link.a.impair(rate)
        assert f"Speed: {speed}Mb/s" in link.a.run("ethtool", "vn0")
    assert "Speed: 10000Mb/s" in link.b.run("ethtool", "vn1")


@pytest.mark.once
def test_rate_changes_while_a_frame_is_being_sent(vnet):
    """From one kind of waiting to the other and back, to none, and to another rate: each frame comes, once."""
    link = vnet.pair()
    plain_queue(link.a)
    for first, then in (("rate 100kbit", "rate 10mbit queue 1000"), ("rate 100kbit loss 0%", "rate 10mbit"),
                        ("rate 100kbit queue 1000", "rate 10mbit"), ("rate 100kbit", "rate none delay 1ms"),
                        ("rate 100kbit duplicate 0.0000001%", "rate none"), ("rate 100kbit", "clear")):
        link.a.impair(f"clear {first}")
        with Tap(link.b) as tap:
            job = Job(lambda: send(link.a, make(link, 60, 1000)))
            wait_for(lambda: link.a.extra()["line_frames"] and link.a.extra()["line_in_flight"], "traffic")
            link.a.impair(then)
            job.result()
            link.at_rest()
            assert sorted(tap.numbers()) == list(range(60)), (first, then)


@pytest.mark.once
def test_order_of_the_stages(vnet):
    """What is lost takes no time; a copy takes some; the next frame is sent while one is under way."""
    link = vnet.pair()
    # Nothing waits but what is not lost: there is room for one.
    link.a.impair("loss pattern 2-19 rate 8kbit queue 1 seed 1")
    assert lost(link, 20) == list(range(2, 20)) and "queue_drops" not in line(link.a)
    # Ten bursts in a row find room, though none has come yet.
    link.a.impair("clear rate 100mbit queue 6 delay 3s seed 1")
    before, drops = line(link.a)["delivered"], line(link.a).get("queue_drops")
    with Tap(link.b) as tap:
        for first in range(0, 60, 6):
            times = send(link.a, make(link, 6, 1000, first))
            link.conserved()  # long enough for six frames
        if line(link.a)["delivered"] == before:
            assert line(link.a)["in_flight"] == 60 and line(link.a).get("queue_drops") == drops
        link.at_rest()
        assert len(tap.arrivals()) == 60 and min(one.time for one in tap.arrivals()) > times[0] - 30 * S
    # The tag is put on when all is done.
    link.a.impair("clear truncate 100% to 40 corrupt 100% header bits 64 vlan push 7")
    link.b.ethtool("-K", "gro", "off")
    with Tap(link.b) as tap:
        send(link.a, make(link, 50, 300))
        link.at_rest()
        tagged = [one.frame for one in tap.all() if one.frame[12:16] == bytes.fromhex("81000007")]
        assert len(tagged) == 50 and {len(one) for one in tagged} == {44}


TAGS = [  # words; tags sent, as TPID and TCI from the outer one on; tags that arrive
    ("vlan pop", "81002005", ""), ("vlan pop", "", ""), ("vlan pop", "88a8000681000005", "81000005"),
    ("vlan match 5 pop", "81000006", "81000006"), ("vlan match 5 pop", "81006005", ""),
    ("vlan push 9", "", "81000009"), ("vlan push 9 pcp 3", "81000005", "8100600981000005"),
    ("vlan push 9 802.1ad", "81000005", "88a8000981000005"), ("vlan match 5 push 9", "", ""),
    ("vlan match 5 push 9", "8100a005", "810000098100a005"),
    ("vlan translate 7", "8100b005", "8100b007"), ("vlan match 5 translate 7 pcp 1", "8100b005", "81003007"),
    ("vlan translate 0", "88a80005", "88a80000"), ("vlan match 6 translate 7", "81000005", "81000005"),
    ("vlan pop push 8", "81000005", "81000008"), ("vlan", "81000005", "81000005"),
]


@pytest.mark.once
def test_tags(vnet):
    """Taken off, put on, changed, of the frames that are meant; whether the far end wants them aside or not."""
    link = vnet.pair()
    plain, = make(link, 1, 100)
    for i, (words, before, after) in enumerate(TAGS):
        if i % 4 == 0:
            rxvlan = "off" if i % 8 else "on"
            link.b.ethtool("-K", "rx-vlan-hw-parse", rxvlan, "rx-vlan-stag-hw-parse", rxvlan)
        link.a.impair(f"clear {words}")
        with Tap(link.b) as tap:
            send(link.a, [plain[:12] + bytes.fromhex(before) + plain[12:]])
            link.conserved()
            got, = [one.frame for one in tap.all() if len(one.frame) >= 100]
        assert got == plain[:12] + bytes.fromhex(after) + plain[12:], (words, before)
    count = line(link.a)
    assert (count["vlan_popped"], count["vlan_pushed"], count["vlan_translated"]) == (4, 5, 3)


def test_tags_beside_the_frame(vnet):
    """A VLAN device hands its tag over beside the frame: changed by the wire all the same, both ways."""
    link = vnet.pair()
    link.a.ns.ip("link add link vn0 name v type vlan id 5", "link set v up", "addr add 203.0.113.1/24 dev v")
    link.b.ns.ip("link add link vn1 name v type vlan id 6", "link set v up", "addr add 203.0.113.2/24 dev v")
    link.a.impair("vlan match 5 translate 6 peer vlan match 6 translate 5")
    link.a.run("ping", "-c", "2", "-i", "0.01", "203.0.113.2")
    link.a.impair("vlan pop peer vlan push 5")
    link.b.ns.ip("link del v", "addr add 203.0.113.2/24 dev vn1")
    link.a.run("ping", "-c", "2", "-i", "0.01", "203.0.113.2")
    assert line(link.a)["vlan_popped"] >= 2 and line(link.b)["vlan_pushed"] >= 2


def offloads(end):
    """Whether the end may send frames larger than a wire carries."""
    return re.search(r"tcp-segmentation-offload: (\w+)", end.ethtool("-k"))[1] == "on"


def test_large_frames(vnet):
    """A delay carries them whole; losses are of single segments, so none is larger; clear brings them back."""
    link = vnet.pair()
    link.a.impair("delay 1ms")
    assert offloads(link.a) and transfer(link, 1 << 20)
    assert line(link.a)["frames"] < 400
    link.a.impair("clear loss 3% seed 1")
    before, sent = line(link.a)["frames"], snmp(link.a, "Tcp", "RetransSegs")
    assert not offloads(link.a) and offloads(link.b)
    assert transfer(link, 1 << 20)
    assert line(link.a)["frames"] - before > 700
    dropped, again = line(link.a)["lost"], snmp(link.a, "Tcp", "RetransSegs") - sent
    assert dropped * 0.5 < again < dropped * 3 + 10
    link.a.impair("clear")
    assert offloads(link.a)


def test_link_that_flaps(vnet):
    """Both ends lose their carrier and get it back; what waits for the rate meanwhile is lost, and counted."""
    link = vnet.pair()
    link.a.ethtool("-G", "tx", "512")
    link.a.bql("limit_min", 1 << 24)
    link.a.impair("rate 1mbit flap 100ms 200ms")
    for _ in range(2):
        wait_for(lambda: link.a.carrier() and link.b.carrier(), "a carrier")
        send(link.a, make(link, 100, 1000))
        wait_for(lambda: not link.a.carrier() and not link.b.carrier(), "no carrier")
    link.at_rest()
    count = line(link.a)
    assert count["no_carrier"] == count["lost"] > 20
    for change in (link.a.down, link.a.up, link.b.down, link.b.up, lambda: link.a.impair("delay 1ms")):
        change()
    wait_for(lambda: link.a.carrier() and link.b.carrier(), "a carrier")
    link.a.impair("flap 10ms 3000ms")
    wait_for(lambda: not link.a.carrier(), "no carrier")
    link.a.impair("flap none")
    assert link.a.carrier() and link.b.carrier()
    assert numbers(link, 10) == list(range(10))
    link.b.impair("flap 1ms 1ms")
    wait_for(lambda: not link.a.carrier(), "no carrier")
    link.a.run("ip", "link", "del", "vn0")
