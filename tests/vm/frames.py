"""Frames for a link: numbered ones, so that a lost one is missed, and as many as the kernel can make."""

import contextlib
import os
import re
import socket
import threading
import time
from pathlib import Path

from nic import SOL_PACKET, Pktgen, mac, wait_for

ETH_P_IP, PACKET_STATISTICS = 0x800, 6

# The numbered frames' UDP ports: one that nobody answers, and the first flow's.
DISCARD, FIRST_PORT = (9).to_bytes(2, "big"), 5000


class NetnsPktgen(Pktgen):
    """Pktgen in a network namespace: whoever reads or writes its files must be in there."""

    ROOT = Path("/proc/thread-self/net/pktgen")
    ns = None

    def run(self):
        """Sends; returns (frames sent, errors)."""
        return self.ns.call(super().run)

    def remove(self):
        """Lets go of the device."""
        self.ns.call(super().remove)

    def sent(self):
        """Returns how many frames it has sent so far."""
        return self.ns.call(super().sent)

    @contextlib.contextmanager
    def running(self):
        """Sends for as long as the block lasts."""
        job = self.ns.start(lambda: self.write("pgctrl", "start"))
        try:
            for cpu, flow in enumerate(self.flows):
                wait_for(lambda: re.search(f"Running:.* {flow}", self.ns.call((self.ROOT / f"kpktgend_{cpu}").read_text)),
                         f"{flow} to run")
            yield
        finally:
            self.ns.call(lambda: self.write("pgctrl", "stop"))
            job.result()


class Collector:
    """Collects the numbers of the frames that an end receives, in the background, from Numbered()."""

    def __init__(self, end):
        self.sock = end.packet_socket(ETH_P_IP)
        self.sock.settimeout(0.1)
        self.flows, self.ending = {}, False
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        """Receives until it is told to end and nothing comes any more."""
        while True:
            try:
                frame = self.sock.recv(2048)
            except TimeoutError:
                if self.ending:
                    return
                continue
            except OSError:  # the device has gone down, and may come up again
                continue
            if frame[36:38] == DISCARD:
                flow = int.from_bytes(frame[34:36], "big") - FIRST_PORT
                self.flows.setdefault(flow, []).append(int.from_bytes(frame[42:46], "big"))

    def end(self):
        """Returns the numbers of each flow, when all that has come is read; none must have overflowed our socket."""
        self.ending = True
        self.thread.join()
        dropped = int.from_bytes(self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)[4:], "little")
        self.sock.close()
        assert not dropped, f"the test's own socket lost {dropped}"
        return self.flows


def numbered(end, to, flow, number):
    """Returns a frame for Collector: UDP for the port discard of a host that is not there, so nobody answers."""
    payload = number.to_bytes(4, "big").ljust(18, b"\0")
    udp = (FIRST_PORT + flow).to_bytes(2, "big") + DISCARD + (8 + len(payload)).to_bytes(2, "big") + bytes(2)
    ip = (b"\x45\0" + (28 + len(payload)).to_bytes(2, "big") + bytes(4) + b"\x40\x11\0\0"
          + socket.inet_aton("192.0.2.1") + socket.inet_aton("198.51.100.9"))
    total = sum(int.from_bytes(ip[i:i + 2], "big") for i in range(0, 20, 2))
    checksum = 0xffff - (total + (total >> 16)) % 0x10000
    return (mac(to) + mac(end) + ETH_P_IP.to_bytes(2, "big") + ip[:10] + checksum.to_bytes(2, "big") + ip[12:]
            + udp + payload)


class Numbered:
    """Sends numbered frames in the background, each as often as it takes until the device has accepted it.

    They go past the qdisc, which may drop what it holds when queues go: what is accepted here has been given to
    the driver. Two threads send, on the two CPUs, and share the flows; past the qdisc the queue is the CPU's, otherwise
    (bypass=False) the flow's, if XPS is off.
    """

    def __init__(self, end, to, flows=2, bypass=True):
        self.sent, self.ending, self.bypass = [0] * flows, False, bypass
        macs = end.mac, to.mac
        self.jobs = [end.ns.start(lambda cpu=cpu: self.send(end, macs, cpu)) for cpu in range(min(2, flows))]

    def send(self, end, macs, cpu):
        """Sends every other flow, in turn, until it is told to end."""
        os.sched_setaffinity(0, {cpu})
        with end.packet_socket(0, self.bypass) as sock:
            while not self.ending:
                for flow in range(cpu, len(self.sent), 2):
                    try:
                        sock.send(numbered(*macs, flow, self.sent[flow]))
                    except OSError:  # full, or frozen: ENOBUFS
                        time.sleep(0.001)
                        break
                    self.sent[flow] += 1

    def end(self):
        """Stops, and returns how many frames of each flow were accepted."""
        self.ending = True
        for job in self.jobs:
            job.result()
        return self.sent
