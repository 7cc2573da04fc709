"""Milestone 3: frames wait in a ring, and complete later."""

import re
import time

import pytest

from nic import NET, Pktgen, wait_for

pytestmark = pytest.mark.milestone(3)


def test_completion_comes_later(nic):
    """Frames count as sent when the wire has taken them, not when the stack has handed them over."""
    nic.start(tx_usecs=300000)
    nic.send(count=50)
    assert nic.stat("tx_packets") == 0
    wait_for(lambda: nic.stat("tx_packets") == 50, "50 completions")


def test_many_frames_wait_at_once(nic, kernel_log):
    """The ring holds more than one frame: one completion takes many."""
    nic.start(tx_usecs=300000)
    nic.debug()
    nic.set_verbose()
    nic.send(count=100)
    wait_for(lambda: nic.stat("tx_packets") == 100, "100 completions")
    batches = [int(re.search(r"wire: (\d+) frames", line).group(1)) for line in kernel_log.has("wire: ")]
    assert max(batches) > 10 and sum(batches) == 100


@pytest.mark.pace
@pytest.mark.milestone(3, every=True, new=False)
@pytest.mark.once
def test_two_senders_never_hear_busy(nic):
    """pktgen on two CPUs, a ring that is full most of the time: no BUSY, no stall, nothing lost.

    pktgen retries after NETDEV_TX_BUSY and does not count it; the driver says so in the log.
    """
    nic.start(tx_usecs=20000)  # so that a slow machine fills the ring, too
    pktgen = Pktgen("vnet0", threads=2, count=3000)
    sent, errors = pktgen.run()
    pktgen.remove()
    assert (sent, errors) == (6000, 0)
    wait_for(lambda: nic.stat("tx_packets") == 6000, "6000 completions")
    assert nic.stat("tx_dropped") == 0
    assert not nic.log.has("TX ring full")
    stats = nic.ethtool_stats()
    assert not stats or stats["tx_ring_stop"] > 0 and stats["tx_ring_wake"] > 0


@pytest.mark.milestone(3, every=True)
def test_skb_is_not_shared(nic):
    """A driver that keeps a frame must not let pktgen send the same one again and again."""
    nic.start()
    with pytest.raises(OSError):
        Pktgen("vnet0", threads=1, clone_skb=10)


def test_timeout_recovers(nic):
    """A wire slower than the watchdog: the time-out is noticed, counted, and traffic goes on."""
    nic.start(tx_usecs=10000000)
    timeouts = NET / "vnet0/queues/tx-0/tx_timeout"
    for _ in range(3):  # sockets, as one has memory for some 200 frames only
        nic.send(count=100)
    assert nic.stat("tx_packets") == 0
    nic.set(tx_usecs=100)  # for the frames after the time-out; the timer is set already
    wait_for(lambda: int(timeouts.read_text()) >= 1, "the watchdog")
    wait_for(lambda: nic.stat("tx_packets") == 300, "300 completions after the time-out")
    nic.send(count=10)
    wait_for(lambda: nic.stat("tx_packets") == 310, "traffic to go on")
    assert nic.log.has("TX queue 0 timed out")


@pytest.mark.milestone(3, every=True, new=False)
def test_down_and_up_under_load(nic):
    """The ring is emptied, and nothing is left running, whenever the device goes down."""
    nic.start(tx_usecs=1000)
    pktgen = Pktgen("vnet0", threads=2, count=0)
    for _ in range(3):
        with pktgen.running():
            time.sleep(0.05)
            nic.down()
        nic.up()
    pktgen.remove()
    assert nic.stat("tx_packets") > 0


def test_rejects_nonsense(nic):
    """tx_usecs has a range, at load time and at run time."""
    assert nic.load(tx_usecs=0) == "vnet: tx_usecs must be 1 to 10000000"
    nic.load()
    with pytest.raises(OSError):
        nic.set(tx_usecs=10000001)
    assert nic.parameter("tx_usecs").read_text() == "100\n"
