"""XDP programs and their maps, by libbpf, by ip and by the system call; AF_XDP sockets. Runs in the guest, as root."""

import contextlib
import ctypes
import mmap
import os
import socket
import struct

from netlink import attach_xdp
from nic import LIBC, TREE

PROGRAMS = TREE / "build/xdp/programs.o"

BPF = 321  # the system call, x86-64
MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM, PROG_TEST_RUN = 1, 2, 3, 10
PROG_GET_FD_BY_ID, MAP_GET_FD_BY_ID, OBJ_GET_INFO_BY_FD = 13, 14, 15

ARRAY = 2  # BPF_MAP_TYPE_ARRAY
PASS, TX = 2, 3  # XDP_PASS and XDP_TX, for programs that are told what to return


def bpf(command, attributes):
    """Makes the system call; returns what it returned, or raises OSError."""
    buffer = attributes if isinstance(attributes, ctypes.Array) else ctypes.create_string_buffer(attributes, 128)
    result = LIBC.syscall(BPF, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}: {os.strerror(ctypes.get_errno())}")
    return result


def info(fd, size, more=b""):
    """Returns what the kernel tells of a program or a map; `more` is what it is asked for, in the same struct."""
    buffer = ctypes.create_string_buffer(more, size)
    bpf(OBJ_GET_INFO_BY_FD, struct.pack("=IIQ", fd, size, ctypes.addressof(buffer)))
    return buffer.raw


def index_of(end):
    """Returns the number of a device."""
    return int((end.path / "ifindex").read_text())


def load(name):
    """Loads one of the programs, with maps of its own, and returns its file descriptor. By libbpf, as ip does it."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for function in ("open_file", "next_program"):
        getattr(libbpf, f"bpf_object__{function}").restype = ctypes.c_void_p
    libbpf.bpf_program__name.restype = ctypes.c_char_p
    whole = ctypes.c_void_p(libbpf.bpf_object__open_file(bytes(PROGRAMS), None))
    assert whole, PROGRAMS
    program, found = None, None
    while program := libbpf.bpf_object__next_program(whole, ctypes.c_void_p(program)):
        wanted = libbpf.bpf_program__name(ctypes.c_void_p(program)) == name.encode()
        found = program if wanted else found
        libbpf.bpf_program__set_autoload(ctypes.c_void_p(program), wanted)
    assert found, f"no program {name}"
    error = libbpf.bpf_object__load(whole)
    assert not error, f"{name}: {os.strerror(-error)}"
    fd = os.dup(libbpf.bpf_program__fd(ctypes.c_void_p(found)))
    libbpf.bpf_object__close(whole)  # and with it the file descriptors of all maps
    return fd


class Loaded:
    """A program in the kernel, and its maps by their names: (file descriptor, kind, bytes of a value, entries)."""

    free = {}  # by name: those that no test has at present

    def __init__(self, fd):
        self.fd = fd
        self.maps = {}
        for map_id in self.map_ids():
            fd = bpf(MAP_GET_FD_BY_ID, struct.pack("=I", map_id))
            kind, _, _, value, entries = struct.unpack("=IIIII", info(fd, 80)[:20])
            self.maps[info(fd, 80)[24:40].split(b"\0")[0].decode()] = fd, kind, value, entries

    @classmethod
    def get(cls, name):
        """Returns a program with empty maps. To load it takes longer than most tests do, so it is kept."""
        free = cls.free.setdefault(name, [])
        if not free:
            return cls(load(name))
        loaded = free.pop()
        for fd, kind, value, entries in loaded.maps.values():
            for key in range(entries):
                key, zeroes = ctypes.c_uint32(key), ctypes.create_string_buffer(value)
                pair = ctypes.addressof(key), ctypes.addressof(zeroes)
                if kind == ARRAY:
                    bpf(MAP_UPDATE_ELEM, struct.pack("=I4xQQQ", fd, *pair, 0))
                else:
                    with contextlib.suppress(FileNotFoundError):  # never set
                        bpf(MAP_DELETE_ELEM, struct.pack("=I4xQQQ", fd, pair[0], 0, 0))
        return loaded

    def map_ids(self):
        """Returns the numbers of the maps that it uses."""
        ids = (ctypes.c_uint32 * 8)()
        # Of struct bpf_prog_info: nr_map_ids at 52, map_ids at 56.
        asked = bytes(52) + struct.pack("=IQ", 8, ctypes.addressof(ids))
        return ids[:struct.unpack("=I", info(self.fd, 64, asked)[52:56])[0]]

    def close(self):
        """Lets go of it."""
        for fd in (self.fd, *(fd for fd, *_ in self.maps.values())):
            os.close(fd)


class Program:
    """A program attached to a device in place of what was there."""

    def __init__(self, end, name):
        self.end, self.name = end, name
        self.loaded = Loaded.get(name)
        assert self.attach(self.loaded.fd) == (0, "")

    def attach(self, fd):
        """Attaches a program, or with -1 none; returns (errno, what the kernel said about it)."""
        return self.end.ns.call(lambda: attach_xdp(index_of(self.end), fd))

    def set(self, name, key, value):
        """Sets an element of a map whose values are numbers."""
        fd = self.loaded.maps[name][0]
        pair = (ctypes.c_uint32 * 2)(key, value & 0xFFFFFFFF)
        address = ctypes.addressof(pair)
        # In its namespace, because there the numbers of devices have their meaning.
        self.end.ns.call(lambda: bpf(MAP_UPDATE_ELEM, struct.pack("=I4xQQQ", fd, address, address + 4, 0)))
        return self

    def args(self, *values):
        """Tells the program what to do."""
        for key, value in enumerate(values):
            self.set("args", key, value)
        return self

    def seen(self):
        """Returns how many frames the program has noted, and of the last one its length and its bytes."""
        fd, _, size, _ = self.loaded.maps["seen"]
        key, value = ctypes.c_uint32(0), ctypes.create_string_buffer(size)
        bpf(MAP_LOOKUP_ELEM, struct.pack("=I4xQQQ", fd, ctypes.addressof(key), ctypes.addressof(value), 0))
        return *struct.unpack("=II", value.raw[:8]), value.raw[8:]

    def feed(self, frame, count=1):
        """Has the kernel run it on copies of a frame, and do what it says of each, from memory of a page pool."""
        frame = ctypes.create_string_buffer(frame, len(frame))
        live = 1 << 1  # BPF_F_TEST_XDP_LIVE_FRAMES
        attributes = struct.pack("=IIIIQQIIIIQQIII", self.loaded.fd, 0, len(frame), 0, ctypes.addressof(frame), 0, count,
                                 0, 0, 0, 0, 0, live, 0, 0)
        self.end.ns.call(lambda: bpf(PROG_TEST_RUN, attributes))

    def detach(self):
        """Takes the program away."""
        assert self.attach(-1) == (0, "")
        self.close()

    def close(self):
        """Lets go of the program; it stays where it is."""
        Loaded.free[self.name].append(self.loaded)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.detach()


class ProgramOfIp(Program):
    """The same, loaded and attached by ip."""

    def __init__(self, end, name):
        self.end = end
        end.run("ip", "link", "set", end.name, "xdp", "obj", PROGRAMS, "program", name)
        self.loaded = Loaded(bpf(PROG_GET_FD_BY_ID, struct.pack("=I", end.show()["xdp"]["prog"]["id"])))

    def detach(self):
        """Takes the program away."""
        self.end.set("xdp", "off")
        self.close()

    def close(self):
        """Lets go of the program; it stays where it is."""
        self.loaded.close()


def refusal(end, name):
    """Returns what the kernel says when a program is not attached."""
    loaded = Loaded.get(name)
    error, text = end.ns.call(lambda: attach_xdp(index_of(end), loaded.fd))
    Loaded.free[name].append(loaded)
    assert error, "not refused"
    return text


def refusal_of_ip(end, mode):
    """Returns what ip says when a program is not attached; of libbpf's words, nothing."""
    return end.run("ip", "link", "set", end.name, mode, "obj", TREE / "build/xdp/bare.o", "program", "pass",
                   check=False)


SOL_XDP, XDP_UMEM_REG = 283, 4
RX_RING, TX_RING, FILL_RING, COMPLETION_RING = 2, 3, 5, 6
# Ring: option that sets its size, where it is mapped, bytes of an entry.
RINGS = {RX_RING: (0, 16), TX_RING: (0x80000000, 16), FILL_RING: (0x100000000, 8), COMPLETION_RING: (0x180000000, 8)}
XDP_MMAP_OFFSETS, XDP_COPY, AF_XDP = 1, 2, 44


class XdpSocket:
    """An AF_XDP socket in copy mode: 64 frames, of which the first 32 are for receiving."""

    SIZE, FRAMES, RING = 2048, 64, 32

    def __init__(self, end, queue=0):
        self.sock = end.ns.call(lambda: socket.socket(AF_XDP, socket.SOCK_RAW, 0))
        self.umem = mmap.mmap(-1, self.SIZE * self.FRAMES)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.umem))
        self.sock.setsockopt(SOL_XDP, XDP_UMEM_REG,
                             struct.pack("=QQIIII", address, len(self.umem), self.SIZE, 0, 0, 0))
        for ring in RINGS:
            self.sock.setsockopt(SOL_XDP, ring, struct.pack("=I", self.RING))
        offsets = struct.unpack("=16Q", self.sock.getsockopt(SOL_XDP, XDP_MMAP_OFFSETS, 128))
        self.rings = {}
        for ring, place in zip((RX_RING, TX_RING, FILL_RING, COMPLETION_RING), range(0, 16, 4)):
            where, entry = RINGS[ring]
            producer, consumer, entries, _ = offsets[place:place + 4]
            memory = mmap.mmap(self.sock.fileno(), entries + self.RING * entry, offset=where)
            self.rings[ring] = memory, producer, consumer, entries, entry
        for frame in range(self.RING):
            self.put(FILL_RING, struct.pack("=Q", frame * self.SIZE))
        name = struct.pack("=HHIII", AF_XDP, XDP_COPY, index_of(end), queue, 0)
        assert LIBC.bind(self.sock.fileno(), name, len(name)) == 0, os.strerror(ctypes.get_errno())

    def put(self, ring, entry):
        """Puts an entry into a ring whose producer we are."""
        memory, producer, _, entries, size = self.rings[ring]
        index, = struct.unpack_from("=I", memory, producer)
        at = entries + index % self.RING * size
        memory[at:at + size] = entry
        struct.pack_into("=I", memory, producer, index + 1)

    def take(self, ring):
        """Takes an entry out of a ring whose consumer we are; None if there is none."""
        memory, producer, consumer, entries, size = self.rings[ring]
        index, = struct.unpack_from("=I", memory, consumer)
        if index == struct.unpack_from("=I", memory, producer)[0]:
            return None
        at = entries + index % self.RING * size
        entry = memory[at:at + size]
        struct.pack_into("=I", memory, consumer, index + 1)
        return entry

    def receive(self):
        """Returns the next frame, or None; its memory is used again at once."""
        entry = self.take(RX_RING)
        if entry is None:
            return None
        address, length, _ = struct.unpack("=QII", entry)
        frame = self.umem[address:address + length]
        self.put(FILL_RING, struct.pack("=Q", address - address % self.SIZE))
        return frame

    def send(self, *frames):
        """Sends up to 32 frames."""
        for number, frame in enumerate(frames):
            address = (self.RING + number) * self.SIZE
            self.umem[address:address + len(frame)] = frame
            self.put(TX_RING, struct.pack("=QII", address, len(frame), 0))
        self.kick()

    def complete(self):
        """Takes back the memory of a frame that was sent; None if there is none."""
        return self.take(COMPLETION_RING)

    def kick(self):
        """Has the kernel look at the TX ring."""
        with contextlib.suppress(BlockingIOError):
            self.sock.send(b"", socket.MSG_DONTWAIT)

    def close(self):
        """Ends it."""
        for memory, *_ in self.rings.values():
            memory.close()
        self.sock.close()
