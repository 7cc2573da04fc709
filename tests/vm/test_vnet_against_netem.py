"""The impaired wire beside netem on a veth: what a queueing discipline cannot do, and what one above the driver can."""

import contextlib
import json
import socket
import statistics
import time

import pytest

from link import End, Link
from netns import Job
from nic import SO_TIMESTAMPNS, ping
from traffic import snmp, transfer

pytestmark = pytest.mark.once


def veth(vnet, words):
    """Makes a veth pair between two namespaces, with netem on what the first end sends."""
    ns = [vnet.namespace(name) for name in ("C", "D")]
    ends = End(ns[0], "one", "192.0.2.1"), End(ns[1], "two", "192.0.2.2")
    ns[0].ip("link add one type veth peer name two netns D")
    for end in ends:
        end.ns.ip(f"addr add {end.address}/24 dev {end.name}", f"link set {end.name} up")
    ends[0].run("tc", "qdisc", "add", "dev", "one", "root", "netem", *words.split())
    return Link(*ends)


def sent_again(link, size, dropped):
    """Sends data by TCP until some was dropped; returns how many segments were sent again for each drop.

    TCP sends as much at once as crosses in a millisecond, which is less on a slow machine: here it is 32 segments, for
    whatever its window allows.
    """
    link.a.ns.sysctl("net/ipv4/tcp_min_tso_segs", 32)
    before, lost = snmp(link.a, "Tcp", "RetransSegs"), dropped()
    for _ in range(20):
        assert transfer(link, size)
        if dropped() - lost >= 20:
            break
    return (snmp(link.a, "Tcp", "RetransSegs") - before) / (dropped() - lost)


def qdisc_drops(end):
    """Returns what the root qdisc has dropped."""
    return json.loads(end.run("tc", "-s", "-j", "qdisc", "show", "dev", end.name))[0]["drops"]


def test_losses_are_single_segments(vnet):
    """Above the driver, what is lost is all that TCP has sent at once; in the device it is what a wire carries."""
    link, rival = vnet.pair(), veth(vnet, "loss 2%")
    link.a.impair("loss 2% seed 1")
    single = sent_again(link, 1 << 20, lambda: link.a.extra()["line_lost"])
    at_once = sent_again(rival, 1 << 23, lambda: qdisc_drops(rival.a))
    assert single < 3 and at_once > 2 * single


def flood(end, seconds):
    """Sends datagrams from four sockets, each as many as its buffer takes: more than pass, on a slow machine too."""
    socks = [end.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(4)]
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        for sock in socks:
            with contextlib.suppress(BlockingIOError):
                sock.sendto(bytes(1400), socket.MSG_DONTWAIT, ("192.0.2.2", 9))
        time.sleep(0.001)
    for sock in socks:
        sock.close()


def latency(link):
    """Returns the median time of pings, in ms, beside a flood."""
    # A ping has the kernel note times, by code that is patched: not under a flood, which emulated CPUs may not survive.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as clock:
        clock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        time.sleep(0.2)
        job = Job(lambda: flood(link.a, 4))
        time.sleep(1)  # until the queue stands
        times = link.a.ns.call(lambda: ping("192.0.2.2", count=10, interval=0.2, check=False))[2]
        job.result()
    return statistics.median(times)


def test_queue_above_a_slow_device(vnet):
    """A rate without a queue of its own leaves the queueing to what is above: fq_codel keeps it short, pfifo does not.

    netem's own rate has one queue, and a ping behind the flood waits in it. A flow of TCP alone makes no queue stand:
    its small queues are told when a frame has left.
    """
    link, rival = vnet.pair(), veth(vnet, "rate 5mbit")
    link.a.impair("rate 5mbit")
    link.a.run("tc", "qdisc", "replace", "dev", "vn0", "root", "fq_codel")
    short = latency(link)
    link.a.run("tc", "qdisc", "replace", "dev", "vn0", "root", "pfifo", "limit", "1000")
    standing = latency(link)
    assert standing > 3 * short and latency(rival) > 3 * short
    assert link.a.extra()["line_lost"] == 0
