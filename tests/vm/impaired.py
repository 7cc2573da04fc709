"""Numbered frames over an impaired wire: which of them arrive, in what order, when, and with which bytes."""

import os
import socket
import struct
import time

from frames import DISCARD, numbered
from nic import PACKET_AUXDATA, SO_TIMESTAMPNS, SOL_PACKET, wait_for

MS, S = 10**6, 10**9
AUXDATA, VLAN_VALID = struct.Struct("=IIIHHHH"), 1 << 4


class Arrival:
    """A frame that has arrived: when, in ns, its VLAN tag if that lay beside it (ethertype, tag), and its bytes."""

    def __init__(self, data, ancillary):
        self.data, self.tag = data, None
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, ns = struct.unpack("=qq", value)
                self.time = seconds * S + ns
            elif (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, *_, tci, proto = AUXDATA.unpack(value)
                if status & VLAN_VALID:
                    self.tag = proto, tci

    @property
    def frame(self):
        """Its bytes with the tag among them."""
        return self.data if self.tag is None else self.data[:12] + struct.pack("!HH", *self.tag) + self.data[12:]

    @property
    def number(self):
        """The number of a frame from numbered(); None if it is another one."""
        return int.from_bytes(self.data[42:46], "big") if self.data[36:38] == DISCARD else None


class Tap:
    """Notes what an end receives, from now on."""

    def __init__(self, end):
        self.sock = end.packet_socket()
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.settimeout(0)
        self.got = []

    def all(self):
        """Returns all that has come so far."""
        while True:
            try:
                data, ancillary, *_ = self.sock.recvmsg(65536, 256)
            except BlockingIOError:
                return self.got
            self.got.append(Arrival(data, ancillary))

    def arrivals(self):
        """Returns those that are numbered."""
        return [one for one in self.all() if one.number is not None]

    def numbers(self):
        """Returns their numbers."""
        return [one.number for one in self.arrivals()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


def make(link, count, size=60, first=0):
    """Returns frames with the numbers from `first` on."""
    one = numbered(link.a.mac, link.b.mac, 0, 0).ljust(size, b"\0")
    return [one[:42] + number.to_bytes(4, "big") + one[46:] for number in range(first, first + count)]


def send(end, frames):
    """Sends frames, all from one queue; returns when each was handed over, in ns. None can have left before."""
    def job():
        os.sched_setaffinity(0, {0})
        times = []
        with end.packet_socket(0) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            for frame in frames:
                times.append(time.time_ns())
                sock.send(frame)
        return times

    return end.ns.call(job)


def plain_queue(end):
    """Takes away the qdisc that it came with, which drops by itself what waits for long."""
    end.run("tc", "qdisc", "replace", "dev", end.name, "root", "pfifo", "limit", "10000")


def cross(link, count, size=60):
    """Sends numbered frames from a to b; returns when, and what has arrived when all is at rest."""
    with Tap(link.b) as tap:
        times = send(link.a, make(link, count, size))
        link.at_rest()
        return times, tap.arrivals()


def numbers(link, count, size=60):
    """Returns the numbers of those that arrive, as they come."""
    return [one.number for one in cross(link, count, size)[1]]


def lost(link, count):
    """Returns the ordinals of those that do not arrive: counted from 1."""
    return sorted(set(range(1, count + 1)) - {number + 1 for number in numbers(link, count)})


def line(end):
    """Returns the counters of what an end's wire does, without those that are 0."""
    return {name.removeprefix("line_"): value for name, value in end.extra().items()
            if name.startswith("line_") and value}


def flipped(before, after):
    """Returns the places of the bits that differ."""
    assert len(before) == len(after)
    return [8 * i + bit for i, (a, b) in enumerate(zip(before, after)) if a != b for bit in range(8)
            if (a ^ b) >> bit & 1]


def quick(link, frames, within, before):
    """Sends frames in less than so many ns, again and again until that was so; before each attempt, calls before().

    Returns what has arrived in the end; only then it is known what must have been lost on the way.
    """
    def attempt():
        before()
        with Tap(link.b) as tap:
            times = send(link.a, frames)
            took = time.time_ns() - times[0]
            link.at_rest()
            return [tap.arrivals()] if took < within else None

    return wait_for(attempt, "a moment of calm")[0]
