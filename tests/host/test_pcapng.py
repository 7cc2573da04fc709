"""tools/vnet-pcapng without a kernel: lines of a trace in, a file out. tests/vm/test_vnet_pcapng.py has the real trace."""

import importlib.machinery
import importlib.util
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
TOOL = TREE / "tools/vnet-pcapng"
LOADER = importlib.machinery.SourceFileLoader("vnet_pcapng", str(TOOL))
pcapng = importlib.util.module_from_spec(importlib.util.spec_from_loader("vnet_pcapng", LOADER))
LOADER.exec_module(pcapng)

FRAME = bytes(range(60))


def verdict(ordinal, delay=0, marks="", at=1.5, length=60, data=FRAME):
    """Returns a line of the trace, as the kernel prints it."""
    return (f"          <idle>-0       [001] ..s2.  {at:.6f}: vnet_verdict: dev=vn0 ordinal={ordinal} delay={delay} "
            f"marks={marks} len={length} bytes={data.hex()}")


def deliver(ordinal, late):
    """The same of a frame that has come out."""
    return f"     ksoftirqd/1-23      [001] ..s2.  2.000000: vnet_deliver: dev=vn0 ordinal={ordinal} late={late}"


def drop(ordinal, why):
    """The same of a frame that goes no further."""
    return f"          ping-123     [000] b.s2.  2.000000: vnet_drop: dev=vn0 ordinal={ordinal} why={why}"


def recorded(*lines, count=None):
    """Returns what becomes of some lines."""
    recording = pcapng.Recording(count)
    for line in lines:
        recording.read(line)
    return recording


@pytest.mark.parametrize("lines, comment", [
    ([verdict(17, 0, "lost")], "frame 17: lost (by the settings)"),
    ([verdict(17, 5000, "lost|duplicated|corrupted")], "frame 17: lost (by the settings)"),
    ([verdict(18, 20300000), deliver(18, 41000)], "frame 18: delayed 20.3 ms, came 41 us late"),
    ([verdict(19), drop(19, "the queue is full")], "frame 19: lost: the queue is full"),
    ([verdict(1), deliver(1, 0)], "frame 1: came 0 ns late"),
    ([verdict(1, 999), deliver(1, 1234567890)], "frame 1: delayed 999 ns, came 1.23 s late"),
    ([verdict(2, 5000000, "duplicated"), deliver(2, 7), deliver(2, 8)],
     "frame 2: duplicated, delayed 5 ms, came 7 ns late, the other came 8 ns late"),
    ([verdict(2, 0, "duplicated"), drop(2, "too much is under way"), deliver(2, 8)],
     "frame 2: duplicated, lost: too much is under way, the other came 8 ns late"),
    ([verdict(3, 0, "corrupted|truncated|reordered"), deliver(3, 5)],
     "frame 3: bits flipped, cut off, held back for others to overtake it, came 5 ns late"),
    ([verdict(4, 0, "clamped"), deliver(4, 5)], "frame 4: not delayed, for that would have been negative, came 5 ns late"),
    ([verdict(5, 1000)], "frame 5: delayed 1 us, under way when the recording ended"),
    ([verdict(5, 0, "duplicated"), deliver(5, 5)],
     "frame 5: duplicated, came 5 ns late, the other under way when the recording ended"),
    ([verdict(6), drop(6, "the link went down")], "frame 6: lost: the link went down"),
])
def test_comments(lines, comment):
    """What was done, and why; also of frames between others."""
    other = [verdict(100), deliver(100, 1)]
    for before, after in (([], []), (other, []), (other[:1], other[1:])):
        frames = recorded(*before, *lines, *after).frames
        assert [frame.comment() for frame in frames if frame.ordinal != 100] == [comment]


def test_recording():
    """No more frames than asked for; none whose beginning was not seen; what the kernel could not keep is counted."""
    recording = recorded(deliver(1, 5), *(verdict(n, 10 ** 9) for n in range(2, 9)), deliver(2, 5), deliver(3, 5), "",
                         "CPU:0 [LOST 5 EVENTS]", "CPU:1 [LOST 2 EVENTS]", "# tracer: nop", count=3)
    assert [frame.ordinal for frame in recording.frames] == [2, 3, 4]
    assert (list(recording.under_way), recording.missed) == ([4], 7)
    assert recording.patience() == 1 + pcapng.GRACE


def blocks(data):
    """Returns the blocks of a pcapng file, as (type, body); checks how they are put together."""
    found = []
    while data:
        kind, length = struct.unpack_from("<II", data)
        assert length % 4 == 0 and 12 <= length <= len(data) and data[length - 4:length] == data[4:8]
        found.append((kind, data[8:length - 4]))
        data = data[length:]
    return found


def packets(path):
    """Returns (time in us, length on the wire, bytes, comment) of each packet of a file, read by nothing of scapy."""
    (kind, section), (second, interface), *rest = blocks(path.read_bytes())
    assert (kind, section[:8]) == (0x0A0D0D0A, struct.pack("<IHH", 0x1A2B3C4D, 1, 0))
    assert (second, interface[:2]) == (1, struct.pack("<H", 1))  # Ethernet
    found = []
    for kind, body in rest:
        assert kind == 6
        _, high, low, kept, length = struct.unpack_from("<5I", body)
        options = body[20 + (kept + 3 & ~3):]
        code, size = struct.unpack_from("<HH", options)
        assert code == 1 and options[4 + (size + 3 & ~3):] == bytes(4)
        found.append((high << 32 | low, length, body[20:20 + kept], options[4:4 + size].decode().rstrip("\n")))
    return found


def test_file(tmp_path):
    """Bytes, lengths, times and comments, as another reader finds them; tcpdump reads it, too."""
    path = tmp_path / "frames.pcapng"
    recording = recorded(verdict(1, 5), verdict(2, 0, "lost", at=1.75, length=9000, data=FRAME * 25), deliver(1, 7000),
                         verdict(3, at=2.0, length=3, data=b"abc"))
    pcapng.write(str(path), recording.frames)
    first, second, third = packets(path)
    assert first[1:] == (60, FRAME, "frame 1: delayed 5 ns, came 7 us late")
    assert second[1:] == (9000, FRAME * 25, "frame 2: lost (by the settings)")
    assert third[1:] == (3, b"abc", "frame 3: under way when the recording ended")
    assert abs(second[0] - first[0] - 250000) <= 1 and abs(third[0] - first[0] - 500000) <= 1
    if shutil.which("tcpdump"):
        done = subprocess.run(["tcpdump", "-e", "-nn", "-r", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 0 and len(re.findall(r"^\d\d:\d\d:\d\d\.\d{6} ", done.stdout, re.M)) == 3, done.stderr


@pytest.mark.parametrize("words, sentence", [
    ("vn0", "error: the following arguments are required: FILE"),
    ("--count 0 vn0 x", "error: argument --count: invalid natural value: '0'"),
    ("--seconds -1 vn0 x", "error: argument --seconds: invalid positive value: '-1'"),
    ("--seconds 1 --count 1 vn0 x", "error: argument --count: not allowed with argument --seconds"),
    ("vn0/1 x", "error: argument DEVICE: invalid device value: 'vn0/1'"),
    ("a-name-that-is-too-long x", "error: argument DEVICE: invalid device value: 'a-name-that-is-too-long'"),
])
def test_bad_lines(words, sentence):
    """Nothing is recorded."""
    done = subprocess.run([TOOL, *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr.rstrip().endswith(sentence)
