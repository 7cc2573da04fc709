"""Requests and frames as nobody sane would make them, from a seed."""

import struct

from netlink import (ADDRESS, IFINFOMSG, IFNAME, IMPAIR, INFO_DATA, INFO_KIND, LINKINFO, MTU, NET_NS_PID, NUM_RX_QUEUES,
                     NUM_TX_QUEUES, PEER, PEER_IMPAIR, WIRE)
from traffic import checksum
from uapi import IMPAIR as SETTINGS
from uapi import some_settings

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
NESTED = 0x8000
REQUEST, ACK, ROOT, EXCL, CREATE = 0x1, 0x4, 0x100, 0x200, 0x400


class Tree:
    """An attribute: a number, and bytes or further attributes, after a head that some nests have."""

    def __init__(self, number, value, head=b""):
        self.number, self.value, self.head = number, value, head

    def bytes(self, rng, wrong):
        """Returns it as bytes; with the probability `wrong`, something about it is not as it should be."""
        value = self.value
        if isinstance(value, list):
            children = list(value)
            if rng.random() < wrong and children:
                children.insert(rng.randrange(len(children)), rng.choice(children))
            value = self.head + b"".join(child.bytes(rng, wrong) for child in children)
        if rng.random() < wrong:
            value = mutated(rng, value)
        number, length = self.number, 4 + len(value)
        if rng.random() < wrong:
            number = rng.choice((number ^ NESTED, number ^ 0x4000, rng.randrange(70), rng.getrandbits(16)))
        if rng.random() < wrong / 2:
            length = rng.choice((0, 3, 4, length - 1, length + 1, length + 4, 0xffff)) & 0xffff
        return struct.pack("=HH", length, number) + value + bytes(-len(value) % 4)


def mutated(rng, data):
    """Returns bytes with something wrong about them."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        place = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            del data[place:place + rng.choice((1, 4, 400))]
        elif kind == 1:
            data[place:place] = rng.randbytes(rng.choice((1, 4, 40)))
        elif kind == 2:
            data[place:place + 8] = rng.choice((0, 1, 4096, (1 << 63) - 1, (1 << 64) - 1)).to_bytes(8, "little")
        elif data:
            data[place % len(data)] ^= 1 << rng.randrange(8)
    return bytes(data)


def end(rng, name):
    """Returns what may be asked of an end."""
    values = [Tree(IFNAME, name.encode() + b"\0")]
    if rng.random() < 0.3:
        values.append(Tree(MTU, struct.pack("=I", rng.choice((68, 1500, 65535, 67, 1 << 31)))))
    if rng.random() < 0.2:
        values.append(Tree(ADDRESS, rng.randbytes(rng.choice((6, 6, 5, 32)))))
    for number in (NUM_TX_QUEUES, NUM_RX_QUEUES):
        if rng.random() < 0.2:
            values.append(Tree(number, struct.pack("=I", rng.choice((1, 2, 4, 64, 65, 0)))))
    if rng.random() < 0.05:
        values.append(Tree(NET_NS_PID, struct.pack("=I", rng.choice((1, 2, 0x3fffff)))))
    return values


def settings(rng):
    """Returns some settings of a wire, in order or not."""
    values = some_settings(rng)
    if rng.random() < 0.3:
        values[rng.choice([name for name in SETTINGS if name not in ("PATTERN", "PAD", "UNSPEC")])] = rng.choice(
            (0, 1, 4095, 1 << 40, (1 << 64) - 1, rng.getrandbits(64)))
    trees = [Tree(SETTINGS[name], value.encode() + b"\0" if isinstance(value, str) else struct.pack("=Q", value))
             for name, value in values.items()]
    if rng.random() < 0.2:
        pattern = "".join(rng.choice("0123456789,-/ x") for _ in range(rng.choice((3, 20, 254, 300))))
        trees.append(Tree(SETTINGS["PATTERN"], pattern.encode() + b"\0" * (rng.random() < 0.9)))
    rng.shuffle(trees)
    return trees


def message(rng):
    """Returns a request about links of our kind."""
    data = []
    if rng.random() < 0.3:
        data.append(Tree(WIRE, struct.pack("=I", rng.choice((0, 1, 2, 2, 3)))))
    elif rng.random() < 0.7:
        data.append(Tree(PEER, end(rng, rng.choice(("vn1", "vn3", "vn%d", "x/y"))), IFINFOMSG))
    for number in (IMPAIR, PEER_IMPAIR):
        if rng.random() < 0.5:
            data.append(Tree(number | NESTED, settings(rng)))
    info = [Tree(INFO_KIND, b"vnet\0"), Tree(INFO_DATA, data)]
    kind = rng.choices((RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK, RTM_GETLINK), (12, 2, 2, 1))[0]
    flags = REQUEST | ACK | (rng.choice((0, CREATE, CREATE | EXCL)) if kind == RTM_NEWLINK else
                             rng.choice((0, ROOT | EXCL)) if kind == RTM_GETLINK else 0)
    wrong = rng.choice((0, 0.02, 0.1))
    trees = [*end(rng, rng.choice(("vn0", "vn1", "vn2"))), Tree(LINKINFO, info)]
    body = IFINFOMSG + b"".join(tree.bytes(rng, wrong) for tree in trees)
    if rng.random() < wrong:
        body = mutated(rng, body)
    if rng.random() < wrong:
        body = body[:rng.randrange(len(body) + 1)]
    length = 16 + len(body)
    if rng.random() < wrong:
        length = rng.choice((15, 16, length - 1, length + 1, 1 << 30))
    return struct.pack("=IHHII", length, kind, flags, 1, 0) + body


def ip4(rng, sender, receiver):
    """Returns an IPv4 packet, often a wrong one."""
    protocol = rng.choice((1, 6, 17, 17, 47, 132, 255))
    payload = rng.randbytes(rng.choice((0, 1, 7, 8, 20, 64, 1400)))
    if protocol == 1:
        payload = bytes([rng.choice((8, 8, 0, 3)), 0]) + payload
    total = 20 + len(payload) + rng.choice((0, 0, 0, -1, 1, 100))
    head = struct.pack("!BBHHHBBH4s4s", rng.choice((0x45, 0x45, 0x45, 0x46, 0x4f, 0x40, 0x55)), rng.randrange(256),
                       total & 0xffff, rng.getrandbits(16), rng.choice((0, 0, 0x4000, 0x2000, 0x2001, 0x1fff)),
                       64, protocol, 0, sender, receiver)
    if rng.random() < 0.8:
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return head + payload


def ip6(rng):
    """Returns an IPv6 packet, with extension headers that may go on for ever."""
    payload = b"".join(bytes([rng.choice((0, 43, 44, 60, 6, 17, 58)), rng.randrange(3)]) + rng.randbytes(6)
                       for _ in range(rng.randrange(5))) + rng.randbytes(rng.choice((0, 8, 40, 1000)))
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload) + rng.choice((0, 0, 1, -1)) & 0xffff,
                       rng.choice((0, 43, 44, 60, 6, 17, 58)), 64, rng.randbytes(16), rng.randbytes(16)) + payload


def arp(rng):
    """Returns a request or an answer of ARP, with wrong sizes now and then."""
    return struct.pack("!HHBBH6s4s6s4s", rng.choice((1, 1, 2)), rng.choice((0x800, 0x800, 0x86dd)),
                       rng.choice((6, 6, 0, 255)), rng.choice((4, 4, 16)), rng.choice((1, 1, 2, 9)), rng.randbytes(6),
                       rng.randbytes(4), rng.randbytes(6), rng.randbytes(4))


def frame(rng, sender, receiver, most):
    """Returns a frame of 0 bytes to more than `most`."""
    head = rng.choice((receiver, receiver, b"\xff" * 6, rng.randbytes(6))) + sender
    for _ in range(rng.choice((0, 0, 0, 1, 2, 3, 12))):
        head += struct.pack("!HH", rng.choice((0x8100, 0x88a8, 0x9100)), rng.getrandbits(16))
    ethertype, body = rng.choice((
        lambda: (0x800, ip4(rng, bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))),
        lambda: (0x86dd, ip6(rng)),
        lambda: (0x806, arp(rng)),
        lambda: (rng.getrandbits(16), rng.randbytes(rng.randrange(200))),
        lambda: (0x88b5, rng.randbytes(rng.randrange(most))),
    ))()
    data = head + struct.pack("!H", ethertype) + body
    if rng.random() < 0.3:
        data = data[:rng.randrange(len(data) + 1)]
    if rng.random() < 0.05:
        data = data.ljust(rng.choice((most - 1, most, most + 1, most + 5)), b"\xaa")
    return mutated(rng, data) if rng.random() < 0.1 else data


def offload(rng):
    """Returns a header of struct virtio_net_hdr: what is left to the device to do, which need not fit the frame."""
    return struct.pack("=BBHHHH", rng.choice((0, 1, 1, 2)), rng.choice((0, 0, 1, 3, 4, 5, 0x81)),
                       rng.choice((0, 14, 34, 54, 200)), rng.choice((0, 1, 100, 536, 1448, 65535)),
                       rng.choice((0, 14, 34, 60, 3000)), rng.choice((0, 6, 16, 60000)))
