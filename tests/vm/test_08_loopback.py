"""Milestone 8: what leaves comes back, and a ping proves it."""

import ctypes
import socket
import struct
import time

import pytest

from nic import (HELLO, NEIGHBOUR, NET, OUR_MAC, SO_ATTACH_FILTER, SO_MARK, Patience, Pktgen, Tcpdump, mac, ping, run, traced,
                 wait_for)

pytestmark = pytest.mark.milestone(8)

US, THEM = "192.0.2.1", "192.0.2.2"


def lo_packets():
    """Returns how many packets lo has carried."""
    return int((NET / "lo/statistics/tx_packets").read_text())


@pytest.mark.once
def test_selftest_can_fail():
    """`make selftest` on a driver that has no far end. (test_run.py shows it pass.)"""
    assert "self-test FAILED" in run("tests/selftest", "phases/07-arp", check=False)


def test_ping_crosses_the_driver_four_times(nic):
    """Of an address that is not ours: counters of vnet0 move by four a ping, those of lo do not."""
    nic.start(address=f"{US}/24")
    ping(THEM, count=1)
    nic.at_rest()
    lo, tx, rx = lo_packets(), nic.stat("tx_packets"), nic.stat("rx_packets")
    assert ping(THEM, count=20)[:2] == (20, 20)
    nic.at_rest()
    assert (nic.stat("tx_packets") - tx, nic.stat("rx_packets") - rx, lo_packets() - lo) == (40, 40, 0)


def test_ping_of_our_own_address_proves_nothing(nic):
    """The trap: it goes through lo, and the driver never sees it."""
    nic.start(address=f"{US}/24")
    ping(THEM, count=1)
    nic.at_rest()
    tx, lo = nic.stat("tx_packets"), lo_packets()
    ping(US, count=5)
    assert nic.stat("tx_packets") == tx and lo_packets() == lo + 10
    assert "dev lo" in run("ip", "route", "get", US) and "dev vnet0" in run("ip", "route", "get", THEM)


def test_full_mtu(nic):
    """1472 bytes of ping are a frame of 1514."""
    nic.start(address=f"{US}/24")
    assert ping(THEM, count=10, size=1472)[:2] == (10, 10)
    nic.at_rest()
    assert nic.stat("tx_bytes") == nic.stat("rx_bytes")


def test_reflect_swaps_addresses(nic):
    """The frame as sent and as received, on the wire's two sides; the sender's tcpdump is not written over."""
    nic.start(address=f"{US}/24")
    ping(THEM, count=1)
    with Tcpdump("-i", "vnet0", "-e", "icmp") as tcpdump:
        ping(THEM, count=1)
        lines = tcpdump.lines(4)
    requests = [line for line in lines if "echo request" in line]
    assert f"{OUR_MAC} > {NEIGHBOUR}" in requests[0] and f"{US} > {THEM}" in requests[0]
    assert f"{NEIGHBOUR} > {OUR_MAC}" in requests[1] and f"{THEM} > {US}" in requests[1]


def test_reflect_answers_arp(nic):
    """As a neighbour: from its own MAC, 60 bytes; not to a probe or an announcement, not to a reply."""
    nic.start(address=f"{US}/24")
    with Tcpdump("-i", "vnet0", "-e", "arp") as tcpdump:
        ping(THEM, count=1)
        lines = tcpdump.lines(2)
    assert f"{OUR_MAC} > ff:ff:ff:ff:ff:ff" in lines[0] and f"Request who-has {THEM} tell {US}" in lines[0]
    assert f"{NEIGHBOUR} > {OUR_MAC}" in lines[1] and f"Reply {THEM} is-at {NEIGHBOUR}" in lines[1]
    assert "length 60" in lines[1]

    nic.at_rest()
    ignored = nic.ethtool_stats()["wire_ignored"]
    head = bytes.fromhex("0001080006040001") + mac(OUR_MAC)
    us, them, nobody = socket.inet_aton(US), socket.inet_aton(THEM), bytes(4)
    for sender, target in ((nobody, us), (us, us)):
        nic.send(ethertype=0x0806, dst="ff:ff:ff:ff:ff:ff", payload=head + sender + bytes(6) + target)
    nic.send(ethertype=0x0806, payload=head[:7] + b"\2" + head[8:] + us + mac(NEIGHBOUR) + them)
    wait_for(lambda: nic.ethtool_stats()["wire_ignored"] == ignored + 3, "three packets to be ignored")
    nic.at_rest()


@pytest.mark.parametrize("wire", ["loop", "reflect"])
def test_far_ends(nic, wire):
    """loop brings a frame back as it was; reflect with its MAC addresses swapped."""
    nic.start(wire=wire)
    nic.set(wire=wire)
    with nic.raw_socket(HELLO) as sock:
        for i in range(30):
            nic.send(size=100, ethertype=HELLO, payload=bytes([i]))
        frames = [sock.recv(2000) for _ in range(30)]
    addresses = [OUR_MAC, NEIGHBOUR] if wire == "reflect" else [NEIGHBOUR, OUR_MAC]
    for i, frame in enumerate(frames):
        assert frame == b"".join(map(mac, addresses)) + b"\x88\xb5" + bytes([i]) + bytes(85)


def test_short_frames_are_padded(nic):
    """What is shorter than Ethernet allows is sent with zeros behind it."""
    nic.start(wire="loop")
    with nic.raw_socket(HELLO) as sock:
        nic.send(size=14, ethertype=HELLO)
        assert sock.recv(2000)[14:] == bytes(46)


@pytest.mark.parametrize("size", [14, 17, 18, 20, 33, 41])
def test_truncated_frames_harm_nothing(nic, size):
    """Frames that end in the middle of a header: ARP, IP and stacked VLAN tags, to both far ends."""
    nic.start()
    for wire in ("reflect", "loop"):
        nic.set(wire=wire)
        for ethertype in (0x0806, 0x0800, 0x8100, 0x88A8):
            frame = mac(NEIGHBOUR) + mac(OUR_MAC) + ethertype.to_bytes(2, "big") + bytes.fromhex("00058100" * 8)
            with nic.raw_socket(0) as sock:
                sock.send(frame[:size])
    wait_for(lambda: nic.stat("tx_packets") == 8, "8 frames to be sent")
    nic.at_rest()


def test_a_bad_checksum_is_seen(nic):
    """Nothing claims that a checksum has been verified: the stack finds the bad one."""
    nic.start(address=f"{US}/24")
    def in_csum_errors():
        with open("/proc/net/snmp") as file:
            names, values = [line.split() for line in file if line.startswith("Icmp:")]
        return int(values[names.index("InCsumErrors")])
    before = in_csum_errors()
    header = bytes.fromhex("4500001c000100004001") + bytes(2) + socket.inet_aton(US) + socket.inet_aton(THEM)
    total = sum(int.from_bytes(header[i:i + 2], "big") for i in range(0, 20, 2))
    header = header[:10] + (0xFFFF - (total % 0xFFFF)).to_bytes(2, "big") + header[12:]
    nic.send(ethertype=0x0800, payload=header + bytes.fromhex("0800123400010001"))
    wait_for(lambda: in_csum_errors() == before + 1, "the bad checksum to be noticed")


def test_what_no_wire_carries_is_forgotten(nic):
    """A socket mark does not come out at the other end."""
    nic.start(wire="loop")
    # BPF: load the mark; take the frame if it is 0x42, drop it otherwise.
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in (
        (0x20, 0, 0, 0xFFFFF014), (0x15, 0, 1, 0x42), (6, 0, 0, 0xFFFF), (6, 0, 0, 0))))
    frame = (mac(NEIGHBOUR) + mac(OUR_MAC) + HELLO.to_bytes(2, "big")).ljust(60, b"\0")
    with nic.raw_socket(HELLO) as all_frames, nic.raw_socket(HELLO) as marked, nic.raw_socket(0) as sender:
        marked.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 4, ctypes.addressof(program)))
        marked.setblocking(False)
        sender.setsockopt(socket.SOL_SOCKET, SO_MARK, 0x42)
        for _ in range(3):
            sender.send(frame)
        for _ in range(3):
            all_frames.recv(2000)
        with pytest.raises(BlockingIOError):
            marked.recv(2000)


def test_ethtool_self_test(nic):
    """`ethtool -t` sends a frame and waits for it; a device that is down fails."""
    nic.start()
    text = nic.ethtool("-t")
    assert "The test result is PASS" in text and "Loopback frame" in text
    assert nic.stat("tx_packets") == nic.stat("rx_packets") == 1
    nic.set(wire="loop")
    assert "The test result is PASS" in nic.ethtool("-t")
    nic.down()
    assert "The test result is FAIL" in run("ethtool", "-t", "vnet0", check=False)


def test_clean_run_drops_nothing(nic):
    """A thousand frames there and back, and the drop monitor stays silent about us."""
    nic.start(address=f"{US}/24")
    with traced(event="skb/kfree_skb") as dropped:
        assert ping(THEM, count=250, interval=0.002)[:2] == (250, 250)
        assert not [line for line in dropped() if "vnet" in line]
    nic.at_rest()
    assert nic.stat("tx_packets") >= 501


@pytest.mark.milestone(8, every=True)
def test_two_senders_and_conservation(nic):
    """pktgen on two CPUs through the whole loop: everything sent is received or counted as missed."""
    nic.start(wire="loop", tx_usecs=1000)
    log_lines = len(nic.log.read())
    pktgen = Pktgen("vnet0", threads=2, count=4000)
    assert pktgen.run() == (8000, 0)
    pktgen.remove()
    wait_for(lambda: nic.stat("tx_packets") == 8000, "8000 frames to be sent")
    nic.at_rest()
    stats = nic.ethtool_stats()
    assert stats["napi_polls"] < nic.stat("rx_packets"), "no poll ever took more than one frame"
    assert len(nic.log.read()) - log_lines < 10, "the driver logs for each frame"


@pytest.mark.milestone(8, every=True)
@pytest.mark.expect_log("pktgen: WARNING: trying to remove a running interface")
def test_down_up_and_unload_under_load(nic):
    """At any moment, with frames in both rings. (pktgen, when it comes too late to stop, says so.)"""
    nic.start(wire="loop", tx_usecs=500)
    pktgen = Pktgen("vnet0", threads=2, count=0)
    for _ in range(3):
        with pktgen.running():
            time.sleep(0.05)
            nic.down()
            nic.at_rest()
        nic.up()
    with pktgen.running():
        time.sleep(0.05)
        nic.unload()


def test_unknown_far_end_is_refused(nic):
    """With the known ones named."""
    assert nic.load(wire="peer") == "vnet: wire must be loop or reflect"
    nic.load()
    with pytest.raises(OSError):
        nic.set(wire="")
    assert nic.parameter("wire").read_text() == "reflect\n"


def test_moves_between_namespaces(nic):
    """Into a namespace and back when it dies, with frames in the rings; the driver goes on."""
    nic.start(tx_usecs=200000)
    nic.send(count=20)
    run("ip", "netns", "add", "vnet-test")
    try:
        run("ip", "link", "set", "vnet0", "netns", "vnet-test")
        run("ip", "-n", "vnet-test", "addr", "add", f"{US}/24", "dev", "vnet0")
        run("ip", "-n", "vnet-test", "link", "set", "vnet0", "up")
        run("ip", "netns", "exec", "vnet-test", "ping", "-c", "2", "-i", "0.1",
            "-W", str(min(5, Patience.seconds)), THEM)
    finally:
        run("ip", "netns", "del", "vnet-test")
    wait_for(lambda: (NET / "vnet0").exists(), "vnet0 to come back")
    nic.up()
    nic.at_rest()
