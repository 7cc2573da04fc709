"""Rings and queues: resized and switched under traffic, full, stopped and woken, and nothing lost that was accepted."""

import contextlib
import os
import socket

import pytest

from frames import ETH_P_IP, FIRST_PORT, Collector, numbered
from link import IN_FLIGHT, VERSION
from netlink import device_stats
from nic import SLOWNESS, SO_SNDBUFFORCE, wait_for

FOUR = "numtxqueues 4 numrxqueues 4"
UDP_SEGMENT, SOL_UDP = 103, 17


def queues(end, count):
    """Sets the number of an end's queue pairs."""
    end.ethtool("-L", "combined", str(count))


def no_bql(end):
    """Lets the TX ring be the only bound: byte queue limits would stop the queue before."""
    end.bql("limit_min", 1 << 24)


def interrupt_late(end, frames):
    """Has the receiver let everything wait, until there are so many frames or its sender is stopped."""
    end.ethtool("-C", "adaptive-rx", "off", "rx-usecs", "1000000", "rx-frames", str(frames))


def send_burst(link, count, cpu=0, bypass=False):
    """Sends numbered frames of one flow from a to b, through one queue: a CPU's; of several, only if past the qdisc."""
    def send():
        os.sched_setaffinity(0, {cpu})
        macs = link.a.mac, link.b.mac
        with link.a.packet_socket(0, bypass) as sock:
            for number in range(count):
                sock.send(numbered(*macs, cpu, number))

    link.a.ns.call(send)


def all_in_order(sent, flows):
    """Checks that of each flow just what was accepted has arrived, in order."""
    for flow, count in enumerate(sent):
        got = flows.get(flow, [])
        assert got == list(range(count)), f"flow {flow}: {count} accepted, {len(got)} arrived"


def test_queue_count_changes_under_traffic(vnet):
    """`ethtool -L` up and down at both ends: what was accepted arrives, once and in order."""
    link = vnet.pair(FOUR, FOUR)
    collector, sender = link.numbered(flows=4)
    for a, b in ((4, 4), (1, 3), (3, 1), *[(1, 1), (4, 4)] * 4):
        queues(link.a, a)
        queues(link.b, b)
        accepted = sum(sender.sent)
        wait_for(lambda: sum(sender.sent) > accepted + 50, "traffic to go on")
    sent = sender.end()
    all_in_order(sent, collector.end())
    assert link.a.stat("tx_packets") == sum(sent)


def test_ring_sizes_change_under_traffic(vnet):
    """`ethtool -G` both ways at both ends: what was accepted arrives, once and in order."""
    link = vnet.pair()
    collector, sender = link.numbered()
    for tx, rx in ((4, 4), (4096, 4), (8, 4096)):
        link.a.ethtool("-G", "tx", str(tx), "rx", str(rx))
        link.b.ethtool("-G", "tx", str(rx), "rx", str(tx))
        accepted = sum(sender.sent)
        wait_for(lambda: sum(sender.sent) > accepted + 50, "traffic to go on")
    sent = sender.end()
    all_in_order(sent, collector.end())
    assert link.a.stat("tx_packets") == sum(sent)


def test_changes_while_tcp_flows(vnet):
    """A TCP stream outlives every change, at both ends, of both kinds."""
    link = vnet.pair(FOUR, FOUR)
    server = link.b.ns.popen("iperf3", "-s", "-1", "--forceflush")
    wait_for(lambda: "5201" in server.stdout.readline() + server.stdout.readline(), "iperf3 to listen")
    client = link.a.ns.popen("iperf3", "-c", "192.0.2.2", "-n", f"{40 // SLOWNESS}M", "-P", "2", "-J")
    wait_for(lambda: link.b.stat("rx_bytes") > 1 << 20, "the stream to flow")
    for end, options in ((link.a, ("-L", "combined", "4")), (link.b, ("-G", "rx", "64", "tx", "32")),
                         (link.b, ("-L", "combined", "1")), (link.a, ("-G", "rx", "1024", "tx", "16"))):
        end.ethtool(*options)
    said, _ = client.communicate(timeout=60)
    assert client.returncode == 0, said
    server.communicate(timeout=60)
    assert link.b.stat("rx_missed_errors") == 0


@pytest.mark.skipif(VERSION < (6, 9), reason="this kernel has no statistics of queues")
def test_queues_that_are_gone_have_counted(vnet):
    """The kernel's sum for the device is what the device has counted, whichever queues have."""
    link = vnet.pair(FOUR, FOUR)
    collector, sender = link.numbered()
    wait_for(lambda: all(queue["tx_packets"] > 20 for queue in link.a.queue_stats()[:2]), "traffic on two queues")
    sender.end(), collector.end()
    link.at_rest()
    for end in (link.a, link.b):
        queues(end, 1)
        stats, sums = end.stats(), end.ns.call(lambda end=end: device_stats(socket.if_nametoindex(end.name)))
        for name in ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes"):
            assert sums[name] == stats[name], name
        used, = end.queue_stats()
        assert used["tx_packets"] + used["rx_packets"] < sums["tx_packets"] + sums["rx_packets"]


@pytest.mark.parametrize("senders, receivers", [(4, 2), (1, 4), (4, 3)])
def test_unequal_queue_counts(vnet, senders, receivers):
    """Queue i feeds queue i modulo the receiver's: all that can be fed are, and their counters add up."""
    link = vnet.pair(FOUR, FOUR)
    queues(link.a, senders)
    queues(link.b, receivers)
    for xps in link.a.path.glob("queues/tx-*/xps_cpus"):
        xps.write_text("0\n")  # the queue is chosen by the flow
    collector, sender = link.numbered(flows=64, bypass=False)
    wait_for(lambda: min(sender.sent) > 10, "traffic")
    sent = sender.end()
    all_in_order(sent, collector.end())
    tx = [queue["tx_packets"] for queue in link.a.queue_stats()]
    rx = [queue["rx_packets"] for queue in link.b.queue_stats()]
    assert len(tx) == senders and len(rx) == receivers and all(tx)
    assert rx == [sum(tx[i::receivers]) for i in range(receivers)]
    assert sum(tx) == sum(sent)


@pytest.mark.parametrize("senders", [2, 4])
def test_senders_take_turns(vnet, senders):
    """Where two feed a queue that has not room for all, each has half of it, whoever else could send but does not."""
    link = vnet.pair(FOUR, FOUR)
    queues(link.a, senders)
    queues(link.b, 1)
    no_bql(link.a)
    interrupt_late(link.b, 0)
    link.b.ethtool("-G", "rx", "8")

    def turns():
        with link.b.packet_socket(ETH_P_IP) as sock:
            for cpu in range(2):
                send_burst(link, 100, cpu, bypass=True)
            got = [sock.recv(2048) for _ in range(200)]
        # All are to be sent before the first is received: a busy machine needs another attempt.
        return 40 <= sum(int.from_bytes(frame[34:36], "big") == FIRST_PORT + 1 for frame in got[:100]) <= 60

    wait_for(turns, "turns to be taken")


@pytest.mark.parametrize("room", [8, pytest.param(128, marks=pytest.mark.once)])
@pytest.mark.parametrize("target", [*(pytest.param(target, marks=pytest.mark.once) for target in (0, 1)), 3])
def test_steered_senders_take_turns(vnet, target, room):
    """Where two are steered to a queue that has not room for all, each has half of it; the queue may be one's own.

    With a budget of 64 frames, a ring of 128 is not empty when its poll makes way for the others.
    """
    link = vnet.pair(FOUR, FOUR)
    queues(link.a, 2)
    queues(link.b, 4)
    no_bql(link.a)
    interrupt_late(link.b, 0)
    link.a.ethtool("-G", "tx", "4096")
    link.b.ethtool("-G", "rx", str(room))
    link.b.ethtool("-X", "weight", *("1" if queue == target else "0" for queue in range(4)))

    # Made before, since all are to be sent before the receiver begins.
    frames = [[numbered(link.a.mac, link.b.mac, cpu, number) for number in range(1000)] for cpu in range(2)]

    def send():
        with link.a.packet_socket(0, True) as sock:
            sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24)
            for some in (slice(1), slice(1, None)):  # both are put off from about the same moment on
                for cpu in range(2):
                    os.sched_setaffinity(0, {cpu})
                    for frame in frames[cpu][some]:
                        sock.send(frame)

    def turns():
        with link.b.packet_socket(ETH_P_IP) as sock, contextlib.ExitStack() as others:
            for _ in range(24):  # the receiver is so slow that the one that begins first is not through before the other
                others.enter_context(link.b.packet_socket(ETH_P_IP))
            link.a.ns.call(send)
            second = [int.from_bytes(sock.recv(2048)[34:36], "big") == FIRST_PORT + 1 for _ in range(2000)]
        # From when both have begun, behind the first frame of each, to when one of them has ended.
        places = [[i for i, later in enumerate(second) if later == which] for which in (False, True)]
        begin, end = max(own[1] for own in places), min(own[-1] for own in places) + 1
        # Give or take a tenth, and a budget at either end; on a busy machine one may be through before the other begins.
        return end - begin > 400 and abs(sum(second[begin:end]) - (end - begin) / 2) < 0.1 * (end - begin) + 64

    wait_for(turns, "turns to be taken", 120)


def test_queues_keep_to_cpus(vnet):
    """XPS: as it comes, each of several queues is some CPU's, and no CPU has two."""
    link = vnet.pair("numtxqueues 2 numrxqueues 2")
    masks = [int(path.read_text(), 16) for path in sorted(link.a.path.glob("queues/tx-*/xps_cpus"))]
    assert sorted(masks) == [1, 2]


def test_byte_queue_limits_know_what_is_under_way(vnet):
    """While the hardware hangs, what it holds is in flight; when it has moved, nothing is."""
    link = vnet.pair()
    no_bql(link.a)
    send_burst(link, 100)
    assert max(link.a.bql("limit")) == 1 << 24  # computed anew with each completion
    link.at_rest()
    link.a.stall()
    send_burst(link, 3)
    assert sum(link.a.bql(IN_FLIGHT)) == 3 * 60 and link.b.stat("rx_packets") == 100
    link.a.ethtool("-G", "tx", "512")  # a reset
    assert sum(link.a.bql(IN_FLIGHT)) == 0 and link.b.stat("rx_packets") == 103


def test_one_doorbell_for_a_batch(vnet):
    """Segments of one UDP send come to the driver as a list: xmit_more holds the doorbell back until the last."""
    link = vnet.pair()
    no_bql(link.a)
    link.a.ethtool("-G", "tx", "1024")  # all fit, or what finds no room would come again one by one
    link.a.ethtool("-K", "tx-udp-segmentation", "off")
    link.a.ns.ip(f"neigh add 192.0.2.9 lladdr {link.b.mac} dev vn0")  # nobody is there who would complain
    with link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setsockopt(SOL_UDP, UDP_SEGMENT, 100)
        before, packets = link.a.extra()["tx_doorbells"], link.a.stat("tx_packets")
        for _ in range(20):
            sock.sendto(bytes(2000), ("192.0.2.9", 9))
        link.at_rest()
    assert link.a.stat("tx_packets") - packets == 400
    assert 20 <= link.a.extra()["tx_doorbells"] - before <= 40


def test_full_tx_ring_stops_the_queue(vnet):
    """Each time it is full the queue stops, is woken when there is room, and all arrives in order."""
    link = vnet.pair()
    link.a.ethtool("-G", "tx", "4")
    no_bql(link.a)
    interrupt_late(link.b, 0)
    collector = Collector(link.b)
    send_burst(link, 400)
    link.at_rest()
    all_in_order([400], collector.end())
    stop, wake = (sum(queue[name] for queue in link.a.queue_stats()) for name in ("tx_stop", "tx_wake"))
    assert stop == wake >= 50
    assert link.b.stat("rx_missed_errors") == 0


def test_full_rx_ring(vnet):
    """With pause agreed it makes the sender wait; without, what finds no room is missed, to the frame."""
    link = vnet.pair()
    link.a.ethtool("-G", "tx", "4096")
    link.b.ethtool("-G", "rx", "4")
    no_bql(link.a)
    interrupt_late(link.b, 100)
    missed = paused = 0
    for end, setting in ((link.a, ("rx", "on")), (link.a, ("rx", "off")), (link.b, ("tx", "off")),
                         (link.a, ("rx", "on"))):
        agreed = setting == ("rx", "on") and not missed
        end.ethtool("-A", *setting)
        collector = Collector(link.b)
        send_burst(link, 100)
        link.at_rest()
        arrived = collector.end()[0]
        missed, before = link.b.stat("rx_missed_errors"), missed
        paused, waited = link.a.extra()["wire_paused"], link.a.extra()["wire_paused"] - paused
        if agreed:
            assert arrived == list(range(100)) and not missed and waited
        else:
            assert missed > before and len(arrived) == 100 - (missed - before) and not waited
