"""Milestone 4: frames come in by themselves, through an RX ring and an interrupt."""

import re

import pytest

from nic import HELLO, NEIGHBOUR, OUR_MAC, Tcpdump, mac, run, wait_for

pytestmark = pytest.mark.milestone(4, until=6)


def test_tcpdump_shows_hello(nic):
    """The frame as the worksheet shows it."""
    nic.start(rx_rate=20)
    with Tcpdump("-i", "vnet0", "-e", "-A", "ether", "proto", "0x88b5") as tcpdump:
        text = "\n".join(tcpdump.lines(3))
    assert re.search(f"{NEIGHBOUR} > {OUR_MAC}.*length 60", text)
    assert "Hello from vnet RX" in text


def test_frames_are_whole_and_in_order(nic):
    """60 bytes, zeros behind the text, the neighbour's address, and numbers that count up."""
    nic.start(rx_rate=100, rx_burst=8)
    frames = nic.received(40, HELLO)
    numbers = []
    for frame in frames:
        assert len(frame) == 60 and frame[:12] == mac(OUR_MAC) + mac(NEIGHBOUR)
        text, _, zeros = frame[14:].partition(b"\0")
        assert not zeros.strip(b"\0")
        numbers.append(int(re.fullmatch(rb"Hello from vnet RX (\d+)", text).group(1)))
    assert numbers == list(range(numbers[0], numbers[0] + 40))


def test_header_counts_in_bytes(nic):
    """60 bytes a frame: both directions count the Ethernet header."""
    nic.start(rx_rate=100)
    wait_for(lambda: nic.stat("rx_packets") >= 5, "5 frames")
    nic.set(rx_rate=0)
    nic.down()
    assert nic.stat("rx_bytes") == 60 * nic.stat("rx_packets")


def test_rate_can_be_set(nic):
    """Silence at 0; sound again after; nonsense refused."""
    nic.start(rx_rate=0)
    nic.set(rx_rate=1000)
    wait_for(lambda: nic.stat("rx_packets") >= 50, "50 frames")
    nic.set(rx_rate=0)
    nic.down()
    nic.up()
    before = nic.stat("rx_packets")
    run("sleep", "0.3")
    assert nic.stat("rx_packets") == before
    with pytest.raises(OSError):
        nic.set(rx_rate=10001)
    assert nic.log.has("rx_rate must be 0 to 10000")


def test_ring_overflow_is_counted(nic):
    """A burst larger than the ring misses it; every frame is in exactly one counter."""
    nic.start(rx_rate=20, rx_burst=300)
    wait_for(lambda: nic.stat("rx_missed_errors") > 0, "the ring to overflow")
    nic.down()
    total = nic.stat("rx_packets") + nic.stat("rx_missed_errors")
    assert nic.stat("rx_missed_errors") % 44 == 0 and total % 300 == 0


def test_down_and_up_under_load(nic):
    """The neighbour falls silent with the device, and nothing is left in the ring."""
    nic.start(rx_rate=5000, rx_burst=4)
    for _ in range(10):
        wait_for(lambda: nic.stat("rx_packets") > 0, "a frame")
        nic.down()
        before = nic.stat("rx_packets")
        run("sleep", "0.05")
        assert nic.stat("rx_packets") == before
        nic.up()
