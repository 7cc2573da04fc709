"""What may happen to a link at any time: hardware that hangs, ends that go down or away, odd frames."""

import contextlib
import os
import re
import socket
import time

import pytest

from bpf import Program
from frames import Collector, numbered
from link import End
from nic import HELLO, mac, traced, wait_for

REMOVED = "pktgen: WARNING: trying to remove a running interface"


def timeouts(end):
    """Returns how often the watchdog has found the end's hardware hanging."""
    return end.extra()["tx_timeouts"]


def test_hardware_that_hangs_is_reset(vnet):
    """It carries nothing, the watchdog notices, and then all that it held arrives."""
    link = vnet.pair()
    collector, sender = link.numbered()
    wait_for(lambda: min(sender.sent) > 20, "traffic")
    link.a.stall()
    wait_for(lambda: timeouts(link.a) > 0, "the watchdog", timeout=60)
    accepted = sum(sender.sent)
    wait_for(lambda: sum(sender.sent) > accepted + 100, "traffic to go on")
    sent, flows = sender.end(), collector.end()
    assert flows == {flow: list(range(count)) for flow, count in enumerate(sent)}
    assert timeouts(link.b) == 0 and vnet.log.has("vn0: TX queue . timed out, resetting")


@pytest.mark.once
def test_all_queues_of_hardware_that_hangs(vnet):
    """One of them is noticed, and what all of them held arrives."""
    link = vnet.pair("numtxqueues 4 numrxqueues 4", "numtxqueues 4 numrxqueues 4")
    link.a.ethtool("-G", "tx", "8")
    collector = Collector(link.b)
    link.a.stall()
    sent = [0] * 2
    for cpu in 1, 0:  # the last one's ring is full
        os.sched_setaffinity(0, {cpu})
        with link.a.packet_socket(0, bypass=True) as sock, contextlib.suppress(OSError):
            for number in range(100 if cpu == 0 else 3):
                sock.send(numbered(link.a.mac, link.b.mac, cpu, number))
                sent[cpu] += 1
    os.sched_setaffinity(0, {0, 1})
    assert sent == [8, 3]
    wait_for(lambda: timeouts(link.a) > 0, "the watchdog", timeout=60)
    link.at_rest()
    assert collector.end() == {cpu: list(range(count)) for cpu, count in enumerate(sent)} and timeouts(link.a) == 1


@pytest.mark.once
def test_hangs_while_settings_change(vnet):
    """Who changes settings all the time does not keep the watchdog from looking."""
    link = vnet.pair()
    link.a.impair("delay 1ms")
    collector, sender = link.numbered()
    wait_for(lambda: min(sender.sent) > 20, "traffic")
    link.a.stall()
    end, delay = time.monotonic() + 60, 1
    while not timeouts(link.a):
        assert time.monotonic() < end, "the watchdog was not awake for a minute"
        delay = 3 - delay
        link.a.impair(f"delay {delay}ms")
        time.sleep(0.5)
    sent, flows = sender.end(), collector.end()
    assert {flow: sorted(numbers) for flow, numbers in flows.items()} == {n: list(range(count)) for n, count in enumerate(sent)}


def test_one_direction_hangs_alone(vnet):
    """What hangs is a sender: the other way is free. A stalled device can be taken down and away all the same."""
    link = vnet.pair()
    link.a.stall()
    frame = mac(link.a.mac) + mac(link.b.mac) + HELLO.to_bytes(2, "big") + bytes(46)
    with link.b.packet_socket(0) as sender, link.a.packet_socket(HELLO) as receiver:
        sender.send(frame)
        assert receiver.recv(2048) == frame
    before = link.b.stat("rx_packets")
    for options in (("-G", "tx", "128"), ("-L", "combined", "1"), ("-A", "rx", "off")):
        with link.a.packet_socket(0) as sock:
            sock.send(frame)
        assert link.b.stat("rx_packets") == before
        link.a.ethtool(*options)
        before += 1
        assert link.b.stat("rx_packets") == before  # a reset: what it held has arrived
        link.a.stall()
    with link.a.packet_socket(0) as sock:
        sock.send(frame)
    link.a.down()
    assert link.b.stat("rx_packets") == before + 1
    link.a.up()
    link.a.stall()
    link.a.run("ip", "link", "del", "vn0")


def test_stall_of_a_device_that_is_not_there(vnet):
    """Is an error, and no crash; so is what is no number, and a device that is down: it is well when it comes up."""
    link = vnet.pair()
    number = link.a.id()
    link.a.down()
    with pytest.raises(OSError, match="down"):
        link.a.stall()
    link.a.up()
    link.a.run("ping", "-c", "1", "192.0.2.2")
    link.a.run("ip", "link", "del", "vn0")
    for text in (number, "x", "-1", ""):
        done = vnet.root.run("sh", "-c", f"printf '{text}' >/sys/kernel/debug/vnet/stall || echo refused", check=False)
        assert "refused" in done or not text


def test_carrier_follows_both_ends(vnet):
    """There is a link if both are up, whichever goes down."""
    link = vnet.pair(up=False)
    for a, b in ((1, 0), (1, 1), (0, 1), (1, 1), (1, 0), (0, 0), (0, 1)):
        for end, up in ((link.a, a), (link.b, b)):
            (end.up if up else end.down)()
        assert (link.a.carrier(), link.b.carrier()) == (bool(a and b),) * 2


def test_ends_go_down_and_up_under_traffic(vnet):
    """The link always comes back; what arrives is in order, and what was not carried is counted as dropped.

    What arrives is less than what was carried: an end that comes up receives before its sockets do.
    """
    link = vnet.pair()
    collector, sender = link.numbered()
    for end in (link.a, link.b) * 4:
        end.down()
        end.up()
        before = link.b.stat("rx_packets")
        wait_for(lambda: link.b.stat("rx_packets") > before + 20, "traffic to go on")
    sent, flows = sender.end(), collector.end()
    assert all(numbers == sorted(set(numbers)) for numbers in flows.values())
    link.at_rest()
    assert sum(map(len, flows.values())) <= sum(sent) <= link.a.stat("tx_packets") + link.a.stat("tx_dropped")


@pytest.mark.expect_log(REMOVED)
@pytest.mark.parametrize("how", ["sender", "receiver", "receiver's namespace"])
def test_goes_away_under_pktgen(vnet, how):
    """Deleted from either side while two CPUs send, by itself or with its namespace."""
    link = vnet.pair()
    with link.a.pktgen(link.b, count=0).running():
        wait_for(lambda: link.b.stat("rx_packets") > 500, "traffic")
        if how == "sender":
            link.a.run("ip", "link", "del", "vn0")
        elif how == "receiver":
            link.b.run("ip", "link", "del", "vn1")
        else:
            link.b.ns.delete()
        wait_for(lambda: not link.a.exists() and not link.b.exists(), "both ends to go")


@pytest.mark.parametrize("writer", ["GRO", "XDP", "no offloads", "line", "reflect", "short", "XDP, tag"])
@pytest.mark.once
def test_frames_that_pktgen_still_holds(vnet, writer):
    """It keeps a hold on what it has sent, and a tap has a clone of it: who writes to such a frame has one of his own."""
    link = vnet.single("reflect") if writer == "reflect" else vnet.pair()
    a, b = link.a, link.b
    a.ethtool("-K", "tso", "off", "gso", "off")  # else nothing is joined at the far end
    if writer == "no offloads":
        b.ethtool("-K", "gro", "off", "rx", "off", "rxvlan", "off")
    elif writer == "line":
        a.impair("delay 100us duplicate 100% corrupt 100% truncate 50% to 50 vlan push 5")
    program = Program(b, "headroom") if "XDP" in writer else None
    kind = {"short": {"pkt_size": 42}, "XDP, tag": {}}.get(writer, {"vlan_id": 7})
    sender = a
    if writer == "XDP, tag":  # which then is beside the frame, and not in it
        a.ns.ip("link add link vn0 name vn0.5 type vlan id 5", "link set vn0.5 up")
        sender = End(a.ns, "vn0.5")
    with a.ns.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))) as tap:
        tap.bind((a.name, 3))
        pktgen = sender.pktgen(b, count=500, xmit_mode="queue_xmit", **kind)
        assert pktgen.run() == (1000, 0)
        pktgen.remove()
        link.at_rest()
    if program:
        program.detach()


def test_short_frames(vnet):
    """From a bare header to the shortest that Ethernet allows: padded with zeros, not with what lay in memory."""
    link = vnet.pair()
    head = mac(link.b.mac) + mac(link.a.mac) + HELLO.to_bytes(2, "big")
    with link.a.packet_socket(0) as sender, link.b.packet_socket() as receiver:
        for size in range(15, 62):
            frame = head + b"\xff" * (size - 14)
            sender.send(frame)
            assert receiver.recv(2048) == frame.ljust(60, b"\0")
    assert link.a.stat("tx_packets") == 47


@pytest.mark.parametrize("wire", ["loop", "reflect"])
def test_frames_cut_short(vnet, wire):
    """Of every protocol that the wire looks into, cut at every length: the driver reads no further than they go."""
    end = vnet.single(wire).a
    head = mac("06:00:00:00:00:01") + mac(end.mac)
    bodies = (b"\x08\x00\x45" + bytes(46), b"\x86\xdd\x60" + bytes(46),
              b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01" + bytes(40),
              b"\x81\x00\x00\x05\x81\x00\x00\x06\x08\x00" + bytes(40), b"\x88\xa8\x00\x05\x81\x00" + bytes(40))
    with end.packet_socket(0) as sock:
        for body in bodies:
            for size in range(15, 61):
                sock.send((head + body)[:size])


def test_arp_is_padded(vnet):
    """42 bytes of it go out, 60 arrive."""
    link = vnet.pair()
    with link.b.packet_socket(0x806) as receiver:
        link.a.run("ping", "-c", "1", "192.0.2.2")
        frame = receiver.recv(2048)
    assert len(frame) == 60 and frame[42:] == bytes(18)


def test_answers_byte_by_byte(vnet):
    """What `reflect` sends back is the frame with its addresses swapped and nothing else, with zeros up to 60 bytes."""
    end = vnet.single("reflect").a
    own, station = mac(end.mac), mac("06:00:00:00:00:01")
    near, far = (socket.inet_aton(address) for address in ("192.0.2.1", "192.0.2.77"))
    near6, far6 = (socket.inet_pton(socket.AF_INET6, address) for address in ("2001:db8::1", "2001:db8::77"))
    arp = b"\x08\x06\0\1\x08\0\6\4\0"
    with end.packet_socket() as sock:
        def answer(frame):
            sock.send(frame)
            return sock.recv(2048)

        got = answer(b"\xff" * 6 + own + arp + b"\1" + own + near + bytes(6) + far)
        there = got[6:12]  # whoever that is
        assert got == (own + there + arp + b"\2" + there + far + own + near).ljust(60, b"\0")
        for tail in (b"!", bytes(range(1, 101))):
            for head, one, other in ((b"\x08\0\x45" + bytes(11), near, far), (b"\x86\xdd\x60" + bytes(7), near6, far6),
                                     (b"\x88\xb5", b"", b"")):
                assert (answer(station + own + head + one + other + tail)
                        == (own + station + head + other + one + tail).ljust(60, b"\0"))


@pytest.mark.parametrize("mtu", [68, 1500, 9000, 65535])
def test_frame_as_large_as_the_mtu(vnet, mtu):
    """Arrives whole, and so does the answer; one byte more does not go."""
    link = vnet.pair(f"mtu {mtu}", f"mtu {mtu}")
    size = min(mtu - 28, 65507)
    assert " 0% packet loss" in link.a.run("ping", "-c", "1", "-M", "do", "-s", size, "192.0.2.2")
    if mtu < 65535:
        assert "100% packet loss" in link.a.run("ping", "-c", "1", "-W", "1", "-M", "do", "-s", size + 1, "192.0.2.2",
                                                check=False)


def test_marks_do_not_cross(vnet):
    """The other host's rules see no mark that this host has set."""
    link = vnet.pair()
    # Before the rule for the host's own addresses, which comes first by default.
    link.b.ns.ip("rule add pref 10 table local", "rule del pref 0", "rule add pref 1 fwmark 7 blackhole")
    link.b.run("ping", "-c", "1", "192.0.2.1")  # both know each other's address
    assert link.a.run("ping", "-m", "7", "-Q", "16", "-c", "2", "-i", "0.01", "192.0.2.2").count("ttl=") == 2


def test_clean_traffic_drops_nothing(vnet):
    """The kernel frees no buffer as lost while frames cross in both directions, queues are resized, ends ping."""
    link = vnet.pair()
    link.a.run("ping", "-c", "1", "192.0.2.2")
    with traced(event="skb/kfree_skb") as lines:
        link.a.run("ping", "-f", "-c", "200", "192.0.2.2")
        link.b.ethtool("-G", "rx", "64")
        link.b.run("ping", "-f", "-c", "200", "-s", "1400", "192.0.2.1")
        link.at_rest()
        dropped = [line for line in lines() if re.search(r"vnet_|NOT_SPECIFIED|dev_hard|netif", line)]
    assert not dropped, "\n".join(dropped[:5])
