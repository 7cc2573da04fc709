"""Frames and data for links, and what tells whether they came whole. Runs in the guest, as root."""

import os
import socket
import struct
from pathlib import Path

from netns import Job
from nic import HELLO, mac


def frame(to, sender, size=60, ethertype=HELLO, seed=1):
    """Returns a frame with bytes that tell where they are."""
    payload = bytes((seed + i + i // 251) % 256 for i in range(size - 14))
    return mac(to.mac) + mac(sender.mac) + ethertype.to_bytes(2, "big") + payload


def send(end, *frames):
    """Sends frames, all from one queue."""
    with end.packet_socket(0) as sock:
        for one in frames:
            sock.send(one)


def transfer(link, size, during=lambda: None, to="192.0.2.2"):
    """Sends random bytes by TCP from A to B, and has something done in the middle; returns whether they came whole."""
    data = os.urandom(size)
    server = link.b.ns.call(lambda: socket.create_server((to, 5000)))

    server.settimeout(60)

    def receive():
        got = bytearray()
        with server.accept()[0] as sock:
            sock.settimeout(60)
            while chunk := sock.recv(1 << 18):
                got += chunk
        return got

    receiver = Job(receive)
    client = link.a.ns.call(lambda: socket.create_connection((to, 5000), timeout=60))
    client.sendall(data[:size // 2])
    during()
    client.sendall(data[size // 2:])
    client.close()
    got = receiver.result()
    server.close()
    return bytes(got) == data


def snmp(end, section, name):
    """Returns one of the stack's counters."""
    text = end.ns.call(Path("/proc/thread-self/net/snmp").read_text)
    names, values = (line.split() for line in text.splitlines() if line.startswith(f"{section}:"))
    return int(values[names.index(name)])


def checksum(data):
    """Returns the Internet checksum of some bytes: 0 if it is among them and right."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(packet):
    """Returns what the checksum of TCP and UDP covers beside their own bytes, of an IPv4 packet."""
    return packet[12:20] + struct.pack("!BBH", 0, packet[9], int.from_bytes(packet[2:4], "big") - 20)


def checksum_error(packet):
    """Returns by how much the TCP or UDP checksum of an IPv4 packet is off."""
    return checksum(pseudo(packet) + packet[20:int.from_bytes(packet[2:4], "big")])
