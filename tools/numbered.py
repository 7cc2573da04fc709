"""Numbered frames through packet sockets, and the kernel's time of their arrival; for the guest."""

import ctypes
import os
import socket
import struct
import time

LIBC = ctypes.CDLL(None)
HELLO = 0x88b5  # an EtherType for experiments
SO_TIMESTAMPNS, SO_RCVBUFFORCE, CLONE_NEWNET = 35, 33, 0x40000000


def packet_socket(name, netns=None):
    """Returns a packet socket on a device, here or in another network namespace."""
    with open("/proc/self/ns/net", encoding="ascii") as home:
        if netns:
            with open(f"/run/netns/{netns}", encoding="ascii") as there:
                LIBC.setns(there.fileno(), CLONE_NEWNET)
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind((name, HELLO))
        LIBC.setns(home.fileno(), CLONE_NEWNET)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
    return sock


def send(sock, count, spacing, length=60):
    """Sends numbered frames; returns when each was sent, in ns."""
    head, sent = b"\xff" * 6 + b"\x02" + bytes(5) + HELLO.to_bytes(2, "big"), []
    for number in range(count):
        sent.append(time.time_ns())
        sock.send((head + number.to_bytes(4, "big")).ljust(length, b"\0"))
        if spacing:
            time.sleep(spacing)
    return sent


def receive(sock):
    """Returns {number: time in ns} of the frames that have arrived."""
    got = {}
    sock.settimeout(0.5)
    while True:
        try:
            data, extra, *_ = sock.recvmsg(2000, 100)
        except TimeoutError:
            return got
        seconds, ns = struct.unpack("qq", extra[0][2])
        got[int.from_bytes(data[14:18], "big")] = seconds * 10**9 + ns
