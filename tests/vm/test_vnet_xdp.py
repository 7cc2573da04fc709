"""XDP, native: what programs see, what becomes of their verdicts, what is refused.

The programs are in tests/xdp/programs.c.
"""

import contextlib
import os
import socket
import struct

import pytest

from bpf import PASS, TX, Program, ProgramOfIp, XdpSocket, index_of, refusal, refusal_of_ip
from link import End
from netlink import ask_netdev
from nic import HELLO, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING, SLOWNESS, SO_MARK, SOL_PACKET, TREE, traced, wait_for
from traffic import checksum, checksum_error, frame, send, snmp, transfer

OLD = os.uname().release.startswith("6.1.")
SO_RCVMARK, SO_INCOMING_NAPI_ID = 75, 56
PACKET_VNET_HDR, NEEDS_CSUM = 15, 1
MARKER = 0x88B6  # the other EtherType for local experiments: a frame that says that those before it are through
VERDICTS = ("rx_xdp_pass", "rx_xdp_drop", "rx_xdp_tx", "rx_xdp_redirect", "rx_xdp_aborted")


def verdicts(end):
    """Returns the counters of an end's verdicts, without those that are 0."""
    extra = end.extra()
    return {name: extra[name] for name in VERDICTS if extra[name]}


def cross(link, *frames):
    """Sends frames from A and returns as many that B's stack gets."""
    with link.b.packet_socket(HELLO) as sock:
        send(link.a, *frames)
        return [sock.recv(65536) for _ in frames]


def through(link, program, *frames):
    """Sends frames from A past a program at B, and one after it has gone; returns what came before that."""
    with link.b.packet_socket() as sock:
        send(link.a, *frames)
        link.at_rest()
        program.detach()
        send(link.a, frame(link.b, link.a, ethertype=MARKER))
        return list(iter(lambda: sock.recv(65536), frame(link.b, link.a, ethertype=MARKER)))


def second_link(vnet, link, mtu=1500):
    """Adds vn2 beside vn1 in B, and its other end, vn3 in C; returns the Link."""
    c = vnet.namespace("C")
    link.b.ns.ip(f"link add vn2 mtu {mtu} type vnet peer name vn3 mtu {mtu} netns C", "link set vn2 up")
    c.ip("link set vn3 up")
    other = vnet.add(End(link.b.ns, "vn2"), End(c, "vn3"))
    wait_for(other.a.carrier, "the second link's carrier")
    return other


def test_pass(vnet):
    """What is let through is what was sent, byte for byte, and what the program saw as well."""
    link = vnet.pair()
    frames = [frame(link.b, link.a, size) for size in (60, 61, 200, 1514)]
    with Program(link.b, "look") as program:
        assert cross(link, *frames) == frames
        count, length, data = program.seen()
        assert (count, length, data[:128]) == (4, 1514, frames[-1][:128])
        assert verdicts(link.b) == {"rx_xdp_pass": 4}
        assert link.b.stat("rx_packets") == 4


def test_attached_by_ip(vnet):
    """As people do it, and taken away again; the other tests attach what is loaded already."""
    link = vnet.pair()
    one = frame(link.b, link.a)
    with ProgramOfIp(link.b, "look") as program:
        assert cross(link, one) == [one]
        assert program.seen()[0] == 1
    assert "prog" not in link.b.show().get("xdp", {})
    assert cross(link, one) == [one]
    assert verdicts(link.b) == {"rx_xdp_pass": 1}


def test_drop(vnet):
    """What is dropped is gone; each frame is received and counted."""
    link = vnet.pair()
    assert through(link, Program(link.b, "drop"), *[frame(link.b, link.a)] * 20) == []
    assert verdicts(link.b) == {"rx_xdp_drop": 20}
    assert link.b.stat("rx_packets") == 21


@pytest.mark.parametrize("program, value, action", [
    ("verdict", 0, "ABORTED"), ("verdict", 77, "0x4d"), ("redirect", 99999, "REDIRECT")])
def test_failed_program(vnet, program, value, action):
    """A program that fails, says nonsense, or sends a frame where it cannot go: lost, counted and traced."""
    link = vnet.pair()
    with traced(event="xdp/xdp_exception") as lines:
        assert through(link, Program(link.b, program).args(value), *[frame(link.b, link.a)] * 3) == []
        assert len([line for line in lines() if f"action={action}" in line]) == 3, lines()
    assert verdicts(link.b) == {"rx_xdp_aborted": 3}


def test_tx(vnet):
    """What is sent back arrives at the sender, who has counted nothing but what he did."""
    link = vnet.pair()
    frames = [frame(link.b, link.a, size, seed=size) for size in (60, 1514, 333)]
    with Program(link.b, "tx"), link.a.packet_socket(HELLO) as sock:
        send(link.a, *frames)
        back = [sock.recv(2048) for _ in frames]
    assert back == [one[6:12] + one[:6] + one[12:] for one in frames]
    assert verdicts(link.b) == {"rx_xdp_tx": 3}
    assert link.b.extra()["tx_xdp"] == 3
    assert [end.stat(name) for end in (link.a, link.b) for name in ("tx_packets", "rx_packets")] == [3] * 4


def test_tx_many(vnet):
    """More at a time than one batch, and than the ring holds: sent back or counted as lost, each of them."""
    link = vnet.pair()
    link.b.ethtool("-G", "tx", "8")
    with Program(link.b, "tx"):
        pktgen = link.a.pktgen(link.b, count=1000, clone_skb=0)
        sent, _ = pktgen.run()
        link.at_rest()
        pktgen.remove()
    found = verdicts(link.b)
    assert sum(found.values()) == sent
    assert link.b.stat("tx_packets") == found["rx_xdp_tx"] == link.a.stat("rx_packets")


@pytest.mark.parametrize("program", ["redirect", "redirect_map"])
def test_redirect_to_another_link(vnet, program):
    """Out of another device of the driver, and there to the far end, byte for byte."""
    link = vnet.pair()
    other = second_link(vnet, link)
    frames = [frame(other.b, link.a, size, seed=size) for size in (60, 500, 1514)]
    with Program(link.b, program) as attached, other.b.packet_socket(HELLO) as sock:
        if program == "redirect":
            attached.args(index_of(other.a))
        else:
            attached.set("devices", 0, index_of(other.a))
        send(link.a, *frames)
        assert [sock.recv(2048) for _ in frames] == frames
        assert verdicts(link.b) == {"rx_xdp_redirect": 3}
        assert other.a.extra()["tx_xdp"] == 3
        assert other.a.stat("tx_packets") == other.b.stat("rx_packets") == 3


@pytest.mark.once
def test_redirect_without_a_carrier(vnet):
    """What a program sends out of a link that flaps does not arrive, though that end's own wire is clean; it is counted."""
    link = vnet.pair()
    other = second_link(vnet, link)
    other.b.impair("flap 1ms 1000s")
    wait_for(lambda: not other.a.carrier(), "no carrier")
    with Program(link.b, "redirect") as program:
        program.args(index_of(other.a))
        send(link.a, *[frame(link.b, link.a)] * 5)
        wait_for(lambda: other.a.extra()["tx_xdp_full"] == 5, "them to be refused")
    assert other.a.stat("tx_packets") == other.b.stat("rx_packets") == 0
    other.b.impair("flap none")


def test_redirect_to_itself(vnet):
    """Out of the device that it came in by: back to the sender, without a program's help."""
    link = vnet.pair()
    frames = [frame(link.a, link.a, size) for size in (60, 1514)]
    with Program(link.b, "redirect") as program, link.a.packet_socket(HELLO) as sock:
        program.args(index_of(link.b))
        send(link.a, *frames)
        assert [sock.recv(2048) for _ in frames] == frames
    assert verdicts(link.b) == {"rx_xdp_redirect": 2}


def test_redirect_meets_programs_again(vnet):
    """What XDP has sent meets the program of the far end: it can look at it, send it back, send it elsewhere."""
    link = vnet.pair()
    other = second_link(vnet, link)
    one = frame(other.b, link.a, 300)
    with Program(link.b, "redirect") as first, Program(other.b, "look") as second:
        first.args(index_of(other.a))
        with other.b.packet_socket(HELLO) as sock:
            send(link.a, one)
            assert sock.recv(2048) == one
        assert second.seen()[1:] == (300, one[:128])
    with Program(link.b, "redirect") as first, Program(other.b, "tx"), other.a.packet_socket(HELLO) as sock:
        first.args(index_of(other.a))
        send(link.a, one)
        assert sock.recv(2048) == one[6:12] + one[:6] + one[12:]
    # From the second link's near end to the first again, out of there to where all began.
    with (Program(link.b, "redirect") as first, Program(other.b, "tx"), Program(other.a, "redirect") as back,
          link.a.packet_socket(HELLO) as sock):
        first.args(index_of(other.a))
        back.args(index_of(link.b))
        send(link.a, one)
        assert sock.recv(2048) == one[6:12] + one[:6] + one[12:]
        assert verdicts(other.a) == {"rx_xdp_redirect": 1}


def test_redirect_to_a_full_ring(vnet):
    """A device whose hardware hangs takes what its ring holds; the rest is refused, counted and given back."""
    link = vnet.pair()
    other = second_link(vnet, link)
    other.a.ethtool("-G", "tx", "8")
    other.a.ethtool("-L", "combined", "1")
    with Program(link.b, "redirect") as program:
        program.args(index_of(other.a))
        other.a.stall()
        send(link.a, *[frame(other.b, link.a)] * 20)
        wait_for(lambda: link.b.stat("rx_packets") == 20, "all to be received")
        extra = other.a.extra()
        assert (extra["tx_xdp"], extra["tx_xdp_full"]) == (8, 12)
        other.a.down()  # ends the hang as well
        other.a.up()


@pytest.mark.once
def test_redirect_to_a_slow_link(vnet):
    """Where a program sends more than the rate lets through, the stack has its turn if frames wait in the line's queue."""
    link = vnet.pair()
    other = second_link(vnet, link)
    other.a.ethtool("-G", "tx", "64")
    other.a.ethtool("-L", "combined", "1")
    other.a.impair(f"rate {200 // SLOWNESS}kbit queue 100 head-drop")
    pktgen = link.a.pktgen(link.b, threads=1, count=0)
    with Program(link.b, "redirect") as program, other.b.packet_socket(MARKER) as sock, pktgen.running():
        program.args(index_of(other.a))
        wait_for(lambda: other.a.extra()["line_queue_drops"] > 1000, "more than the rate")
        one = frame(other.b, other.a, ethertype=MARKER)
        sock.settimeout(0.2)

        def crossed():
            send(other.a, *[one] * 100)  # the device takes all; the queue loses most, as it does of the flood
            with contextlib.suppress(TimeoutError):
                return sock.recv(2048) == one
            return False

        wait_for(crossed, "one of the stack's frames")
    pktgen.remove()


def test_redirect_to_a_full_receiver(vnet):
    """What comes at once is more than a receiver's ring holds that does not pause: the rest is missed, and freed."""
    link = vnet.pair()
    other = second_link(vnet, link)
    other.b.ethtool("-A", "rx", "off", "tx", "off")
    other.b.ethtool("-G", "rx", "4")
    with Program(link.b, "redirect") as program:
        program.args(index_of(other.a))
        program.feed(frame(other.b, link.a), 64)
        other.at_rest()
        assert other.b.stat("rx_missed_errors") and other.a.stat("tx_packets") == 64


@pytest.mark.once
def test_redirect_to_a_receiver_that_steers(vnet):
    """A frame from XDP has no hash, and stays with the queue that it has come to."""
    link = vnet.pair()
    other = second_link(vnet, link)
    other.b.ethtool("-X", "weight", "1", "3")
    with Program(link.b, "redirect") as program:
        program.args(index_of(other.a))
        program.feed(frame(other.b, link.a), 64)
        other.at_rest()
    assert sorted(queue["rx_packets"] for queue in other.b.queue_stats()) == [0, 64]


@pytest.mark.parametrize("words", ["clear", "delay 1ms"])
@pytest.mark.once
def test_redirect_to_nobody(vnet, words):
    """A neighbour that is not there answers a program's frames as it does the stack's; what it does not know, it ignores."""
    link = vnet.pair()
    link.b.ns.ip("link add vn2 type vnet wire reflect", f"link set vn2 type vnet {words}", "link set vn2 up")
    other = vnet.add(End(link.b.ns, "vn2"))
    wait_for(other.a.carrier, "the carrier")
    packet = bytearray(frame(other.a, link.a, 100, ethertype=0x800))  # for whom it is does not matter
    packet[14:34] = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 86, 0, 0, 64, 253, 0, bytes([192, 0, 2, 1]), bytes([198, 51, 100, 9]))
    with Program(link.b, "redirect") as program, other.a.packet_socket(0x800) as sock:
        program.args(index_of(other.a))
        send(link.a, bytes(packet), b"\xff" * 6 + packet[6:])
        back = sock.recv(2048)
        other.at_rest()
    assert back[:12] == packet[6:12] + packet[:6] and back[26:34] == packet[30:34] + packet[26:30]
    assert other.a.extra()["wire_ignored"] == 1


@pytest.mark.parametrize("cpu", [0, 1])
def test_redirect_to_a_cpu(vnet, cpu):
    """The stack's work is done by another CPU."""
    link = vnet.pair()
    one = frame(link.b, link.a, 300)
    with Program(link.b, "redirect_cpu") as program:
        program.set("cpus", cpu, 64).args(cpu)
        assert cross(link, one, one) == [one, one]
        assert verdicts(link.b) == {"rx_xdp_redirect": 2}


def test_head(vnet):
    """Programs put bytes before the frame and take some away; there is as much room as they may count on."""
    link = vnet.pair()
    plain = frame(link.b, link.a, 200)
    with Program(link.b, "push") as program, link.b.packet_socket() as sock:
        program.args(42)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        send(link.a, plain)
        data, extra, _, _ = sock.recvmsg(2048, 100)
        assert (data, struct.unpack("=IIIHHHH", extra[0][2][:20])[5]) == (plain, 42)
    tagged = plain[:12] + b"\x81\0\0\x2a" + plain[12:]
    with Program(link.b, "pop"):
        assert cross(link, tagged) == [plain]
    before = verdicts(link.b)
    with Program(link.b, "headroom") as program:
        send(link.a, plain)  # with 0 bytes
        for room in (192, 200, 4000):
            program.args(room)
            send(link.a, plain)
            link.at_rest()
    assert verdicts(link.b) == {**before, "rx_xdp_drop": 3, "rx_xdp_aborted": 1}


@pytest.mark.parametrize("delta", [-100, 40])
def test_tail(vnet, delta):
    """Programs cut the frame's end off, or add zeroes."""
    link = vnet.pair()
    one = frame(link.b, link.a, 200)
    with Program(link.b, "tail") as program:
        program.args(delta)
        assert cross(link, one) == [one[:delta] if delta < 0 else one + bytes(delta)]


def mirror(end, to):
    """Has the kernel send a copy of all that an end receives out of another device."""
    end.run("tc", "filter", "add", "dev", end.name, "ingress", "matchall", "action", "mirred", "egress", "mirror", "dev", to.name)


@contextlib.contextmanager
def marked(end):
    """Makes what a program has said about a frame its mark; yields what receives one and returns its bytes and its mark."""
    with end.packet_socket(HELLO) as sock:
        end.run("tc", "qdisc", "add", "dev", end.name, "clsact")
        end.run("tc", "filter", "add", "dev", end.name, "ingress", "bpf", "da", "obj", TREE / "build/xdp/programs.o",
                "program", "mark_from_meta")
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)

        def receive():
            data, extra, _, _ = sock.recvmsg(2048, 100)
            return data, struct.unpack("=I", next(value for _, kind, value in extra if kind == SO_MARK))[0]

        yield receive


def test_metadata(vnet):
    """What a program says about a frame is known behind it."""
    link = vnet.pair()
    one = frame(link.b, link.a)
    with Program(link.b, "meta") as program, marked(link.b) as receive:
        for mark in (1234, 5678):
            program.args(mark)
            send(link.a, one)
            assert receive() == (one, mark)


@pytest.mark.parametrize("words", ["clear", "delay 1ms"])
@pytest.mark.parametrize("way", ["XDP", "tc"])
@pytest.mark.once
def test_no_wire_carries_metadata(vnet, words, way):
    """What a program has said stays at this end, whether XDP sends the frame on or the stack."""
    link = vnet.pair()
    other = second_link(vnet, link)
    other.a.impair(words)
    one = frame(other.b, link.a)
    with Program(link.b, "meta") as program, marked(link.b), marked(other.b) as receive:
        if way == "tc":
            mirror(link.b, other.a)
        program.args(1234, index_of(other.a) if way == "XDP" else 0)
        send(link.a, one)
        assert receive() == (one, 0)


def jumbo(vnet):
    """Makes a pair whose frames take several pages."""
    return vnet.pair(options="mtu 9000", peer="mtu 9000")


def test_pieces_are_read_and_written(vnet):
    """A program reaches bytes beyond the first page, and what it writes there arrives."""
    link = jumbo(vnet)
    one = frame(link.b, link.a, 9014)
    with Program(link.b, "frags_look") as program:
        for offset in (0, 3300, 3500, 4096, 7700, 9014 - 128):
            program.args(offset)
            assert cross(link, one) == [one]
            assert program.seen()[1:] == (9014, one[offset:offset + 128])
    with Program(link.b, "frags_scribble") as program:
        for offset in (100, 3515, 6000, 9014 - 16):
            program.args(offset)
            assert cross(link, one) == [one[:offset] + b"\xee" * 16 + one[offset + 16:]]


@pytest.mark.parametrize("length", [8000, 5000, 3600, 3400, 100])
def test_pieces_are_cut_off(vnet, length):
    """A program cuts off so much that pages go; what is left is let through, or sent back."""
    link = jumbo(vnet)
    one = frame(link.b, link.a, 9014)
    with Program(link.b, "frags_tail") as program:
        program.args(length - 9014, PASS)
        assert cross(link, one, one) == [one[:length]] * 2
        program.args(length - 9014, TX)
        with link.a.packet_socket(HELLO) as sock:
            send(link.a, one)
            assert sock.recv(10000) == one[6:12] + one[:6] + one[12:length]
        program.args(1000, PASS)
        before = verdicts(link.b)["rx_xdp_pass"]
        send(link.a, one)  # there is no room to grow
        link.at_rest()
        assert verdicts(link.b) == {"rx_xdp_pass": before, "rx_xdp_tx": 1, "rx_xdp_aborted": 1}


def test_pieces_are_sent_on(vnet):
    """Frames in pieces are sent back, and elsewhere, whole; there a program meets them in pieces again."""
    link = jumbo(vnet)
    other = second_link(vnet, link, mtu=9000)
    one = frame(other.b, link.a, 9014)
    with Program(link.b, "frags_tx"), link.a.packet_socket(HELLO) as sock:
        send(link.a, one)
        assert sock.recv(10000) == one[6:12] + one[:6] + one[12:]
    with Program(link.b, "frags_redirect") as program, other.b.packet_socket(HELLO) as sock:
        program.args(index_of(other.a))
        send(link.a, one)
        if OLD:  # this kernel redirects no frames in pieces, whatever the driver
            wait_for(lambda: verdicts(link.b).get("rx_xdp_aborted") == 1, "the refusal")
            return
        assert sock.recv(10000) == one
        with Program(other.b, "frags_look") as second:
            second.args(8000)
            send(link.a, one)
            assert sock.recv(10000) == one
            assert second.seen()[1:] == (9014, one[8000:8128])
        with Program(other.b, "frags_tail") as second:
            second.args(3800 - 9014, PASS)
            send(link.a, one)
            assert sock.recv(10000) == one[:3800]


def test_pieces_after_frames_of_another_memory(vnet):
    """Pages that a program cuts off are given back to whom they are of, whatever came before in that queue."""
    link = jumbo(vnet)
    for end in (link.a, link.b):
        end.ethtool("-L", "combined", "1")
    small, large = frame(link.b, link.a, 1000), frame(link.b, link.a, 9014)
    with (Program(link.a, "frags_redirect") as pool, Program(link.b, "frags_tail") as program,
          link.b.packet_socket(HELLO) as sock):
        pool.args(index_of(link.a))
        for _ in range(3):
            program.args(-100, PASS)
            pool.feed(small, 10)
            assert [sock.recv(10000) for _ in range(10)] == [small[:-100]] * 10
            program.args(5000 - 9014, PASS)
            send(link.a, large)
            assert sock.recv(10000) == large[:5000]


def test_program_and_mtu(vnet):
    """A program that takes frames whole and frames that need pieces: each refused while the other is there."""
    link = jumbo(vnet)
    assert "The other end's MTU is too large" in refusal(link.b, "pass")
    assert "prog" not in link.b.show().get("xdp", {})
    link.a.set("mtu", "3498")
    with Program(link.b, "look") as program:
        assert link.a.show()["max_mtu"] == 3498
        assert "mtu greater than device maximum" in link.a.run("ip", "link", "set", "vn0", "mtu", "3499", check=False)
        one = frame(link.b, link.a, 3512)
        assert cross(link, one) == [one]
        assert program.seen()[1] == 3512
        link.b.set("mtu", "65535")  # the other direction is nobody's business
    link.a.set("mtu", "9000")
    with Program(link.b, "frags_pass"):
        link.a.set("mtu", "65535")
        one = frame(link.b, link.a, 40000)
        assert cross(link, one) == [one]
        # Its place is not for a program that cannot take what it takes.
        assert "The other end's MTU is too large" in refusal(link.b, "drop")
        assert cross(link, one) == [one]


def test_refusals(vnet):
    """A card that runs programs itself this is not; a peer that may send large frames must not be forgotten."""
    link = vnet.pair()
    assert "Invalid argument" in refusal_of_ip(link.b, "xdpoffload")
    assert "prog" not in link.b.show().get("xdp", {})
    with Program(link.b, "pass"):
        assert "can't be active at the same time" in refusal_of_ip(link.b, "xdpgeneric")
        assert link.b.show()["xdp"]["mode"] == 1


def test_tcp_through_a_program(vnet):
    """TCP past a program: nobody cuts the data up but TCP, and it comes whole."""
    link = vnet.pair()
    with Program(link.b, "look") as program:
        assert "tcp-segmentation-offload: off" in link.a.ethtool("-k")
        assert transfer(link, 2 << 20)
        link.at_rest()
        assert program.seen()[0] == link.b.stat("rx_packets") == verdicts(link.b)["rx_xdp_pass"]
        assert snmp(link.b, "Tcp", "InCsumErrors") == 0
    assert "tcp-segmentation-offload: on" in link.a.ethtool("-k")


def test_listener_keeps_what_was_sent(vnet):
    """Whoever listens at the sender shares the frame's memory, and sees it as it was before a program wrote there."""
    link = vnet.pair()
    one = frame(link.b, link.a, 200)
    with (Program(link.b, "scribble"), link.a.packet_socket(HELLO) as listener, link.b.packet_socket(HELLO) as sock):
        listener.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 0)
        listener.bind(("vn0", 3))
        send(link.a, one)
        assert sock.recv(2048) == one[:100] + b"\xee" * 16 + one[116:]
        assert listener.recv(2048) == one


def test_sender_keeps_his_data(vnet):
    """A program writes into frames that TCP still has, to send them again. What it sends then is as it was.

    What was written into is refused for its checksum. Would it have been the sender's, the checksum would be made
    anew when it is sent again, and wrong data taken.
    """
    link = vnet.pair()
    program = Program(link.b, "scribble")

    def detach():
        wait_for(lambda: snmp(link.b, "Tcp", "InCsumErrors") > 0, "a frame that was written into")
        program.detach()

    # No more than what is sent without an answer, which does not come before that.
    assert transfer(link, 20000, detach)


def test_programs_come_and_go_under_tcp(vnet):
    """Attached, replaced and detached while frames larger than a page may be on their way."""
    link = vnet.pair()

    def change():
        for name in ("pass", "frags_pass", "look") * 2:
            program = Program(link.b, name)
            program.close()
        assert program.attach(-1) == (0, "")

    assert transfer(link, 4 << 20, change)
    assert verdicts(link.b).keys() <= {"rx_xdp_pass"}


def test_programs_come_and_go_without_loss(vnet):
    """Attached, replaced and detached, while two flows send numbered frames: each arrives, in order."""
    link = vnet.pair()
    collector, numbered = link.numbered()
    for _ in range(3):
        with Program(link.b, "pass"):
            Program(link.b, "look").close()
    sent = numbered.end()
    link.at_rest()
    assert collector.end() == {flow: list(range(count)) for flow, count in enumerate(sent)}
    assert 0 < verdicts(link.b)["rx_xdp_pass"] <= link.b.stat("rx_packets")


@pytest.mark.parametrize("strip", ["on", "off"])
def test_tag(vnet, strip):
    """A VLAN tag is in the bytes that the program sees: else what it sends on would have lost its VLAN."""
    link = vnet.pair()
    link.a.ns.ip("link add link vn0 name tagged type vlan id 42", "link set tagged up")
    link.b.ethtool("-K", "rxvlan", strip)
    tagged = End(link.a.ns, "tagged")
    with Program(link.b, "look") as program, link.b.packet_socket() as sock:
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        one = frame(link.b, tagged, 100)
        send(tagged, one)
        data, extra, _, _ = sock.recvmsg(2048, 100)
        # For the stack it is the same.
        assert (data, struct.unpack("=IIIHHHH", extra[0][2][:20])[5]) == (one, 42)
        tag = b"\x81\0\0\x2a"
        _, length, seen = program.seen()
        assert (length, seen[:60]) == (100 + len(tag), (one[:12] + tag + one[12:])[:60])


def test_checksum(vnet):
    """A datagram made here, whose checksum was left to the device: it is right for the program, and far away."""
    link = vnet.pair()
    other = second_link(vnet, link)
    with link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        with Program(link.b, "look") as program:
            sock.sendto(b"seventeen bytes  ", ("192.0.2.2", 9))
            wait_for(lambda: program.seen()[2][12:14] == b"\x08\x00", "the datagram")
            assert checksum_error(program.seen()[2][14:]) == 0
        with Program(link.b, "redirect") as program, other.b.packet_socket(0x0800) as far:
            program.args(index_of(other.a))
            sock.sendto(b"seventeen bytes  ", ("192.0.2.2", 9))
            packet = far.recv(2048)[14:]
            assert packet[28:45] == b"seventeen bytes  " and checksum_error(packet) == 0


def test_checksum_in_a_piece(vnet):
    """One that was left to the device, of bytes that lie in a piece, none of which are in the first."""
    link = jumbo(vnet)
    start, offset = 4000, 6
    one = bytearray(frame(link.b, link.a, 5000))
    one[start + offset:start + offset + 2] = bytes(2)
    header = struct.pack("=BBHHHH", NEEDS_CSUM, 0, 0, 0, start, offset)
    with Program(link.b, "frags_look") as program, link.b.packet_socket(HELLO) as far, link.a.packet_socket(0) as sock:
        program.args(start)
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.send(header + one)
        got = far.recv(65536)
        assert checksum(got[start:]) == 0
        assert program.seen()[1:] == (5000, got[start:start + 128])
        assert got[:start + offset] == one[:start + offset] and got[start + offset + 2:] == one[start + offset + 2:]


@pytest.mark.once
def test_generator(vnet):
    """A flood from two CPUs into two queues: each frame has its verdict."""
    link = vnet.pair()
    for name in ("drop", "pass", "tx"):
        before = sum(verdicts(link.b).values())
        with Program(link.b, name):
            pktgen = link.a.pktgen(link.b, count=2000, clone_skb=0)
            sent, _ = pktgen.run()
            link.at_rest()
            pktgen.remove()
        assert sum(verdicts(link.b).values()) - before == sent == 4000
    assert sum(verdicts(link.b).values()) == link.b.stat("rx_packets")


def test_af_xdp(vnet):
    """A socket of the kind AF_XDP, in copy mode: it gets the frames of its queue, and sends."""
    link = vnet.pair()
    for end in (link.a, link.b):
        end.ethtool("-L", "combined", "1")
    with Program(link.b, "redirect_socket") as program:
        sock = XdpSocket(link.b)
        program.set("sockets", 0, sock.sock.fileno())
        frames = [frame(link.b, link.a, size, seed=size) for size in (60, 700, 1514)]
        for _ in range(20):  # round the rings
            send(link.a, *frames)
            assert [wait_for(sock.receive, "a frame") for _ in frames] == frames
        assert verdicts(link.b) == {"rx_xdp_redirect": 60}
        assert sock.sock.getsockopt(socket.SOL_SOCKET, SO_INCOMING_NAPI_ID) > 0  # it can poll by itself
        back = [frame(link.a, link.b, size, seed=size) for size in (60, 700, 1514)]
        with link.a.packet_socket(HELLO) as far:
            for _ in range(20):
                sock.send(*back)
                assert [far.recv(2048) for _ in back] == back
                assert all(wait_for(sock.complete, "a completion") for _ in back)
        sock.close()


def features(index):
    """Returns what a device says that XDP can do on it."""
    # NETDEV_CMD_DEV_GET; NETDEV_A_DEV_IFINDEX, NETDEV_A_DEV_XDP_FEATURES
    answer, = ask_netdev(1, {1: index})
    return int.from_bytes(answer[3], "little")


@pytest.mark.skipif(OLD, reason="this kernel cannot be asked")
def test_features(vnet):
    """A device says what XDP can do on it: all but what needs memory of its own."""
    end = vnet.pair().a
    # BASIC, REDIRECT, NDO_XMIT, RX_SG, NDO_XMIT_SG; not XSK_ZEROCOPY and HW_OFFLOAD.
    assert end.ns.call(lambda: features(index_of(end))) == 0b1100111
