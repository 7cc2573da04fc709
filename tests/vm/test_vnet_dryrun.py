"""The kernel gives the verdicts that vnet-dryrun prints: number, marks and delay of each frame, as traced."""

import os
import subprocess
import time

import pytest

from frames import numbered
from nic import OUT, TREE, wait_for
from tracing import Trace

pytestmark = pytest.mark.once
FRAMES = 152  # which the CPUs share evenly
TWO = "numtxqueues 2 numrxqueues 2"


def foretold(line, *options, times=None):
    """Returns what vnet-dryrun prints, as {number: (marks, delay)}; for frames that come at some times, if it matters."""
    if times:
        options += "--times", "-"
    text = subprocess.run([TREE / "build/vnet-dryrun", "--count", str(FRAMES), *options, *line.split()], check=True,
                          input="".join(f"{time}\n" for time in times or []), stdout=subprocess.PIPE, text=True).stdout
    rows = [row.split() for row in text.splitlines()]
    return {int(number): (set(marks.split("|")) - {"-"}, int(delay)) for number, marks, delay in rows}


def happened(trace, *ends):
    """Returns what the kernel has decided on the frames of some ends, in the same form, once it has on all of them."""
    wait_for(lambda: trace.count() >= FRAMES * len(ends), "verdicts on all frames")
    return [{int(event["ordinal"]): (set(event["marks"].split("|")) - {""}, int(event["delay"]))
             for event in trace.read("vnet_verdict", end.name)} for end in ends]


def came(trace, end):
    """Returns when the frames of an end came to the wire, in the order in which they were judged."""
    events = {int(event["ordinal"]): int(event["entered"]) for event in trace.read("vnet_verdict", end.name)}
    return [events[ordinal] for ordinal in sorted(events)]


def send(end, to, cpu, count):
    """Sends frames from one CPU, each as often as it takes until the device has accepted it."""
    os.sched_setaffinity(0, {cpu})
    with end.packet_socket(0, True) as sock:
        for number in range(count):
            frame = numbered(end.mac, to.mac, cpu, number)
            while True:
                try:
                    sock.send(frame)
                    break
                except OSError:  # the ring is full
                    time.sleep(0.001)


def send_all(link, cpus=(0, 1)):
    """Sends all frames both ways, from some CPUs at once."""
    jobs = [end.ns.start(lambda end=end, to=to, cpu=cpu: send(end, to, cpu, FRAMES // len(cpus)))
            for end, to in link.directions for cpu in cpus]
    for job in jobs:
        job.result()


CONFIGURATIONS = [
    "loss 10%", "loss 0.3%", "loss 20% burst 3.5", "loss ge p 5% r 30% bad 80% good 1%",
    "loss 4state p13 5% p31 30% p32 20% p23 40% p14 2%", "loss pattern 3,17-20/100", "loss pattern 1,5-9,150",
    "delay 5ms jitter 5ms", "delay 5ms jitter 1.25ms normal", "delay 5ms jitter 3ms pareto",
    "delay 3ms jitter 1ms keep-order", "duplicate 20% copy-delay 1ms", "corrupt 20% bits 3", "truncate 20% to 40",
    "reorder 10% distance 3 delay 1ms",
    "loss 5% burst 2 duplicate 5% corrupt 5% payload truncate 5% to 50 reorder 5% delay 2ms jitter 0.5ms normal",
    "rate 100mbit queue 1000 delay 1ms jitter 100us loss 10%", "rate 100mbit loss 10% duplicate 10%",
]


def test_verdicts(vnet):
    """Both ways at once, from two CPUs through two queues; the last again, for a seed given again begins anew."""
    link = vnet.pair(TWO, TWO)
    with Trace("vnet_verdict") as trace:
        for words in [*CONFIGURATIONS, CONFIGURATIONS[-1]]:
            trace.clear()
            line = f"clear seed 7 {words} peer clear seed 18446744073709551615 {words}"
            link.a.set("type", "vnet", *line.split())
            send_all(link)
            assert happened(trace, link.a, link.b) == [foretold(line), foretold(line, "--peer")], words
    link.a.set("down")
    link.a.ns.ip("link del vn0")


LASTING = [
    "delay 5ms jitter 1ms normal half-life 1ms", "delay 5ms jitter 5ms half-life 30ms loss 10%",
    "delay 5ms jitter 2ms pareto half-life 10ms duplicate 10%", "delay 5ms jitter 5ms half-life 1us",
    "rate 100mbit delay 5ms jitter 1ms normal keep-order half-life 3600s",
]


def test_delays_that_last(vnet):
    """With a half-life the verdict depends on when a frame came, too; told that, vnet-dryrun says the same to the ns."""
    link = vnet.pair(TWO, TWO)
    with Trace("vnet_verdict") as trace:
        for words in LASTING:
            trace.clear()
            line = f"clear seed 7 {words} peer clear seed 8 {words}"
            link.a.set("type", "vnet", *line.split())
            send_all(link)
            found = happened(trace, link.a, link.b)
            there, back = (came(trace, end) for end in (link.a, link.b))
            assert found == [foretold(line, times=there), foretold(line, "--peer", times=back)], words
            assert len(set(there)) > FRAMES / 2
    link.a.set("down")
    link.a.ns.ip("link del vn0")


def test_as_many_queues_as_cpus(vnet):
    """The same from all CPUs at once, each through a queue of its own, as from one; tests/host has a machine of four."""
    cpus = sorted(os.sched_getaffinity(0))
    queues = f"numtxqueues {len(cpus)} numrxqueues {len(cpus)}"
    link = vnet.pair(queues, queues)
    words = "loss 20% burst 2 duplicate 10% corrupt 5% truncate 5% to 50 reorder 5% delay 3ms jitter 0.5ms normal"
    line = f"clear seed 7 {words} peer clear seed 8 {words}"
    expected = [foretold(line), foretold(line, "--peer")]
    with Trace("vnet_verdict") as trace:
        for senders in (cpus, cpus[-1:]):
            trace.clear()
            link.a.set("type", "vnet", *line.split())
            before = [[queue["tx_packets"] for queue in end.queue_stats()] for end in (link.a, link.b)]
            send_all(link, senders)
            assert happened(trace, link.a, link.b) == expected
            link.at_rest()
            after = [[queue["tx_packets"] for queue in end.queue_stats()] for end in (link.a, link.b)]
            assert [sum(b > a for a, b in zip(*both)) for both in zip(before, after)] == [len(senders)] * 2
    (OUT / "cpus").write_text(f"{len(cpus)}\n")


def test_links_that_are_born_impaired(vnet):
    """The settings of `ip link add`; the peer's settings by its own name; one CPU, one queue."""
    born = "loss 10% duplicate 10% seed 5"
    link = vnet.pair(up=False)
    link.a.ns.ip("link del vn0")
    link.a.ns.ip(f"link add vn0 type vnet {born} peer loss 30% seed 6 name vn1 netns B")
    later = "delay 5ms jitter 5ms loss 20% seed 9"
    for end in (link.a, link.b):
        end.ns.ip(f"link set {end.name} up")
    wait_for(link.a.carrier, "a carrier")
    with Trace("vnet_verdict") as trace:
        send_all(link, cpus=(0,))
        assert happened(trace, link.a, link.b) == [foretold(born), foretold("loss 30% seed 6", "--peer")]
        trace.clear()
        link.b.set("type", "vnet", *later.split())
        send_all(link, cpus=(1,))
        # The other end goes on where it was.
        numbers, theirs = (list(of) for of in happened(trace, link.a, link.b))
        assert sorted(numbers) == list(range(FRAMES + 1, 2 * FRAMES + 1))
        assert theirs and happened(trace, link.b) == [foretold(later, "--peer")]
    link.a.ns.ip("link del vn0")


@pytest.mark.parametrize("wire", ["loop", "reflect"])
def test_a_wire_that_comes_back(vnet, wire):
    """It has one direction."""
    link = vnet.single(wire)
    line = "seed 3 loss 10% delay 5ms jitter 1ms normal"
    with Trace("vnet_verdict") as trace:
        link.a.set("type", "vnet", *line.split())
        send_all(link)
        assert happened(trace, link.a) == [foretold(line)]
    link.a.ns.ip("link del vn0")


def test_ip_shows_what_was_asked_for(vnet):
    """As it can be read again, and in JSON."""
    link = vnet.pair()
    link.a.set("type", "vnet", *"seed 7 delay 20ms jitter 2ms normal loss 1% burst 4".split())
    assert "vnet wire peer seed 7 delay 20ms jitter 2ms normal loss 1% burst 4 " in link.a.run(
        "ip", "-d", "link", "show", "vn0")
    data = link.a.show()["linkinfo"]["info_data"]
    assert data["impair"] == {"seed": 7, "delay": 20 * 10 ** 6, "jitter": 2 * 10 ** 6, "normal": True,
                              "loss_model": "burst", "loss": 10 ** 7, "burst": 4000}
    assert link.a.show()["linkinfo"]["info_xstats"]["line"]["frames"] == 0
    link.a.ns.ip("link del vn0")
