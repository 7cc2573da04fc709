"""How long a delay really is. Runs in a VM whose clock counts instructions (tools/vm --icount): what the
machine below is busy with changes nothing there, so an upper bound can be asserted too."""

import math
import socket
import struct
import time

import pytest

from nic import HELLO, NEIGHBOUR, OUR_MAC, SO_TIMESTAMPNS, Pktgen, mac, ping, wait_for

pytestmark = [pytest.mark.milestone(9), pytest.mark.exact]

# From the moment that a frame is due to the moment that it is in the RX ring: the timer's interrupt and the
# frames before it. Thousands of instructions, not tens of thousands.
SLACK_NS = 50_000


def one_way(nic, count, spacing):
    """Sends frames one by one and returns how long each was under way, in ns by the kernel's timestamps.

    The end is the RX timestamp; the begin is read just before the frame is sent, so that the sender's own
    time comes on top.
    """
    frame = mac(NEIGHBOUR) + mac(OUR_MAC) + HELLO.to_bytes(2, "big")
    sent, delays = {}, []
    with nic.raw_socket(HELLO) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        for i in range(count):
            sent[i] = time.time_ns()
            sock.send((frame + i.to_bytes(4, "big")).ljust(60, b"\0"))
            time.sleep(spacing)
        for _ in range(count):
            data, extra, _, _ = sock.recvmsg(2000, 100)
            seconds, ns = struct.unpack("qq", extra[0][2])
            delays.append(seconds * 10**9 + ns - sent[int.from_bytes(data[14:18], "big")])
    return delays


def test_mean_delay_is_the_one_asked_for(nic):
    """By the driver's own account, changed at run time: never less, and hardly more."""
    nic.start(wire="loop")
    total = 0
    for delay_ns in (0, 1, 100_000, 12_345_678, 1_000_000_000):
        nic.set(delay_ns=delay_ns)
        nic.send(count=100)
        nic.at_rest()
        before, total = total, nic.ethtool_stats()["wire_delay_ns"]
        assert delay_ns <= (total - before) / 100 <= delay_ns + SLACK_NS


def test_delay_measured_from_outside(nic):
    """By timestamps of a packet socket, which know nothing of the driver."""
    nic.start(wire="loop", delay_ns=5_000_000, tx_usecs=10)
    delays = one_way(nic, 50, 0.001)
    assert 5_000_000 <= min(delays) and sum(delays) / 50 <= 5_000_000 + 20 * SLACK_NS


def test_delay_shows_in_ping(nic):
    """Twice there and back is four crossings, but two delays: out of the TX ring, to the RX ring."""
    nic.start(address="192.0.2.1/24", delay_ns=7_000_000, tx_usecs=10)
    ping("192.0.2.2", count=1)
    times = ping("192.0.2.2", count=20)[2]
    assert 14.0 <= min(times) <= sum(times) / len(times) <= 15.0


def test_jitter_keeps_mean_and_range(nic):
    """10 ms ± 4 ms: evenly between 6 and 14, with a mean of 10 within the bound of chance (999 of 1000)."""
    nic.start(wire="loop", delay_ns=10_000_000, jitter_ns=4_000_000, tx_usecs=10)
    delays = one_way(nic, 400, 0.0005)
    slack = 20 * SLACK_NS
    assert 6_000_000 <= min(delays) < 7_000_000 and 13_000_000 < max(delays) <= 14_000_000 + slack
    mean, bound = sum(delays) / 400, 3.3 * 4_000_000 / math.sqrt(3 * 400)
    assert 10_000_000 - bound <= mean <= 10_000_000 + bound + slack


def test_jitter_above_the_delay_keeps_the_mean(nic):
    """It counts as equal to the delay: nothing arrives before it was sent, and the mean stays."""
    nic.start(wire="loop", delay_ns=2_000_000, jitter_ns=900_000_000)
    nic.send(count=200)
    nic.at_rest()
    mean, bound = nic.ethtool_stats()["wire_delay_ns"] / 200, 3.3 * 2_000_000 / math.sqrt(3 * 200)
    assert abs(mean - 2_000_000) <= bound + SLACK_NS


def test_the_line_has_an_end(nic):
    """More frames under way than it holds: counted apart from loss, and the sender is told nothing.

    Here, because the frames must all be sent before the first arrives, a second later.
    """
    nic.start(wire="loop", delay_ns=1_000_000_000)
    pktgen = Pktgen("vnet0", threads=1, count=20000)
    assert pktgen.run() == (20000, 0)
    pktgen.remove()
    wait_for(lambda: nic.stat("tx_packets") == 20000, "20000 frames to be sent")
    nic.at_rest()
    stats = nic.ethtool_stats()
    assert (stats["wire_overflow"], stats["wire_lost"], nic.stat("tx_dropped")) == (20000 - 16384, 0, 0)
