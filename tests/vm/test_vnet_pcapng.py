"""tools/vnet-pcapng: a capture whose comments say what the wire did; it agrees with what came, and with the counters."""

import re
import signal
import subprocess
from collections import Counter

import pytest

from frames import numbered
from nic import OUT, SLOWNESS, TREE, wait_for

pytestmark = pytest.mark.once
FRAMES = 100


def comments(path):
    """Returns the comment of each packet of a pcapng file, and its bytes; reads it with nothing of the tool's."""
    data, found = path.read_bytes(), []
    while data:
        kind, length = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
        if kind == 6:
            kept = int.from_bytes(data[20:24], "little")
            options = data[28 + (kept + 3 & ~3):length - 4]
            assert options[:2] == b"\x01\0"
            found.append((options[4:4 + int.from_bytes(options[2:4], "little")].decode().rstrip(), data[28:28 + kept]))
        data = data[length:]
    return found


def record(path, *options, device="vn0"):
    """Starts the tool on a device's frames and returns when nothing will be missed."""
    tool = subprocess.Popen([TREE / "tools/vnet-pcapng", *options, device, path], stderr=subprocess.PIPE, text=True)
    assert tool.stderr.readline() == "recording\n", tool.stderr.read()
    return tool


def send(link, count, first=0):
    """Sends numbered frames from a to b."""
    def send_all():
        with link.a.packet_socket(0) as sock:
            for number in range(first, first + count):
                sock.send(numbered(link.a.mac, link.b.mac, 0, number))

    link.a.ns.call(send_all)


def ended(tool):
    """Waits for the tool; returns its last word."""
    _, said = tool.communicate(timeout=60)
    assert tool.returncode == 0, said
    return said


def test_fates(vnet):
    """Each frame's comment; tcpdump finds as many frames."""
    link = vnet.pair()
    link.a.set("type", "vnet", *"seed 7 loss 20% duplicate 20% delay 20ms jitter 5ms".split())
    path = OUT / "fates.pcapng"
    tool = record(path, "--count", str(FRAMES))
    send(link, FRAMES)
    assert ended(tool) == f"{FRAMES} frames in {path}\n"
    found = comments(path)
    foretold = subprocess.run([TREE / "build/vnet-dryrun", "--count", str(FRAMES), *"seed 7 loss 20% duplicate 20% delay 20ms "
                               "jitter 5ms".split()], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    late = r"came [\d.]+ [mun]?s late"
    for (comment, data), line, number in zip(found, foretold, range(FRAMES), strict=True):
        ordinal, marks, delay = line.split()
        expected = f"frame {ordinal}: delayed ([\\d.]+) ms, {late}"
        if "lost" in marks:
            expected = rf"frame {ordinal}: lost \(by the settings\)()"
        elif "duplicated" in marks:
            expected = f"frame {ordinal}: duplicated, delayed ([\\d.]+) ms, {late}, the other {late}"
        match = re.fullmatch(expected, comment)
        assert match, (comment, expected)
        assert "lost" in marks or abs(float(match[1]) - int(delay) / 1e6) <= 0.051
        assert data == numbered(link.a.mac, link.b.mac, 0, number)
    text = subprocess.run(["tcpdump", "-nn", "-r", path], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True).stdout
    assert len(text.splitlines()) == FRAMES
    link.a.ns.ip("link del vn0")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_drops(vnet, end):
    """Why a frame went no further, as often as the device has counted it: the queue's end, the link's; then Ctrl-C, kill."""
    link = vnet.pair()
    link.a.set("type", "vnet", *f"seed 7 rate {10000 // SLOWNESS}bit queue 10".split())
    path = OUT / "drops.pcapng"
    tool = record(path)
    send(link, FRAMES)
    wait_for(lambda: link.a.show()["linkinfo"]["info_xstats"]["line"]["frames"] == FRAMES, "all on the wire")
    wait_for(lambda: link.a.show()["linkinfo"]["info_xstats"]["line"]["in_flight"] == 0, "all to arrive")
    # These are sent so shortly before the link goes down that they are under way then.
    link.a.set("type", "vnet", *"rate none delay 10s".split())
    send(link, 5, FRAMES)
    wait_for(lambda: link.a.show()["linkinfo"]["info_xstats"]["line"]["in_flight"] == 5, "all to be under way")
    line = link.a.show()["linkinfo"]["info_xstats"]["line"]
    link.a.down()
    tool.send_signal(end)
    ended(tool)
    fates = Counter(re.sub(r"frame \d+: |delayed \S+ s, |[\d.]+ [mun]?s", "", comment) for comment, _ in comments(path))
    assert fates == {"lost: the queue is full": line["queue_drops"], "came  late": FRAMES - line["queue_drops"],
                     "lost: the link went down": 5}
    assert line["queue_drops"] > 20
    link.a.ns.ip("link del vn0")


@pytest.mark.parametrize("device", ["vn1", "nothing"])
def test_other_devices(vnet, device):
    """Only the frames that the device sends; a file without a frame is one."""
    link = vnet.pair()
    link.a.set("type", "vnet", "delay", "1ms")
    path = OUT / "none.pcapng"
    tool = record(path, "--seconds", "1", device=device)
    send(link, 5)
    assert ended(tool) == f"0 frames in {path}\n"
    assert comments(path) == []
    subprocess.run(["tcpdump", "-r", path], check=True, stderr=subprocess.DEVNULL)
    link.a.ns.ip("link del vn0")


def test_without_the_driver(vnet):
    """One sentence."""
    vnet.unload()
    done = subprocess.run([TREE / "tools/vnet-pcapng", "vn0", OUT / "x"], stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "tools/vnet-pcapng: the driver vnet is not loaded\n")
