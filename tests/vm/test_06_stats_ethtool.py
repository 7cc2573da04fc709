"""Milestone 6: counters that can be trusted, and ethtool operations that are true."""

import re

import pytest

from nic import Pktgen, wait_for

pytestmark = pytest.mark.milestone(6)


def test_counters_survive_down_and_up(nic):
    """Those of ethtool too."""
    nic.start()
    nic.send(count=9)
    wait_for(lambda: nic.stat("tx_packets") == 9, "9 frames to be sent")
    before = nic.ethtool_stats()
    nic.down()
    nic.up()
    after = nic.ethtool_stats()
    assert after["tx_other"] == before["tx_other"] == 9
    assert nic.stat("tx_packets") == 9


def test_counts_by_protocol(nic):
    """Each frame counts once, under what its EtherType says."""
    nic.start()
    before = nic.ethtool_stats()
    for ethertype, count in ((0x0806, 1), (0x0800, 2), (0x86DD, 3), (0x9000, 4)):
        nic.send(count=count, ethertype=ethertype)
    wait_for(lambda: nic.stat("tx_packets") == 10, "10 frames to be sent")
    after = nic.ethtool_stats()
    assert [after[name] - before[name] for name in ("tx_arp", "tx_ipv4", "tx_ipv6", "tx_other")] == [1, 2, 3, 4]


def test_counts_on_all_cpus(nic):
    """Two CPUs send at once; no count is lost."""
    nic.start()
    before = nic.ethtool_stats()
    pktgen = Pktgen("vnet0", threads=2, count=2000)
    sent, errors = pktgen.run()
    pktgen.remove()
    assert (sent, errors) == (4000, 0)
    wait_for(lambda: nic.stat("tx_packets") == 4000, "4000 frames to be sent")
    assert nic.stat("tx_bytes") == 4000 * 60
    after = nic.ethtool_stats()
    assert after["tx_ipv4"] - before["tx_ipv4"] == 4000
    assert 0 < after["tx_completions"] < 4000


def test_nothing_is_shown_twice(nic):
    """`ethtool -S` has no name that `ip -s link` shows."""
    nic.start()
    generic = {f"{way}_{name}" for way in ("rx", "tx") for name in
               ("packets", "bytes", "errors", "dropped", "missed_errors")}
    names = set(nic.ethtool_stats())
    assert names and not names & generic


def test_driver_info(nic):
    """`ethtool -i`: who it is, and that no bus is behind it."""
    nic.start()
    info = nic.ethtool("-i")
    assert re.search(r"^driver: vnet$", info, re.M) and re.search(r"^bus-info: virtual$", info, re.M)


def test_link_settings(nic):
    """`ethtool vnet0`: link or none, and no speed that nobody keeps."""
    nic.start()
    assert "Link detected: yes" in nic.ethtool() and "Speed: Unknown!" in nic.ethtool()
    nic.down()
    assert "Link detected: no" in nic.ethtool()


def test_ring_sizes(nic):
    """`ethtool -g` shows the rings that there are."""
    nic.start()
    assert re.findall(r"^(RX|TX):\s+(\d+)$", nic.ethtool("-g"), re.M) == [("RX", "256"), ("TX", "256")] * 2


def test_message_level_acts(nic, kernel_log):
    """`ethtool -s msglvl` decides what is logged."""
    nic.start()
    nic.down()
    assert not kernel_log.has("vnet0: down")
    nic.ethtool_set("msglvl", "ifup", "on", "ifdown", "on")
    nic.up()
    nic.down()
    assert kernel_log.has("vnet0: up") and kernel_log.has("vnet0: down")


@pytest.mark.milestone(6, until=6)
def test_napi_counters_add_up(nic):
    """Interrupts and polls: one for each burst of less than a budget; with more, the budget is used up."""
    nic.start(rx_rate=50, rx_burst=150)
    wait_for(lambda: nic.stat("rx_packets") >= 3000, "3000 frames")
    nic.down()
    stats = nic.ethtool_stats()
    assert stats["napi_budget_full"] > 0
    assert stats["rx_interrupts"] <= stats["napi_polls"]
    assert nic.stat("rx_packets") > stats["napi_polls"]
    assert stats["rx_other"] == nic.stat("rx_packets")
