"""Milestone 9: the wire delays, loses and retags, and says so."""

import contextlib
import fcntl
import math
import socket
import struct
import termios
import time
from pathlib import Path

import pytest

from nic import (HELLO, NEIGHBOUR, NET, OUR_MAC, PACKET_AUXDATA, SLOWNESS, SOL_PACKET, Pktgen, Tcpdump, mac, ping, run,
                 wait_for)

pytestmark = pytest.mark.milestone(9)

US, THEM = "192.0.2.1", "192.0.2.2"


def sent_through(nic, frame):
    """Sends a frame and returns it as it is received: with all tags in its bytes."""
    with nic.raw_socket() as sock:
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)  # tells the outer tag, which the stack takes off
        sock.send(frame)
        data, extra, _, _ = sock.recvmsg(2000, 100)
    status, *_, tci, tpid = struct.unpack("=IIIHHHH", extra[0][2][:20])
    if status & 0x10:  # TP_STATUS_VLAN_VALID
        data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
    return data


def frame_with_tags(*tags):
    """Returns a frame with these (type, TCI) tags, outermost first."""
    stack = b"".join(struct.pack("!HH", *tag) for tag in tags)
    return mac(NEIGHBOUR) + mac(OUR_MAC) + stack + struct.pack("!H", HELLO) + b"tagged".ljust(60, b".")


@pytest.mark.parametrize("settings, before, after", [
    ({"vlan_push": 42}, [], [(0x8100, 42)]),
    ({"vlan_push": 42}, [(0x8100, 7)], [(0x8100, 42), (0x8100, 7)]),
    ({"vlan_pop": 1}, [(0x8100, 7)], []),
    ({"vlan_pop": 1}, [(0x88A8, 9), (0x8100, 0x6007)], [(0x8100, 0x6007)]),
    ({"vlan_from": 7, "vlan_to": 8}, [(0x8100, 0xA007)], [(0x8100, 0xA008)]),
    ({"vlan_pop": 1, "vlan_from": 7, "vlan_to": 8}, [(0x88A8, 9), (0x8100, 7)], [(0x8100, 8)]),
    ({"vlan_from": 7, "vlan_to": 8, "vlan_push": 9}, [(0x88A8, 7)], [(0x8100, 9), (0x88A8, 8)]),
])
def test_tags_in_bytes(nic, settings, before, after):
    """Push, pop and translate on frames that come with their tags in the bytes, as from a packet socket."""
    nic.start(wire="loop", **settings)
    assert sent_through(nic, frame_with_tags(*before)) == frame_with_tags(*after)
    nic.at_rest()


@pytest.mark.milestone(9, new=False)
@pytest.mark.parametrize("settings, tags", [
    ({"vlan_pop": 1}, []),
    ({"vlan_from": 7, "vlan_to": 8}, []),
    ({"vlan_from": 7, "vlan_to": 8}, [(0x8100, 6)]),
])
def test_other_frames_keep_their_tags(nic, settings, tags):
    """Nothing to pop, or another VLAN than the one meant: not a bit is touched."""
    nic.start(wire="loop", **settings)
    assert sent_through(nic, frame_with_tags(*tags)) == frame_with_tags(*tags)


@pytest.mark.parametrize("vlan_pop, translate, expected", [
    (0, {}, [(0x8100, 5)]), (1, {}, []), (0, {"vlan_from": 5, "vlan_to": 6}, [(0x8100, 6)]),
])
def test_tags_in_metadata(nic, vlan_pop, translate, expected):
    """The same on frames of a VLAN device, whose tag the stack hands over beside the frame."""
    nic.start(wire="loop", vlan_pop=vlan_pop, **translate)
    assert "tx-vlan-offload: on" in nic.ethtool("-k")
    run("ip", "link", "add", "link", "vnet0", "name", "vnet0.5", "type", "vlan", "id", "5")
    Path("/proc/sys/net/ipv6/conf/vnet0.5/disable_ipv6").write_text("1")
    (NET / "vnet0.5/flags").write_text("0x1003")  # up, without multicast
    with Tcpdump("-i", "vnet0", "-e", "-Q", "in", "ether", "proto", "0x88b5", "or", "vlan") as tcpdump:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
            sock.bind(("vnet0.5", 0))
            sock.send(frame_with_tags())
        text = tcpdump.lines(1)[0]
    assert ("vlan" in text) == bool(expected)
    if expected:
        assert f"vlan {expected[0][1]}," in text
        wait_for(lambda: nic.stat("tx_bytes") == nic.stat("rx_bytes"), "a tag to count on both sides or on none")


def test_translation_joins_two_vlans(nic):
    """A ping between two VLANs, both ways through the wire: out on 5, in on 6."""
    nic.start(vlan_from=5, vlan_to=6)
    for vid in (5, 6):
        run("ip", "link", "add", "link", "vnet0", "name", f"vnet0.{vid}", "type", "vlan", "id", str(vid))
        (NET / f"vnet0.{vid}/flags").write_text("0x1003")
    nic.send(ethertype=0x8100, payload=bytes.fromhex("000588b5"))
    wait_for(lambda: int((NET / "vnet0.6/statistics/rx_packets").read_text()) == 1, "the frame on VLAN 6")
    assert int((NET / "vnet0.5/statistics/rx_packets").read_text()) == 0


def test_sender_sees_what_it_sent(nic):
    """A tcpdump on the sending side shows the frame before the wire wrote over it."""
    nic.start(wire="loop", vlan_from=7, vlan_to=8)
    with Tcpdump("-i", "vnet0", "-e", "vlan") as tcpdump:
        with nic.raw_socket(0) as sock:
            sock.send(frame_with_tags((0x8100, 7)))
        lines = tcpdump.lines(2)
    assert "vlan 7," in lines[0] and "vlan 8," in lines[1]


def test_pop_pads_again(nic):
    """A frame of 60 bytes that loses its tag is 60 bytes again."""
    nic.start(wire="loop", vlan_pop=1)
    frame = frame_with_tags((0x8100, 7))[:60]
    assert sent_through(nic, frame) == frame[:12] + frame[16:] + bytes(4)


def test_loss_is_what_was_asked_for(nic):
    """Within the bound that a fair coin stays in 999 times of 1000; the sender is told nothing."""
    nic.start(wire="loop", loss_ppm=100000, tx_usecs=1000, seed=7)
    pktgen = Pktgen("vnet0", threads=1, count=10000)
    assert pktgen.run() == (10000, 0)
    pktgen.remove()
    wait_for(lambda: nic.stat("tx_packets") == 10000, "10000 frames to be sent")
    nic.at_rest()
    lost = nic.ethtool_stats()["wire_lost"]
    bound = 3.3 * math.sqrt(10000 * 0.1 * 0.9)
    assert abs(lost - 1000) < bound
    assert nic.stat("tx_dropped") == nic.stat("tx_errors") == 0


def test_loss_of_all_and_of_none(nic):
    """0 and 1000000 are exact."""
    nic.start(wire="loop", loss_ppm=1000000)
    nic.send(count=500)
    wait_for(lambda: nic.ethtool_stats()["wire_lost"] == 500, "500 losses")
    nic.set(loss_ppm=0)
    nic.send(count=500)
    wait_for(lambda: nic.stat("rx_packets") == 500, "500 frames")
    assert nic.ethtool_stats()["wire_lost"] == 500


@pytest.mark.once
def test_same_seed_same_losses(nic):
    """The dice start where the seed says: which frames are lost can be had again."""
    def survivors(seed):
        nic.set(seed=seed)
        nic.down()
        nic.up()
        before = nic.stat("rx_packets")
        with nic.raw_socket(HELLO) as sock:
            for i in range(60):
                nic.send(ethertype=HELLO, payload=bytes([i]))
            nic.at_rest()
            count = nic.stat("rx_packets") - before
            return [sock.recv(2000)[14] for _ in range(count)]
    nic.start(wire="loop", loss_ppm=500000)
    first = survivors(5)
    assert first == survivors(5) != survivors(6)
    assert 0 < len(first) < 60


@pytest.mark.once
def test_devices_have_their_own_luck(nic):
    """The same seed, the same number of frames, two devices: not the same losses."""
    nic.start(wire="loop", loss_ppm=500000, devices=2)
    lost = []
    for name in ("vnet0", "vnet1"):
        run("ip", "link", "set", name, "up")
        nic.name = name
        with nic.raw_socket(HELLO) as sock:
            for i in range(60):
                nic.send(ethertype=HELLO, payload=bytes([i]))
            wait_for(lambda: nic.ethtool_stats()["tx_other"] >= 60, "60 frames to be sent")
            nic.at_rest()
            sock.setblocking(False)
            got = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    got.append(sock.recv(2000)[14])
        lost.append(got)
    assert lost[0] != lost[1] and all(0 < len(got) < 60 for got in lost)


def test_delay_is_never_shorter(nic):
    """A busy machine may make it longer; see test_exact.py for how long it is."""
    nic.start(address=f"{US}/24", delay_ns=30000000)
    assert min(ping(THEM, count=4)[2]) >= 60
    nic.at_rest()


def test_delayed_frame_is_off_the_senders_books(nic):
    """A frame on the wire has left: its sender's socket has its memory back."""
    nic.start(wire="loop", delay_ns=1000000000)
    with nic.raw_socket(0) as sock:
        sock.send(frame_with_tags())
        wait_for(lambda: nic.stat("tx_packets") == 1, "the frame to be sent")
        assert nic.stat("rx_packets") == 0, "too slow a machine for this test"
        assert struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0] == 0
    nic.at_rest()


@pytest.mark.once
def test_jitter_lets_frames_overtake(nic):
    """With jitter they do; without, never."""
    def order():
        with nic.raw_socket(HELLO) as sock:
            for i in range(50):
                nic.send(ethertype=HELLO, payload=bytes([i]))
            return [sock.recv(2000)[14] for _ in range(50)]
    delay = 20000000 * SLOWNESS  # much longer than from frame to frame
    nic.start(wire="loop", delay_ns=delay)
    assert order() == list(range(50))
    nic.set(jitter_ns=delay)
    shuffled = order()
    assert shuffled != list(range(50)) and sorted(shuffled) == list(range(50))


def test_down_with_frames_under_way(nic):
    """They are gone with the device, and accounted for; the same for rmmod."""
    nic.start(wire="loop", delay_ns=1000000000, jitter_ns=500000000)
    for _ in range(3):
        nic.send(count=100)
        time.sleep(0.05)
        nic.down()
        nic.at_rest()
        nic.up()
    assert nic.ethtool_stats()["wire_errors"] > 0
    nic.send(count=100)
    nic.unload()


def test_settings_change_under_load(nic):
    """Everything at once, at run time, with two senders: nothing is lost unaccounted."""
    nic.start(wire="loop", tx_usecs=200)
    pktgen = Pktgen("vnet0", threads=2, count=0)
    with pktgen.running():
        for i in range(20):
            nic.set(delay_ns=i % 5 * 1000000, jitter_ns=i % 3 * 1000000, loss_ppm=i % 4 * 100000,
                    vlan_push=i % 2 * 42, vlan_pop=i % 2, wire=("loop", "reflect")[i % 2])
            time.sleep(0.02)
    pktgen.remove()
    nic.at_rest()
    assert nic.ethtool_stats()["wire_lost"] > 0


@pytest.mark.parametrize("name, value, allowed", [
    ("delay_ns", 1000000001, "0 to 1000000000"), ("jitter_ns", -1, "0 to 1000000000"),
    ("loss_ppm", 1000001, "0 to 1000000"), ("vlan_push", 4095, "0 to 4094"), ("vlan_to", 4095, "0 to 4094"),
    ("vlan_pop", 2, "0 to 1"),
])
def test_rejects_nonsense(nic, name, value, allowed):
    """At load time and at run time, with the range named, and nothing changed."""
    assert nic.load(**{name: value}) == f"vnet: {name} must be {allowed}"
    nic.load()
    with pytest.raises(OSError):
        nic.set(**{name: value})
    assert nic.parameter(name).read_text() == "0\n"
