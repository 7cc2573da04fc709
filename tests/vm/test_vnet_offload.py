"""Offloads: what the device does for the stack is done, and without it the stack does it.

What a frame is like when the driver hands it to the stack is seen by tracing, or by a packet socket that tells what
is known beside the bytes (struct virtio_net_hdr).
"""

import os
import re
import socket
import struct

import pytest

from link import VERSION, End, Link
from nic import HELLO, PACKET_AUXDATA, SOL_PACKET, mac, ping, run, traced, wait_for
from traffic import checksum, checksum_error, frame, pseudo, send, snmp, transfer

OLD = os.uname().release.startswith("6.1.")
PACKET_VNET_HDR = 15
NEEDS_CSUM, GSO_TCPV4 = 1, 1  # of struct virtio_net_hdr
UDP_SEGMENT, SO_ZEROCOPY, MSG_ZEROCOPY, SO_EE_ORIGIN_ZEROCOPY = 103, 60, 0x4000000, 5
NONE, PARTIAL = 0, 3  # skb->ip_summed
A, B = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
SEGMENTS, SEGMENT = 8, 1000


def ipv4(protocol, payload):
    """Returns an IPv4 packet from A to B."""
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0) + A + B
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def large_tcp(link):
    """Returns what a packet socket with PACKET_VNET_HDR takes for a TCP frame to be cut into SEGMENTS."""
    tcp = struct.pack("!HHIIBBHHH", 1000, 2000, 1, 1, 0x50, 0x10, 1000, 0, 0)
    packet = bytearray(ipv4(6, tcp + bytes(i % 256 for i in range(SEGMENTS * SEGMENT))))
    packet[36:38] = (~checksum(pseudo(packet)) & 0xFFFF).to_bytes(2, "big")  # the rest is to be done
    header = struct.pack("=BBHHHH", NEEDS_CSUM, GSO_TCPV4, 54, SEGMENT, 34, 16)
    return header + mac(link.b.mac) + mac(link.a.mac) + b"\x08\0" + packet


def with_header(end, ethertype=3):
    """Returns a packet socket that gives, and takes, a struct virtio_net_hdr before each frame."""
    sock = end.packet_socket(ethertype)
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    return sock


def settle(end, *settings):
    """Sets offloads, one by one: of some that hang together ethtool would say that it did more than it was asked."""
    for name, value in zip(settings[::2], settings[1::2]):
        end.ethtool("-K", name, value)


def need(*modules):
    """Loads modules of the kernel's; one that was built without them can do without the test."""
    if "not found" in run("modprobe", "-n", "-a", *modules, check=False):
        pytest.skip(f"this kernel has no {' or '.join(modules)}")
    run("modprobe", "-a", *modules)


@pytest.mark.parametrize("near, far, whole, partial", [
    ([], [], True, True),
    (["tso", "off"], [], False, True),
    (["sg", "off"], [], False, True),
    (["tx", "off"], [], False, False),
    ([], ["rx", "off"], False, False),
])
def test_large_tcp(vnet, near, far, whole, partial):
    """A frame that is to be cut up crosses whole, its checksum left open; or in pieces as the wire has them."""
    link = vnet.pair()
    settle(link.a, *near)
    settle(link.b, "gro", "off", *far)
    sent = large_tcp(link)
    with with_header(link.a, 0) as out, with_header(link.b, 0x0800) as sock:
        out.send(sent)
        got = [sock.recv(65536) for _ in range(1 if whole else SEGMENTS)]
        link.at_rest()
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):  # there is no more
            sock.recv(65536)
    for one in got:
        flags, kind, _, size, start, offset = struct.unpack("=BBHHHH", one[:10])
        assert (kind, size) == ((GSO_TCPV4, SEGMENT) if whole else (0, 0))
        assert bool(flags & NEEDS_CSUM) == partial
        packet = one[24:]
        if partial:
            assert (start, offset) == (34, 16)
            assert int.from_bytes(packet[36:38], "big") == ~checksum(pseudo(packet)) & 0xFFFF
        else:
            assert checksum_error(packet) == 0
    assert b"".join(one[64:] for one in got) == sent[64:]


@pytest.mark.parametrize("gro", ["on", "off"])
def test_gro(vnet, gro):
    """The pieces of a frame that come in together are put together again, if that is wanted."""
    link = vnet.pair()
    settle(link.a, "tso", "off")
    settle(link.b, "gro", gro)
    # One interrupt, for all of them.
    link.b.ethtool("-C", "adaptive-rx", "off", "rx-usecs", "1000000", "rx-frames", str(SEGMENTS))
    with with_header(link.a, 0) as out, with_header(link.b, 0x0800) as sock:
        out.send(large_tcp(link))
        got = [sock.recv(65536) for _ in range(1 if gro == "on" else SEGMENTS)]
    assert got[0][24 + 40:] == large_tcp(link)[64:][:len(got[0]) - 64]
    assert len(got[0]) == 10 + 54 + SEGMENT * (SEGMENTS if gro == "on" else 1)


@pytest.mark.parametrize("offload", ["on", "off"])
def test_large_udp(vnet, offload):
    """UDP_SEGMENT: the datagrams cross as one frame, or each by itself with a checksum that is right."""
    link = vnet.pair()
    settle(link.a, "tx-udp-segmentation", offload)
    if not OLD:  # this kernel would refuse such a call then
        settle(link.a, "tx", offload)
    settle(link.b, "gro", "off")
    data = os.urandom(SEGMENTS * SEGMENT)
    receiver = link.b.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    receiver.bind(("192.0.2.2", 6000))
    receiver.settimeout(30)
    with link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock, \
            link.b.packet_socket(0x0800) as tap, receiver:
        sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, SEGMENT)
        sock.sendto(data, ("192.0.2.2", 6000))
        assert b"".join(receiver.recv(65536) for _ in range(SEGMENTS)) == data
        if offload == "on":
            assert len(tap.recv(65536)) == 42 + len(data)
        else:
            pieces = [tap.recv(65536) for _ in range(SEGMENTS)]
            assert {len(one) for one in pieces} == {42 + SEGMENT}
            assert OLD or not any(checksum_error(one[14:]) for one in pieces)


@pytest.fixture
def tunnels():
    """Loads what tunnels need before the test begins: the modules make devices of their own."""
    need("vxlan", "ip_gre")


@pytest.mark.parametrize("kind, options, feature", [
    ("vxlan", "id 7 dstport 4789 udpcsum", "tx-udp_tnl-csum-segmentation"),
    ("vxlan", "id 7 dstport 4789 noudpcsum", "tx-udp_tnl-segmentation"),
    ("gretap", "", "tx-gre-segmentation"),
])
def test_tunnel(tunnels, vnet, kind, options, feature):
    """TCP in a tunnel: its frames are cut up beyond the device, or before it; the data comes whole."""
    link = vnet.pair()
    for here, there in ((link.a, link.b), (link.b, link.a)):
        here.ns.ip(f"link add tunnel type {kind} {options} local {here.address} remote {there.address}",
                   f"addr add 198.51.100.{here.address[-1]}/24 dev tunnel", "link set tunnel up")
        settle(here, "gro", "off")
        settle(End(here.ns, "tunnel"), "gro", "off")
    for state in ("on", "off"):
        settle(link.a, feature, state)
        with link.b.packet_socket(0x0800) as tap:
            assert transfer(link, 200000, to="198.51.100.2")
            link.at_rest()
            tap.setblocking(False)
            lengths = []
            while True:
                try:
                    lengths.append(len(tap.recv(70000)))
                except BlockingIOError:
                    break
        assert (max(lengths) > 1514) == (state == "on")


def routed(vnet, listed):
    """Returns the link from A to a router, which joins what belongs together to lists, and the two ends of that from
    there to C, which has them cross whole if `listed` is "on"."""
    link = vnet.pair()
    c = vnet.namespace("C")
    link.b.ns.ip("link add vn2 type vnet peer name vn3 netns C", "addr add 198.51.100.1/24 dev vn2", "link set vn2 up")
    c.ip("addr add 198.51.100.2/24 dev vn3", "link set vn3 up", "route add 192.0.2.0/24 via 198.51.100.1")
    link.a.ns.ip("route add 198.51.100.0/24 via 192.0.2.2")
    link.b.ns.sysctl("net/ipv4/ip_forward", 1)
    near, far = End(link.b.ns, "vn2"), End(c, "vn3")
    vnet.add(near, far)
    settle(link.a, "tso", "off", "tx-udp-segmentation", "off")
    settle(link.b, "rx-gro-list", "on")
    settle(near, "tx-gso-list", listed)
    settle(far, "gro", "off")
    link.a.run("ping", "-c", "1", "-W", "20", "198.51.100.2")  # so that all addresses are known
    return link, near, far


@pytest.mark.parametrize("listed", ["on", "off"])
def test_frame_of_frames(vnet, listed):
    """A frame made of a list of others: it crosses whole."""
    link, _, far = routed(vnet, listed)
    c = far.ns
    link.b.ethtool("-C", "adaptive-rx", "off", "rx-usecs", "1000000", "rx-frames", str(SEGMENTS))
    data = os.urandom(SEGMENTS * SEGMENT)
    receiver = c.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    receiver.bind(("198.51.100.2", 6000))
    receiver.settimeout(30)
    with link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock, \
            far.packet_socket(0x0800) as tap, receiver:
        sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, SEGMENT)
        sock.sendto(data, ("198.51.100.2", 6000))
        assert b"".join(receiver.recv(65536) for _ in range(SEGMENTS)) == data
        # Whole, it is as long as all of them with their headers.
        assert (len(tap.recv(65536)) > 42 + SEGMENT) == (listed == "on")


@pytest.mark.pace
@pytest.mark.skipif(VERSION < (6, 10), reason="this kernel joins no TCP segments to lists")
def test_list_of_verified_segments(vnet):
    """Of a list, each has been verified before it was joined, and the receiver, who has but the whole, believes that."""
    link, _, far = routed(vnet, "on")
    settle(link.a, "tx", "off")  # so that what the router sees has checksums, and no promise of them
    link.b.ethtool("-C", "adaptive-rx", "off", "rx-usecs", "200", "rx-frames", "32")
    with far.packet_socket(0x0800) as tap:
        assert transfer(Link(link.a, far), 1 << 19, to="198.51.100.2")
        tap.setblocking(False)
        longest = max(map(len, iter(lambda: received(tap), b"")))
    assert longest > 1514, "nothing was joined"
    assert snmp(far, "Tcp", "InCsumErrors") == 0


def received(sock):
    """Returns the next frame that has come, or nothing."""
    try:
        return sock.recv(65536)
    except BlockingIOError:
        return b""


def handed(lines, end):
    """Returns what the driver has handed to the stack, as dictionaries, from lines of a trace."""
    fields = r"\b(vlan_tagged|protocol|ip_summed|hash|len)=(\w+)"
    return [{name: int(value, 0) for name, value in re.findall(fields, line)} for line in lines
            if re.search(r"(skb|skb_list|gro_receive)_entry:", line) and f"dev={end.name} " in line]


@pytest.mark.parametrize("kind, tpid, insert, strip", [
    ("802.1Q", 0x8100, "txvlan", "rxvlan"),
    ("802.1ad", 0x88A8, "tx-vlan-stag-hw-insert", "rx-vlan-stag-hw-parse"),
])
def test_tag(vnet, kind, tpid, insert, strip):
    """A VLAN tag crosses beside the frame if both ends agree, in its bytes if one does not; never twice."""
    link = vnet.pair()
    link.a.ns.ip(f"link add link vn0 name tagged type vlan id 42 protocol {kind}", "link set tagged up")
    tagged = End(link.a.ns, "tagged")
    one = frame(link.b, tagged, 100)
    for inserted, stripped in (("on", "on"), ("on", "off"), ("off", "on"), ("off", "off")):
        settle(link.a, insert, inserted)
        settle(link.b, strip, stripped)
        with traced(event="net") as lines, link.b.packet_socket() as sock:
            sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            send(tagged, one)
            data, extra, _, _ = sock.recvmsg(2048, 100)
            found, = handed(lines(), link.b)
        beside = inserted == stripped == "on"
        assert (found["vlan_tagged"], found["len"]) == (int(beside), 86 + (0 if beside else 4))
        assert data == one
        assert struct.unpack("=IIIHHHH", extra[0][2][:20])[5:] == (42, tpid)


def test_receiving_offloads(vnet):
    """The open checksum and the flow's hash are handed on; switched off, one is closed and the other forgotten."""
    link = vnet.pair()
    link.a.run("ping", "-c", "1", "192.0.2.2")
    with link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.connect(("192.0.2.2", 9))
        for rx, rxhash in (("on", "on"), ("off", "on"), ("on", "off"), ("off", "off")):
            settle(link.b, "rx", rx, "rxhash", rxhash)
            with traced(event="net") as lines:
                before = link.b.stat("rx_packets")
                sock.send(b"odd")
                wait_for(lambda: link.b.stat("rx_packets") > before, "the datagram")
                found = [one for one in handed(lines(), link.b) if one["protocol"] == 0x800][0]
            assert found["ip_summed"] == (PARTIAL if rx == "on" else NONE)
            assert bool(found["hash"]) == (rxhash == "on")
            try:
                sock.send(b"")  # takes the answer that nobody listens there
            except ConnectionRefusedError:
                pass


def crc32c(data):
    """Returns the checksum of SCTP."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return ~crc & 0xFFFFFFFF


@pytest.mark.parametrize("rx", ["on", "off"])
def test_sctp(vnet, rx):
    """SCTP has another checksum; it too is closed where it must be, and the other end understands."""
    link = vnet.pair()
    need("sctp")
    settle(link.b, "rx", rx)
    server = link.b.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP))
    client = link.a.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP))
    with server, client, link.b.packet_socket(0x0800) as tap:
        server.bind(("192.0.2.2", 7000))
        server.listen()
        client.settimeout(30)
        client.connect(("192.0.2.2", 7000))
        packet = tap.recv(65536)[14:]
        sctp = packet[20:int.from_bytes(packet[2:4], "big")]
        right = int.from_bytes(sctp[8:12], "little") == crc32c(sctp[:8] + bytes(4) + sctp[12:])
        assert right == (rx == "off")


@pytest.mark.parametrize("rx", ["on", "off"])
def test_wrong_checksum(vnet, rx):
    """A checksum that came with the frame is the stack's to check: nobody has said that it is right."""
    link = vnet.pair()
    settle(link.b, "rx", rx)
    receiver = link.b.ns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    receiver.bind(("192.0.2.2", 6000))
    receiver.settimeout(30)
    packet = bytearray(ipv4(17, struct.pack("!HHHH", 1000, 6000, 8 + 6, 0) + b"so far"))
    packet[26:28] = checksum(pseudo(packet) + packet[20:]).to_bytes(2, "big")
    wrong = bytes(packet[:-1]) + b"!"
    with receiver:
        send(link.a, *(mac(link.b.mac) + mac(link.a.mac) + b"\x08\0" + one for one in (wrong, packet)))
        assert receiver.recv(100) == b"so far"
    assert snmp(link.b, "Udp", "InCsumErrors") == 1


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_zerocopy(vnet, kind):
    """Pages that a program has lent: what was in them when they were sent arrives, and they are given back."""
    link = vnet.pair()
    receiver = link.b.ns.call(lambda: socket.socket(socket.AF_INET, kind))
    receiver.bind(("192.0.2.2", 6000))
    receiver.settimeout(30)
    sock = link.a.ns.call(lambda: socket.socket(socket.AF_INET, kind))
    if kind == socket.SOCK_STREAM:
        receiver.listen()
    sock.connect(("192.0.2.2", 6000))
    end = receiver.accept()[0] if kind == socket.SOCK_STREAM else receiver
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    data = bytearray(os.urandom(60000))
    expected = bytes(data)
    with sock, receiver, end:
        assert sock.send(data, MSG_ZEROCOPY) == len(data)

        def completion():
            try:
                return sock.recvmsg(1, 200, socket.MSG_ERRQUEUE)[1]
            except BlockingIOError:
                return None

        error = wait_for(completion, "the pages to be given back")[0][2]
        assert struct.unpack("=IBBBBII", error[:16])[:2] == (0, SO_EE_ORIGIN_ZEROCOPY)
        data[:] = bytes(len(data))  # ours again
        got = b""
        while len(got) < len(expected):
            got += end.recv(65536)
        assert got == expected


def test_largest_mtu(vnet):
    """Frames of 64 KB without being cut up, with the largest that IP makes; one byte more is refused."""
    link = vnet.pair(options="mtu 65535", peer="mtu 65535")
    assert link.a.ns.call(lambda: ping("192.0.2.2", count=3, size=65535 - 28))[1] == 3
    assert link.b.stat("rx_bytes") > 3 * 65535
    assert transfer(link, 1 << 20)
    settle(link.a, "tso", "off", "sg", "off", "tx", "off")
    assert transfer(link, 1 << 20)
    one = frame(link.b, link.a, 65535 + 14)
    with link.b.packet_socket(HELLO) as sock:
        send(link.a, one)
        assert sock.recv(70000) == one
    assert "mtu greater than device maximum" in link.a.run("ip", "link", "set", "vn0", "mtu", "65536", check=False)
