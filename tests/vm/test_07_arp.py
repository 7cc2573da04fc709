"""Milestone 7: a neighbour that asks for us."""

import re

import pytest

from nic import NEIGHBOUR, OUR_MAC, Tcpdump, run, wait_for

pytestmark = pytest.mark.milestone(7, until=7)

US, THEM = "192.0.2.1", "192.0.2.2"


def test_request_is_valid(nic):
    """Broadcast, from the neighbour's MAC and IP, 60 bytes: `tcpdump -i vnet0 -e -n arp`."""
    nic.start(rx_rate=20)
    with Tcpdump("-i", "vnet0", "-e", "arp") as tcpdump:
        line = tcpdump.lines(1)[0]
    assert f"{NEIGHBOUR} > ff:ff:ff:ff:ff:ff" in line and "length 60" in line
    assert f"Request who-has {US} tell {THEM}" in line


def test_kernel_answers(nic):
    """The reply goes out through the TX ring, to the neighbour, from our own address."""
    nic.start(address=f"{US}/24", rx_rate=0)
    with Tcpdump("-i", "vnet0", "-e", "-Q", "out", "arp") as tcpdump:
        nic.set(rx_rate=20)
        line = tcpdump.lines(1)[0]
    assert f"{OUR_MAC} > {NEIGHBOUR}" in line and f"Reply {US} is-at {OUR_MAC}" in line
    wait_for(lambda: nic.ethtool_stats()["tx_arp"] >= 1, "the reply to be counted")
    nic.set(rx_rate=0)
    wait_for(lambda: nic.ethtool_stats()["tx_arp"] == nic.ethtool_stats()["rx_arp"], "a reply for each request")


def test_neighbour_is_learnt(nic):
    """`ip neigh` has it, though we never asked."""
    nic.start(address=f"{US}/24", rx_rate=20)
    wait_for(lambda: re.search(f"{THEM} .*{NEIGHBOUR}", run("ip", "neigh", "show", "dev", "vnet0")), "the neighbour")


def test_target_can_be_set(nic):
    """Another address is asked for at once; one that is no station's is refused."""
    nic.start(rx_rate=50)
    nic.set(arp_target="198.51.100.7", arp_sender="198.51.100.8")
    assert nic.parameter("arp_target").read_text() == "198.51.100.7\n"
    with Tcpdump("-i", "vnet0", "arp") as tcpdump:
        assert "who-has 198.51.100.7 tell 198.51.100.8" in tcpdump.lines(3)[-1]
    for wrong in ("224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.4x", "x"):
        with pytest.raises(OSError):
            nic.set(arp_target=wrong)
    assert nic.parameter("arp_target").read_text() == "198.51.100.7\n"
    assert nic.log.has("arp_target must be the IPv4 address of one station")


def test_nobody_answers_for_another(nic):
    """A request for an address that is not ours stays without an answer."""
    nic.start(address="203.0.113.1/24", rx_rate=100)
    wait_for(lambda: nic.ethtool_stats()["rx_arp"] >= 20, "20 requests")
    assert nic.ethtool_stats()["tx_arp"] == 0
