"""The driver under test and the few tools that the tests share. Runs in the guest, as root."""

import contextlib
import ctypes
import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
OUT = Path(os.environ["VNET_OUT"])
NET = Path("/sys/class/net")

# System calls made directly: to start a program takes longer in an emulated machine than most tests do.
LIBC = ctypes.CDLL(None, use_errno=True)
FINIT_MODULE, DELETE_MODULE = 313, 176  # x86-64
IFF_UP, IFF_MULTICAST = 0x1, 0x1000
SIOCETHTOOL, ETHTOOL_GSTRINGS, ETHTOOL_GSTATS, ETHTOOL_GSSET_INFO, ETH_SS_STATS = 0x8946, 0x1b, 0x1d, 0x37, 1

SOL_PACKET, PACKET_AUXDATA, PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING = 263, 8, 20, 23
SO_ATTACH_FILTER, SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_TIMESTAMPNS, SO_MARK = 26, 32, 33, 35, 36

# A kernel that watches itself takes several times as long.
SLOWNESS = 6 if os.environ["VNET_KERNEL"] in ("san", "kcsan") else 1
A_WHILE = 2 * SLOWNESS  # seconds; long enough for what a test does meanwhile
# Seconds that a program may take. On a clock that counts instructions, a minute may be over while the host reads a file.
HANGS = None if "VNET_ICOUNT" in os.environ else 60 * SLOWNESS

HELLO = 0x88B5  # the EtherType for local experiments, IEEE 802
NEIGHBOUR = "06:76:6e:65:74:00"
OUR_MAC = "02:76:6e:65:74:00"


def run(*command, check=True, timeout=HANGS):
    """Runs a command and returns its output; a failure shows it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
    assert not check or done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}"
    return done.stdout


class Patience:
    """How long to wait for what must happen. Long, because the machine may be busy; short for what must fail."""

    seconds = 30 * SLOWNESS


def wait_for(condition, what, timeout=None):
    """Waits until the condition is true and returns its value."""
    timeout = timeout * SLOWNESS if timeout else Patience.seconds
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {timeout} s in vain for {what}"
        time.sleep(0.01)
    return value


# What KCSAN says of one: both ways to it.
RACE = re.compile(r"BUG: KCSAN.*?={60}", re.S)


class KernelLog:
    """The kernel's log from where it was made on; `lines` is what has been read and not been forgotten."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)
        self.lines = []

    def forget(self):
        """Forgets what was read, so that `lines` is one test's."""
        self.lines.clear()

    def read(self):
        """Returns all lines so far, without their prefixes."""
        while True:
            try:
                record = os.read(self.fd, 8192).decode(errors="replace")
            except BlockingIOError:
                return self.lines
            except BrokenPipeError:
                self.lines.append("WARNING: the kernel has said more than its buffer holds, before anybody read it")
                continue
            self.lines.append(record.split(";", 1)[1].split("\n", 1)[0])

    def has(self, regex):
        """Returns the lines that match."""
        return [line for line in self.read() if re.search(regex, line)]

    def bad_lines(self, allowed=None):
        """Returns the lines that no clean run prints; but no data race of the kernel's in which no driver has a part."""
        bad = re.compile(os.environ["VNET_BAD_LOG"])
        text = RACE.sub(lambda race: race[0] if "[vnet]" in race[0] else "", "\n".join(self.read()))
        return [line for line in text.splitlines() if bad.search(line) and not (allowed and re.search(allowed, line))]


def ethtool_request(sock, device, form, *values):
    """Makes a request of ethtool as old programs do; returns the structure as the kernel has filled it in."""
    request = ctypes.create_string_buffer(struct.pack(form, *values))
    fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", device.encode(), ctypes.addressof(request)))
    return request.raw[:struct.calcsize(form)]


def ethtool_counters(device):
    """Returns what `ethtool -S` prints, as a dictionary; without the program, as tests ask often."""
    with socket.socket() as sock:
        count = ethtool_request(sock, device, "=IIQI", ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_STATS, 0)[16:]
        count = int.from_bytes(count, "little")
        names = ethtool_request(sock, device, f"=III{32 * count}x", ETHTOOL_GSTRINGS, ETH_SS_STATS, count)[12:]
        values = ethtool_request(sock, device, f"=II{8 * count}x", ETHTOOL_GSTATS, count)[8:]
    return {name.rstrip(b"\0").decode(): value for (name,), (value,) in
            zip(struct.iter_unpack("32s", names), struct.iter_unpack("=Q", values))}


class Nic:
    """One driver: how it is loaded, set, asked and unloaded. Most of it is about vnet0."""

    def __init__(self, target, kernel_log):
        self.target, self.log = target, kernel_log
        self.name = "vnet0"

    def load(self, **parameters):
        """Loads it; returns what it said when it refused, or None."""
        module = f"build/{self.target}/{os.environ['VNET_KERNEL']}/vnet.ko"
        (OUT / "loaded").write_text(module)
        before = len(self.log.read())
        arguments = " ".join(f"{name}={value}" for name, value in parameters.items())
        with open(TREE / module, "rb") as file:
            error = LIBC.syscall(FINIT_MODULE, file.fileno(), arguments.encode(), 0)
        said = [line for line in self.log.read()[before:] if re.match("vnet: (?!loading|module)", line)]
        return said[0] if error else None

    def start(self, address=None, **parameters):
        """Loads it and brings vnet0 up, quietly: IPv6 and IGMP would send frames of their own."""
        assert self.load(**parameters) is None
        Path(f"/proc/sys/net/ipv6/conf/{self.name}/disable_ipv6").write_text("1")
        self.change_flags(set=IFF_UP, clear=IFF_MULTICAST)
        if address:
            run("ip", "addr", "add", address, "dev", self.name)
        return self

    def unload(self):
        """Unloads it if it is loaded."""
        if Path("/sys/module/vnet").exists():
            error = LIBC.syscall(DELETE_MODULE, b"vnet", os.O_NONBLOCK)
            assert not error, f"rmmod vnet: {os.strerror(ctypes.get_errno())}"

    def change_flags(self, set=0, clear=0):
        """Changes the flags of vnet0, as `ip link set` does."""
        path = NET / self.name / "flags"
        path.write_text(hex((int(path.read_text(), 16) | set) & ~clear))

    def up(self):
        """Brings vnet0 up."""
        self.change_flags(set=IFF_UP)

    def down(self):
        """Takes vnet0 down."""
        self.change_flags(clear=IFF_UP)

    def stat(self, counter):
        """Returns one of the counters of `ip -s link`."""
        return int((NET / self.name / "statistics" / counter).read_text())

    def set_verbose(self):
        """Asks for the messages that milestone 6 and later print only at their level."""
        if "Current message level" in run("ethtool", self.name, check=False):
            self.ethtool_set("msglvl", "tx_done", "on", "rx_status", "on")

    def ethtool_set(self, *settings):
        """Runs `ethtool -s vnet0 …`."""
        run("ethtool", "-s", self.name, *settings)

    def ethtool(self, *options):
        """Returns what `ethtool … vnet0` prints."""
        return run("ethtool", *options, self.name)

    def ethtool_stats(self):
        """Returns `ethtool -S vnet0` as a dictionary; empty for a driver that has none."""
        with contextlib.suppress(OSError):
            return ethtool_counters(self.name)
        return {}

    def link(self):
        """Returns `ip -s -d link show vnet0` as a dictionary."""
        return json.loads(run("ip", "-s", "-d", "-j", "link", "show", self.name))[0]

    def parameter(self, name):
        """Returns the path of a module parameter."""
        return Path("/sys/module/vnet/parameters") / name

    def set(self, **parameters):
        """Changes module parameters at run time, in the order given."""
        for name, value in parameters.items():
            self.parameter(name).write_text(f"{value}\n")

    def debug(self, on=True):
        """Switches the driver's pr_debug() on, as a user would."""
        Path("/proc/dynamic_debug/control").write_text(f"module vnet {'+p' if on else '-p'}")

    def send(self, count=1, size=60, ethertype=0x9000, dst=NEIGHBOUR, payload=b"", bypass=False):
        """Sends raw frames through a packet socket."""
        with self.raw_socket(ethertype if bypass else 0) as sock:
            if bypass:
                sock.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
            frame = mac(dst) + mac(OUR_MAC) + ethertype.to_bytes(2, "big") + payload
            for _ in range(count):
                sock.send(frame.ljust(size, b"\0"))

    def raw_socket(self, ethertype=3):
        """Returns a packet socket on vnet0 that receives; of type 3 (ETH_P_ALL) everything, of type 0 nothing."""
        # Deaf until it is bound: one that hears all devices already is deaf for a while when it is bound to one.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        sock.bind((self.name, ethertype))
        sock.settimeout(Patience.seconds)
        return sock

    def received(self, count, ethertype=3):
        """Returns the next frames that vnet0 receives."""
        with self.raw_socket(ethertype) as sock:
            return [sock.recv(65536) for _ in range(count)]

    def at_rest(self):
        """Waits until every frame sent has an end, and checks that none was lost on the way.

        Valid from milestone 8 on: what left the TX ring is received, or one of the counters says why not.
        (rx_dropped is none of them: that is the stack, which found nobody to take the frame.)
        """
        def accounted():
            extra = self.ethtool_stats()
            return (self.stat("rx_packets") + self.stat("rx_missed_errors")
                    + sum(extra.get(name, 0) for name in
                          ("wire_ignored", "wire_lost", "wire_overflow", "wire_errors")))

        wait_for(lambda: accounted() == self.stat("tx_packets"),
                 f"conservation: {self.stat('tx_packets')} sent, {accounted()} accounted for")


def mac(text):
    """Turns 02:… into bytes."""
    return bytes.fromhex(text.replace(":", ""))


def ping(address, count=5, interval=0.01, size=56, check=True):
    """Pings; returns (sent, received, list of round-trip times in ms)."""
    text = run("ping", "-n", "-c", str(count), "-i", str(interval), "-s", str(size),
               "-W", str(min(10, Patience.seconds)), address, check=check)
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups())
    return sent, received, [float(t) for t in re.findall(r"time=([\d.]+) ms", text)]


class Tcpdump:
    """A tcpdump in the background, known to be listening before it returns."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(["tcpdump", "-n", "-l", "--immediate-mode", *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on" in line:
                return
        raise AssertionError("tcpdump did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def lines(self, count):
        """Returns its next lines, without dumps of a frame's bytes."""
        timer = threading.Timer(Patience.seconds, self.process.kill)
        timer.start()
        headers = (line.rstrip() for line in self.process.stdout if not line.startswith("\t0x"))
        lines = [line for _, line in zip(range(count), headers)]
        timer.cancel()
        return lines


class Pktgen:
    """The kernel's packet generator, on one or two CPUs."""

    ROOT = Path("/proc/net/pktgen")

    def __init__(self, device, threads=2, **settings):
        if not self.ROOT.exists():
            run("modprobe", "pktgen")
        self.flows = [f"{device}@{cpu}" for cpu in range(threads)]
        self.count = settings.get("count", 1000)
        for cpu, flow in enumerate(self.flows):
            self.clear(cpu)
            self.write(f"kpktgend_{cpu}", f"add_device {flow}")
            for name, value in {"clone_skb": 0, "pkt_size": 60, "delay": 0, "dst_mac": NEIGHBOUR, "dst": "192.0.2.9",
                                **settings}.items():
                self.write(flow, f"{name} {value}")

    def write(self, file, text):
        """Gives one command."""
        (self.ROOT / file).write_text(text + "\n")

    def clear(self, cpu):
        """Has a thread let go of its devices.

        It does so when it has its turn, which may be after it has been given another and told to start; that goes, too.
        """
        def busy():
            return re.search(r"^(Running|Stopped): +\S", (self.ROOT / f"kpktgend_{cpu}").read_text(), re.M)

        if busy():
            self.write(f"kpktgend_{cpu}", "rem_device_all")
            wait_for(lambda: not busy(), "pktgen to let go of its devices")

    def run(self):
        """Sends; returns (frames sent, errors), all threads together.

        The start only waits for threads that begin within an eighth of a second, so what each says in the end is waited
        for, in place of what it says of its count.
        """
        for flow in self.flows:
            self.write(flow, f"count {self.count}")
        self.write("pgctrl", "start")
        for flow in self.flows:
            wait_for(lambda flow=flow: re.search(r"Result: OK: \d+\(", (self.ROOT / flow).read_text()), f"{flow} to be done")
        return self.sum("pkts-sofar"), self.sum("errors")

    def sent(self):
        """Returns how many frames it has sent so far."""
        return self.sum("pkts-sofar")

    def sum(self, what):
        """Returns one of its figures, all threads together."""
        text = "".join((self.ROOT / flow).read_text() for flow in self.flows)
        return sum(map(int, re.findall(rf"{what}: (\d+)", text)))

    @contextlib.contextmanager
    def running(self):
        """Sends for as long as the block lasts."""
        thread = threading.Thread(target=self.write, args=("pgctrl", "start"))
        thread.start()
        try:
            # A stop before the start has taken hold would be in vain.
            for cpu, flow in enumerate(self.flows):
                wait_for(lambda: re.search(f"Running:.* {flow}", (self.ROOT / f"kpktgend_{cpu}").read_text()),
                         f"{flow} to run")
            yield
        finally:
            self.write("pgctrl", "stop")
            thread.join()

    def remove(self):
        """Lets go of the device."""
        for cpu in range(len(self.flows)):
            self.clear(cpu)


@contextlib.contextmanager
def traced(event=None, function=None, filter=None):
    """Traces one event or some functions; yields a function that returns the lines seen so far.

    Of the functions at least one must exist: names differ between kernels. What comes when the buffer is full is not seen,
    which is better than that it takes the place of what came first.
    """
    root = Path("/sys/kernel/tracing")
    (root / "options/overwrite").write_text("0")
    (root / "trace").write_text("")
    if event:
        if filter:
            (root / "events" / event / "filter").write_text(filter)
        (root / "events" / event / "enable").write_text("1")
    else:
        for name in function.split():
            with contextlib.suppress(OSError), (root / "set_ftrace_filter").open("a") as names:
                names.write(name + "\n")
        assert set(function.split()) & set((root / "set_ftrace_filter").read_text().split()), f"no {function}"
        (root / "current_tracer").write_text("function")
    try:
        yield lambda: [line for line in (root / "trace").read_text().splitlines() if not line.startswith("#")]
    finally:
        if event:
            (root / "events" / event / "enable").write_text("0")
            (root / "events" / event / "filter").write_text("0")
        else:
            (root / "current_tracer").write_text("nop")
            (root / "set_ftrace_filter").write_text("")
        (root / "trace").write_text("")
        (root / "options/overwrite").write_text("1")
