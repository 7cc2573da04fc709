"""Receiving: interrupts put off and counted, polls in threads and by the user, GRO, flows steered."""

import os
import re
import socket
import time
from pathlib import Path

import pytest

from frames import numbered
from link import VERSION
from netlink import NAPI_BUSY, NAPI_IN_THREAD, poll_ids, poll_in_thread
from netns import Job
from nic import PACKET_IGNORE_OUTGOING, SLOWNESS, SOL_PACKET, ethtool_request, wait_for

SO_INCOMING_NAPI_ID, SO_BUSY_POLL = 56, 46
ETHTOOL_SRSSH, INDIR_NO_CHANGE = 0x47, 0xffffffff
TWO = "numtxqueues 2 numrxqueues 2"


def send(link, count, flow=0):
    """Sends numbered frames of one flow from a to b, through one queue, and waits until they have arrived."""
    target = link.b.stat("rx_packets") + count

    def send_all():
        os.sched_setaffinity(0, {0})
        with link.a.packet_socket(0) as sock:
            for number in range(count):
                sock.send(numbered(link.a.mac, link.b.mac, flow, number))

    link.a.ns.call(send_all)
    wait_for(lambda: link.b.stat("rx_packets") >= target, "all to arrive")


def interrupts(link, count):
    """Returns how many interrupts it took to receive so many frames."""
    before = link.b.extra()["rx_interrupts"]
    send(link, count)
    return link.b.extra()["rx_interrupts"] - before


def moderate(end, usecs, frames, adaptive="off"):
    """Sets how interrupts are moderated."""
    end.ethtool("-C", "adaptive-rx", adaptive, "rx-usecs", str(usecs), "rx-frames", str(frames))


def no_bql(end):
    """Keeps byte queue limits from stopping the queue: a stopped sender is not kept waiting."""
    end.bql("limit_min", 1 << 24)


def test_interrupts_are_moderated_as_set(vnet):
    """At once without moderation; by time, one for all; by number, one for so many."""
    link = vnet.pair()
    no_bql(link.a)
    late = 3 * SLOWNESS  # that come by time, a second each, until all are sent
    # Two frames share one if a busy machine lets the poll of the first wait, so there are several attempts.
    for usecs, frames, least, most in ((0, 0, 100, 100), (1000000, 0, 0, late), (1000000, 10, 10, 9 + late),
                                       (1000000, 1, 100, 100)):
        moderate(link.b, usecs, frames)
        wait_for(lambda: least <= interrupts(link, 100) <= most, f"interrupts with rx-usecs {usecs} rx-frames {frames}")


def test_an_interrupt_put_off_does_come(vnet):
    """One frame alone has to wait for its time, and no longer."""
    link = vnet.pair()
    no_bql(link.a)
    moderate(link.b, 1000000, 0)
    assert interrupts(link, 1) == 1


@pytest.mark.once
def test_stopped_sender_is_not_kept_waiting(vnet):
    """With its ring full nothing more would come: the interrupt does not wait for its second to pass."""
    link = vnet.pair()
    link.a.ethtool("-G", "tx", "4")
    no_bql(link.a)
    moderate(link.b, 1000000, 0)
    assert 24 <= interrupts(link, 100) <= 26


@pytest.mark.once
def test_full_ring_is_not_kept_waiting(vnet):
    """A ring that steered frames have filled raises its interrupt: with a second for each, it would take 25 s."""
    link = vnet.pair(TWO, TWO)
    no_bql(link.a)
    link.b.ethtool("-G", "rx", "8")
    link.b.ethtool("-X", "weight", "0", "1")
    moderate(link.b, 1000000, 0)
    begin = time.monotonic()
    send(link, 200)
    assert time.monotonic() - begin < 20


@pytest.mark.pace
def test_adaptive_moderation_acts(vnet):
    """The kernel's DIM learns from the traffic, and a fresh device has it on."""
    link = vnet.pair()
    assert re.search(r"Adaptive RX: on", link.b.ethtool("-c"))
    pktgen = link.a.pktgen(link.b, threads=1, count=30000)
    before = link.b.extra()["rx_interrupts"]
    pktgen.run()
    link.at_rest()
    adaptive = link.b.extra()["rx_interrupts"] - before
    moderate(link.b, 0, 0)
    pktgen.run()
    link.at_rest()
    plain = link.b.extra()["rx_interrupts"] - before - adaptive
    pktgen.remove()
    assert 0 < adaptive < 0.8 * plain


def comm(process):
    """Returns the name of a process; empty if it has gone."""
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def napi_threads():
    """Returns the kernel's NAPI threads: {name: process id}."""
    return {name: int(process.name) for process in Path("/proc").glob("[1-9]*")
            if (name := comm(process)).startswith("napi/")}


def test_polls_in_threads(vnet):
    """`echo 1 > threaded` moves the polls to threads of that name, and 0 back; traffic flows on."""
    link = vnet.pair(TWO, TWO)
    assert not napi_threads()
    (link.b.path / "threaded").write_text("1\n")
    threads = napi_threads()
    assert len(threads) == 2 and all(name.startswith("napi/vn1-") for name in threads)
    before = link.b.extra()["napi_polls"]
    send(link, 500)
    link.a.run("ping", "-c", "2", "-i", "0.01", "192.0.2.2")
    assert link.b.extra()["napi_polls"] > before
    for options in (("-G", "rx", "64"), ("-L", "combined", "1")):
        link.b.ethtool(*options)
        send(link, 100)
    link.b.down()
    link.b.up()
    # The sender's stack notices a carrier a little later, and throws away what it is given until then.
    link.a.run("ping", "-c", "1", "-i", "0.1", "-w", "30", "192.0.2.2")
    send(link, 100)
    (link.b.path / "threaded").write_text("0\n")
    send(link, 500)


@pytest.mark.skipif(VERSION < (7, 0), reason="one poll of this kernel cannot be told what others are not")
def test_settings_of_one_poll_stay(vnet):
    """Whatever either end changes, each poll keeps its number, by which sockets poll, and one its thread."""
    link = vnet.pair(TWO, TWO)
    index = link.b.ns.call(lambda: socket.if_nametoindex(link.b.name))

    def state():
        return sorted(link.b.ns.call(lambda: poll_ids(index))), sorted(napi_threads())

    polls, _ = state()
    link.b.ns.call(lambda: poll_in_thread(polls[1], NAPI_IN_THREAD))
    wanted = polls, [f"napi/vn1-{polls[1]}"]
    assert len(polls) == 2 and state() == wanted
    for end in (link.a, link.b):
        end.ethtool("-G", "tx", "128", "rx", "64")
        end.ethtool("-C", "adaptive-rx", "off", "rx-usecs", "9")
        end.down()
        end.up()
        link.a.run("ping", "-c", "1", "-i", "0.1", "-w", "30", "192.0.2.2")  # see above
        assert state() == wanted
        end.ethtool("-L", "combined", "1")
        end.ethtool("-L", "combined", "2")
        assert state() == wanted
        send(link, 100)


@pytest.mark.skipif(VERSION < (7, 0), reason="threads of this kernel cannot be told to poll busily")
def test_polls_that_never_rest(vnet):
    """What stops the link does not wait for a poll to end whose thread goes on for ever; the wire is impaired, or was."""
    link = vnet.pair(options="numtxqueues 1 numrxqueues 1", peer="numtxqueues 1 numrxqueues 1")
    for words in ("delay 1ms", "clear", "duplicate 1%"):
        link.a.impair(words)
        index = link.b.ns.call(lambda: socket.if_nametoindex(link.b.name))
        poll, = link.b.ns.call(lambda: poll_ids(index))
        link.b.ns.call(lambda: poll_in_thread(poll, NAPI_BUSY))
        link.a.run("ping", "-c", "1", "192.0.2.2")  # the first poll is asked for
        before = link.b.extra()["napi_polls"]
        wait_for(lambda: link.b.extra()["napi_polls"] > before + 1000, "polls that nobody asked for")
        link.a.ethtool("-G", "tx", "64" if words == "clear" else "128")
        link.a.run("ping", "-c", "2", "-i", "0.01", "192.0.2.2")


@pytest.mark.once
def test_full_ring_of_another_poll_is_waited_for(vnet):
    """A poll whose frames wait for room in another's ring gives way to it: both are threads of real time on one CPU."""
    link = vnet.pair(TWO, TWO)
    no_bql(link.a)
    link.b.ethtool("-G", "rx", "8")
    moderate(link.b, 1000000, 100)
    (link.b.path / "threaded").write_text("1\n")
    for pid in napi_threads().values():
        os.sched_setaffinity(pid, {1})
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(50))
    for weight in (("0", "1"), ("1", "0")):  # whichever queue sends, one of these is another one
        link.b.ethtool("-X", "weight", *weight)
        before = link.b.extra()["napi_polls"]
        send(link, 1000)
        assert link.b.extra()["napi_polls"] - before < 4000
    assert link.a.extra()["wire_paused"] > 0


def tcp_stream(link, size=1 << 20):
    """Sends a TCP stream from a to b; returns how many frames b's stack was given for it."""
    server = link.b.ns.call(lambda: socket.create_server(("192.0.2.2", 5001)))
    client = link.a.ns.call(lambda: socket.create_connection(("192.0.2.2", 5001)))
    peer, _ = server.accept()

    def segments():
        return int(re.search(r"TcpInSegs\s+(\d+)", link.b.run("nstat", "-asz", "TcpInSegs")).group(1))

    before, packets = segments(), link.b.stat("rx_packets")
    job = Job(lambda: client.sendall(bytes(size)))
    left = size
    while left:
        left -= len(peer.recv(1 << 20))
    job.result()
    delivered, arrived = segments() - before, link.b.stat("rx_packets") - packets
    for sock in (client, peer, server):
        sock.close()
    return delivered, arrived


@pytest.mark.pace
def test_gro_joins_what_came_in_pieces(vnet):
    """A sender without TSO sends a frame for each segment; the receiver's GRO makes few of many, unless it is off."""
    link = vnet.pair()
    link.a.ethtool("-K", "tso", "off", "gso", "off")
    moderate(link.b, 200, 32)
    delivered, arrived = tcp_stream(link)
    assert arrived > 500 and delivered < arrived / 2
    link.b.ethtool("-K", "gro", "off")
    delivered, arrived = tcp_stream(link)
    assert arrived > 500 and delivered >= arrived * 0.95


@pytest.mark.pace
def test_gro_leaves_what_a_listener_holds(vnet):
    """GRO writes the new length into the first header; a tcpdump at the sender, which shares it, must not see that."""
    link = vnet.pair()
    link.a.ethtool("-K", "tso", "off", "gso", "off")
    moderate(link.b, 200, 32)
    with link.a.packet_socket() as tap:
        tap.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 0)
        delivered, arrived = tcp_stream(link)
        assert delivered < arrived / 2
        tap.settimeout(0)
        sent = 0
        while True:
            try:
                data, where = tap.recvfrom(2000)
            except BlockingIOError:
                break
            if where[1:3] == (0x0800, socket.PACKET_OUTGOING):
                sent += 1
                assert max(int.from_bytes(data[16:18], "big"), 46) == len(data) - 14
    assert sent > 500


@pytest.mark.pace
def test_large_frames_cross_whole(vnet):
    """With TSO there is nothing to join: far fewer frames than segments cross the wire."""
    link = vnet.pair()
    _, arrived = tcp_stream(link)
    assert arrived < 300


@pytest.mark.skipif(os.environ["VNET_KERNEL"] == "7.2", reason="there, the socket waits for the interrupt: open")
def test_busy_poll(vnet):
    """A socket knows the poll that fed it, and polls it by itself: a frame comes whose interrupt is a second away."""
    link = vnet.pair()
    no_bql(link.a)
    receiver = link.b.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sender = link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    receiver.bind(("192.0.2.2", 7))
    receiver.setsockopt(socket.SOL_SOCKET, SO_BUSY_POLL, 900000)

    def exchange(count):
        os.sched_setaffinity(0, {0})  # all through the same queue, whose poll the socket knows
        for i in range(count):
            sender.sendto(b"%d" % i, ("192.0.2.2", 7))
            assert receiver.recv(100) == b"%d" % i

    Job(lambda: exchange(1)).result()
    assert receiver.getsockopt(socket.SOL_SOCKET, SO_INCOMING_NAPI_ID) > 0
    moderate(link.b, 1000000, 0)
    link.at_rest()
    before = link.b.extra()
    Job(lambda: exchange(20)).result()
    after = link.b.extra()
    assert after["napi_polls"] - before["napi_polls"] >= 20
    assert after["rx_interrupts"] - before["rx_interrupts"] < 10
    receiver.close()
    sender.close()


def received(link):
    """Returns how many frames each of b's queues has received."""
    return [queue["rx_packets"] for queue in link.b.queue_stats()]


def test_flows_are_steered(vnet):
    """`ethtool -X` decides which queue a flow comes in on; its default leaves it on the queue it was sent on."""
    link = vnet.pair(TWO, TWO)
    moderate(link.b, 0, 0)
    for options, expected in ((("weight", "0", "1"), 1), (("equal", "1"), 0), (("weight", "0", "1"), 1),
                              (("default",), 0)):
        link.b.ethtool("-X", *options)
        before = received(link)
        for flow in range(4):
            send(link, 25, flow)  # from CPU 0, hence from queue 0
        moved = [now - then for now, then in zip(received(link), before)]
        assert moved == [100 if i == expected else 0 for i in range(2)], options
    link.b.ethtool("-X", "equal", "2")


def test_steering_spreads_one_queue_over_two(vnet):
    """A table with both queues in another order than the default's."""
    link = vnet.pair(TWO, TWO)
    link.b.ethtool("-X", "weight", "1", "3")
    before = received(link)
    for flow in range(64):  # by chance, a quarter of them; of a few, it may be half
        send(link, 2, flow)
    first, second = (now - then for now, then in zip(received(link), before))
    assert first + second == 128 and 0 < first < second


def set_hash_function(end, function):
    """Asks for a hash function and leaves the table as it is; ethtool would ask for one only that the driver names."""
    with socket.socket() as sock:
        ethtool_request(sock, end.name, "=IIIIB3xI", ETHTOOL_SRSSH, 0, INDIR_NO_CHANGE, 0, function, 0)


def test_hash_has_no_key(vnet):
    """The kernel's flow hash is used as it is: a key or another function is refused, and the table stays."""
    end = vnet.pair(TWO, TWO, up=False).b
    before = end.ethtool("-x")
    assert "not supported" in end.ethtool("-X", "hkey", ":".join(["6d"] * 40), check=False)
    with pytest.raises(OSError, match="not supported"):
        end.ns.call(lambda: set_hash_function(end, 2))
    assert "Invalid argument" in end.ethtool("-X", "weight", "1", "1", "1", check=False)
    assert end.ethtool("-x") == before
