"""Milestone 2: a network device that takes every frame."""

import pytest

from nic import NET, OUR_MAC, run, traced, wait_for

pytestmark = pytest.mark.milestone(2)


def test_has_name_and_address(nic):
    """`ip link show vnet0`: down, with a locally administered address that is the same each time."""
    nic.load()
    link = nic.link()
    assert link["address"] == OUR_MAC
    assert "UP" not in link["flags"] and link["mtu"] == 1500


def test_address_can_be_changed(nic):
    """Down or up; but not to that of a group."""
    nic.start()
    run("ip", "link", "set", "vnet0", "address", "02:00:00:00:00:42")
    assert nic.link()["address"] == "02:00:00:00:00:42"
    assert "assign" in run("ip", "link", "set", "vnet0", "address", "01:00:00:00:00:42", check=False)
    assert nic.link()["address"] == "02:00:00:00:00:42"


def test_up_and_down(nic):
    """The carrier follows."""
    nic.load()
    for _ in range(2):
        run("ip", "link", "set", "vnet0", "up")
        assert {"UP", "LOWER_UP"} <= set(nic.link()["flags"])
        run("ip", "link", "set", "vnet0", "down")
        assert "LOWER_UP" not in nic.link()["flags"]


@pytest.mark.parametrize("size", [15, 60, 1514])
def test_frames_are_sent_and_counted(nic, size):
    """From the shortest to the longest; padded to 60 bytes from milestone 8 on, as by hardware."""
    nic.start()
    frames, octets = nic.stat("tx_packets"), nic.stat("tx_bytes")
    nic.send(count=7, size=size, bypass=True)
    wait_for(lambda: nic.stat("tx_packets") == frames + 7, "7 frames to be sent")
    assert nic.stat("tx_bytes") - octets in (7 * size, 7 * max(size, 60))
    assert nic.stat("tx_dropped") == 0


def test_sent_is_not_dropped(nic):
    """A frame that was sent does not show up where people look for lost ones."""
    nic.start()
    with traced(event="skb/kfree_skb") as dropped:
        nic.send(count=20)
        wait_for(lambda: nic.stat("tx_packets") >= 20, "20 frames to be sent")
        assert not [line for line in dropped() if "vnet" in line]


@pytest.mark.once
def test_a_thousand_devices(nic):
    """Any number, each with an address of its own, and all go again."""
    nic.load(devices=1000)
    addresses = {(NET / f"vnet{i}" / "address").read_text() for i in range(1000)}
    assert len(addresses) == 1000


def test_counters_survive_down_and_up(nic):
    """Counters belong to the device, not to its being up."""
    nic.start()
    nic.send(count=5)
    wait_for(lambda: nic.stat("tx_packets") >= 5, "5 frames to be sent")
    before = nic.stat("tx_packets")
    nic.down()
    nic.up()
    assert nic.stat("tx_packets") == before


def test_does_not_take_a_name_that_is_taken(nic):
    """With a vnet0 there already, the driver's becomes vnet1."""
    run("ip", "link", "add", "vnet0", "type", "dummy")
    try:
        nic.load()
        assert (NET / "vnet1").exists()
    finally:
        run("ip", "link", "del", "vnet0")
