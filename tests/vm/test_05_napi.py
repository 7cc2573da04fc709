"""Milestone 5: the interrupt is short, the poll does the work."""

import re

import pytest

from nic import HELLO, NET, run, traced, wait_for

pytestmark = pytest.mark.milestone(5, until=6)


def polls(nic):
    """Returns the work and the budget of every poll in the log."""
    return [tuple(map(int, re.search(r"poll: (\d+) of (\d+)", line).groups())) for line in nic.log.has("poll: ")]


@pytest.mark.pace
def test_poll_takes_many_frames(nic):
    """Several frames a poll under load; with more than the budget there, the budget, and then the rest."""
    nic.start(rx_rate=50, rx_burst=200)
    nic.debug()
    nic.set_verbose()
    wait_for(lambda: sum(work for work, _ in polls(nic)) >= 1000, "1000 frames")
    assert all(work <= budget for work, budget in polls(nic))
    assert [work for work, budget in polls(nic) if work == budget], "the budget was never used up"
    assert [work for work, budget in polls(nic) if 1 < work < budget]


def test_nothing_is_stuck_in_the_ring(nic):
    """One interrupt a frame: the last frame of every burst comes through, however the poll races with it."""
    nic.start(rx_rate=10000, rx_burst=1)
    wait_for(lambda: nic.stat("rx_packets") >= 3000, "3000 frames")
    nic.set(rx_rate=5)
    nic.debug()
    nic.set_verbose()
    wait_for(lambda: len(polls(nic)) >= 3, "polls of single frames")
    assert polls(nic)[-1][0] == 1


def test_delivers_through_gro(nic):
    """napi_gro_receive() from the poll; netif_rx() is for those who have no poll.

    Since 6.14 the former is inline, and what it calls can be seen.
    """
    nic.start(rx_rate=0)
    with traced(function="netif_rx napi_gro_receive gro_receive_skb") as calls:
        nic.set(rx_rate=100)
        wait_for(lambda: nic.stat("rx_packets") >= 20, "20 frames")
        nic.set(rx_rate=0)
        text = "\n".join(calls())
    assert re.search("napi_gro_receive|gro_receive_skb", text) and not re.search(r"netif_rx.*vnet", text)


def test_threaded_napi(nic):
    """A poll in a thread of its own works as well."""
    nic.start(rx_rate=100)
    (NET / "vnet0/threaded").write_text("1")
    wait_for(lambda: "napi/vnet0" in run("ps", "-eo", "comm"), "the NAPI thread")
    before = nic.stat("rx_packets")
    wait_for(lambda: nic.stat("rx_packets") >= before + 20, "20 frames")
    assert len(nic.received(3, HELLO)) == 3
    (NET / "vnet0/threaded").write_text("0")
