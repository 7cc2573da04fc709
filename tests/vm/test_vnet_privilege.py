"""Who may do what: nobody, root of a user namespace, root in a container who holds one end; and what each can see.

What nobody may not do to a namespace that is not his is in test_vnet_refused.py; who may impair the other end, in
test_vnet_impair_change.py.
"""

import contextlib
import errno
import fcntl
import os
import socket
import stat
import struct
import subprocess
from pathlib import Path

import pytest

from netlink import (IFINFOMSG, IFNAME, IMPAIR, MTU, NLA_F_NESTED, PEER, RTM_GETLINK, as_nobody, ask_link, attributes,
                     parse, peer)
from netns import Job
from nic import IFF_UP, ethtool_counters, ethtool_request, wait_for
from torture import SCHANNELS, SRINGPARAM
from traffic import frame
from uapi import nest

NLMSG_ERROR = b"\2\0"
SECRET = 700  # frames
RING, USECS = 2048, 4321  # of the other end
SIOCSIFFLAGS, GREGS, REGISTERS = 0x8914, 4, 32  # ETHTOOL_GREGS; bytes for a queue, see vnet_get_regs()
KNOBS = Path("/sys/kernel/debug/vnet")


def attempt(function):
    """Returns the errno with which something is refused; 0 if it is not."""
    try:
        function()
    except OSError as error:
        return error.errno
    return 0


def names():
    """Returns the names of the devices that this thread's namespace has."""
    return {name for _, name in socket.if_nameindex()}


def everything(device):
    """Returns all that RTM_GETLINK tells of a device, as bytes."""
    body = IFINFOMSG + attributes({IFNAME: device})
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), RTM_GETLINK, 1, 1, 0) + body)
        answer = sock.recv(1 << 17)
    if answer[4:6] == NLMSG_ERROR:
        raise OSError(-struct.unpack("=i", answer[16:20])[0], f"RTM_GETLINK {device}")
    return answer


@pytest.fixture
def contained(vnet):
    """A function that runs another in a container, as its root, who holds the end vn0 of a link; and that link."""
    link = vnet.pair()
    readers = []

    def run(function):
        reader, writer = os.pipe()
        readers.append(reader)

        def inside():
            os.write(writer, b"%d\n" % os.getpid())
            wait_for(lambda: "vn0" in names(), "the end")
            return function()

        job = Job(lambda: as_nobody(inside))
        pid = os.read(reader, 20).decode().strip()
        with open(f"/proc/{pid}/ns/net"):
            link.a.set("netns", pid)
            value = job.result()
        os.close(writer)
        vnet.links.remove(link)
        wait_for(lambda: not link.b.exists(), "the link to go with the container")
        return value

    yield run, link
    for reader in readers:
        with contextlib.suppress(OSError):
            os.close(reader)


def test_nobody_may_look_and_not_touch(vnet):
    """A user without any privilege, in the namespace of a link: counters yes, changes no."""
    link = vnet.pair()

    def rings():
        with socket.socket() as sock:
            ethtool_request(sock, "vn0", "=9I", SRINGPARAM, 0, 0, 0, 0, 64, 0, 0, 64)

    def channels():
        with socket.socket() as sock:
            ethtool_request(sock, "vn0", "=9I", SCHANNELS, 0, 0, 0, 0, 0, 0, 0, 1)

    def attempts():
        return [attempt(lambda: ethtool_counters("vn0")), attempt(lambda: everything("vn0")), attempt(rings),
                attempt(channels), ask_link({IFNAME: "vn0", MTU: 1400}, flags=0)[0],
                ask_link({IFNAME: "vn0"}, {IMPAIR | NLA_F_NESTED: nest({"DELAY": 1})}, flags=0)[0]]

    assert link.a.ns.call(lambda: as_nobody(attempts, own_namespace=False)) == [0, 0] + [errno.EPERM] * 4


def test_knobs_are_roots(vnet):
    """Nobody opens them, not even as root of a user namespace; the files say so, too."""
    vnet.pair()
    assert {"stall"} <= {knob.name for knob in KNOBS.iterdir()}
    for knob in KNOBS.iterdir():
        mode = knob.stat()
        assert mode.st_uid == 0 and not stat.S_IMODE(mode.st_mode) & 0o077, knob
        for own in (False, True):
            refused = as_nobody(lambda knob=knob: attempt(lambda: os.open(knob, os.O_WRONLY)), own_namespace=own)
            assert refused == errno.EACCES, (knob, own, refused)


def test_root_in_a_container_does_all_to_his_end(contained):
    """What he holds is his: queues, impairments, MTU; but no more memory of the machine than usual."""
    run, _ = contained

    def rings():
        with socket.socket() as sock:
            ethtool_request(sock, "vn0", "=9I", SRINGPARAM, 0, 0, 0, 0, 64, 0, 0, 64)

    def limit(size):
        return ask_link({IFNAME: "vn0"}, {IMPAIR | NLA_F_NESTED: nest({"LIMIT": size})}, flags=0)

    def attempts():
        return [[attempt(rings), ""], ask_link({IFNAME: "vn0", MTU: 1400}, flags=0), limit(256 << 20),
                limit((256 << 20) + 1),
                ask_link({IFNAME: "vn9"}, {IMPAIR | NLA_F_NESTED: nest({"LIMIT": 1 << 40}), PEER: peer({IFNAME: "vn8"})})]

    no = [errno.EPERM, "A limit above the usual one is for the machine's administrator"]
    assert run(attempts) == [[0, ""], [0, ""], [0, ""], no, no]


def test_root_of_the_machine_may_raise_the_limit(vnet):
    """As documented: up to 1 TiB."""
    link = vnet.pair()
    link.a.impair(f"limit {1 << 40}")


def test_nothing_of_the_other_end_is_told(contained):
    """Neither its name, nor its address, counters or impairments: the far end is another host."""
    run, link = contained
    link.b.down()  # for Linux 6.1, which gives no new name to what is up
    link.b.run("ip", "link", "set", "vn1", "name", "sesame", "type", "vnet", "delay", "1234567ns", "seed", "987654321")
    link.b.name = "sesame"
    for words in (("-G", "sesame", "rx", str(RING), "tx", str(RING)), ("-C", "sesame", "rx-usecs", str(USECS))):
        link.b.run("ethtool", *words)
    link.b.up()
    address = link.b.mac
    # Of these frames the near end gets none.
    link.b.impair("loss 100%")
    with link.b.packet_socket(0) as sock:
        for _ in range(SECRET):
            sock.send(frame(link.a, link.b))
    link.at_rest()
    assert link.b.extra()["line_lost"] >= SECRET

    def look():
        answer = everything("vn0")
        # A program that is started here is no root any more, who may see registers.
        with socket.socket() as sock:
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"vn0", IFF_UP))  # moved, it is down
            registers = ethtool_request(sock, "vn0", f"=III{REGISTERS}x", GREGS, 0, REGISTERS)
        texts = [subprocess.run(["ethtool", *option, "vn0"], stdout=subprocess.PIPE, text=True).stdout
                 for option in ([], *([f"-{letter}"] for letter in "acgiklTx"))]
        return [answer.hex(), registers.hex(), texts, ethtool_counters("vn0")]

    answer, registers, texts, counters = run(look)
    assert all(texts)
    for secret in ("sesame", address, "1234567", "987654321", str(RING), str(USECS)):
        assert not [text for text in texts if secret in text], secret
    words = {word for word, in struct.iter_unpack("=I", bytes.fromhex(registers)[12:])}
    assert any(words) and not words & {RING, USECS, SECRET}
    told = bytes.fromhex(answer)
    for secret in (b"sesame", bytes.fromhex(address.replace(":", "")), *(number.to_bytes(8, "little") for number in (1234567, 987654321, SECRET))):
        assert secret not in told, secret
    counted = {name for name, value in counters.items() if "peer" in name or value >= SECRET}
    assert counted <= {"napi_polls", "rx_interrupts"}, counters
    assert parse(told[32:])[IFNAME] == b"vn0\0"
