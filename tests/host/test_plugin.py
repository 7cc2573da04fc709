"""tools/ip-link with the real ip: the bytes it would send, what it prints of a link, what it refuses.

No kernel is asked for a link: strace catches each request before it gets there, and `ip monitor` reads links from a file.
"""

import os
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
PLUGIN = TREE / "build/ip-link/link_vnet.so"
SOURCE = TREE / "tools/ip-link/link_vnet.c"
USAGE = re.search(r"vnet_usage\[\] =\n(.*?);", SOURCE.read_text(), re.S).group(1)
USAGE = "".join(re.findall(r'"(.*)"', USAGE)).replace(r"\n", "\n")

RTM_NEWLINK = 16
IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO = 3, 4, 18
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_VNET_PEER, IFLA_VNET_WIRE = 1, 2
PEER, LOOP, REFLECT = 0, 1, 2


def run(*command, **environment):
    """Runs a command in the tree; returns its result with the output as text."""
    return subprocess.run([str(word) for word in command], cwd=TREE, env={**os.environ, **environment},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module", autouse=True)
def plugin():
    """The plugin, built as a user would."""
    done = run("tools/plugin")
    assert done.returncode == 0, done.stderr


def ip(*words):
    """Runs ip with the plugin; returns its result, with the links that it would have made or set in `sent`."""
    with tempfile.NamedTemporaryFile(mode="r") as trace:
        done = run("strace", "-o", trace.name, "-e", "trace=sendmsg", "-e", "inject=sendmsg:error=ENOBUFS", "-e", "write=all",
                   "ip", *words, IP_LIB_DIR="build/ip-link")
        calls = re.split(r"^sendmsg\(", trace.read(), flags=re.M)[1:]
    dumps = [re.findall(r"^ \| [0-9a-f]{5}  ((?:[0-9a-f]{2} {1,2}){1,16})", call, re.M) for call in calls]
    messages = [bytes.fromhex("".join(dump)) for dump in dumps]
    done.sent = [message for message in messages if struct.unpack_from("IH", message) == (len(message), RTM_NEWLINK)]
    return done


def request(words):
    """Returns the one request of an ip that has nothing to complain of."""
    done = ip(*words.split())
    assert done.stderr == "Cannot talk to rtnetlink: No buffer space available\n"
    message, = done.sent
    return message


def attribute(number, data):
    """Returns an attribute as it is sent."""
    if isinstance(data, str):
        data = data.encode() + b"\0"
    elif isinstance(data, int):
        data = struct.pack("I", data)
    return struct.pack("HH", 4 + len(data), number) + data + b"\0" * (-len(data) % 4)


def attributes(data):
    """Returns what bytes hold as a list of (number, data)."""
    found = []
    while data:
        length, number = struct.unpack_from("HH", data)
        assert 4 <= length <= len(data)
        found.append((number, data[4:length]))
        data = data[(length + 3) & ~3:]
    return found


def info(message):
    """Returns the kind and, as a list of attributes, the data of the kind that a request holds; None without data."""
    link = dict(attributes(message[32:]))
    inside = dict(attributes(link[IFLA_LINKINFO]))
    data = inside.get(IFLA_INFO_DATA)
    return inside[IFLA_INFO_KIND], None if data is None else attributes(data)


def without_sequence(message):
    """Returns a request without its sequence number, which is the time."""
    return message[:8] + bytes(4) + message[12:]


def test_builds_without_a_warning(tmp_path):
    """By the tool and, more strictly, by both compilers."""
    PLUGIN.unlink()
    assert run("tools/plugin").stderr == "building build/ip-link/link_vnet.so\n"
    assert run("tools/plugin").stderr == ""
    for compiler in filter(shutil.which, ("gcc", "clang")):
        done = run(compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-fPIC", "-shared", "-Ivnet", "-o",
                   tmp_path / "plugin.so", SOURCE)
        assert (done.returncode, done.stderr) == (0, "")


def test_needs_nothing_but_ip_and_libc():
    """What it takes from ip is weak, and ip has it; what it gives is the one name that ip looks for."""
    symbols = re.findall(r"(?:[0-9a-f]+| ) +(\w) (\w+)(@\S+)?$", run("nm", "-D", PLUGIN).stdout, re.M)
    ours = {name for kind, name, _ in symbols if kind == "w" and not name.startswith("_")}
    assert ours == {"addattr_l", "iplink_parse", "print_color_string"}
    exported = set(re.findall(r" T (\w+)$", run("nm", "-D", shutil.which("ip")).stdout, re.M))
    assert ours <= exported
    assert all(version.startswith("@GLIBC") for kind, _, version in symbols if kind == "U")
    assert [name for kind, name, _ in symbols if kind == "D"] == ["vnet_link_util"]


def test_help():
    """Asked for it is printed, and ends well; who wanted a link as well does not get one."""
    done = ip("link", "help", "vnet")
    assert (done.returncode, done.stdout, done.stderr) == (0, USAGE, "")
    done = ip("link", "add", "vn0", "type", "vnet", "help")
    assert (done.returncode, done.stdout, done.stderr, done.sent) == (1, "", USAGE, [])


@pytest.mark.parametrize("words, data", [
    ("", None),
    ("wire peer", [(IFLA_VNET_WIRE, struct.pack("I", PEER))]),
    ("wire loop", [(IFLA_VNET_WIRE, struct.pack("I", LOOP))]),
    ("wire reflect", [(IFLA_VNET_WIRE, struct.pack("I", REFLECT))]),
    ("peer", [(IFLA_VNET_PEER, bytes(16))]),
    ("peer name vn1", [(IFLA_VNET_PEER, bytes(16) + attribute(IFLA_IFNAME, "vn1"))]),
    ("wire peer peer vn1 mtu 1400", [(IFLA_VNET_WIRE, struct.pack("I", PEER)), (
        IFLA_VNET_PEER, bytes(16) + attribute(IFLA_MTU, 1400) + attribute(IFLA_IFNAME, "vn1"))]),
])
def test_request(words, data):
    """What lies in IFLA_INFO_DATA."""
    kind, sent = info(request(f"link add vn0 mtu 9000 type vnet {words}"))
    assert (kind, sent) == (b"vnet", data)


@pytest.mark.parametrize("words", [
    "peer", "peer vn1", "peer name vn1", "peer dev vn1", "peer name vn1 up", "peer name vn1 address 02:00:00:00:00:01",
    "peer name vn1 netns 1", "peer name vn1 mtu 1400 numtxqueues 4 numrxqueues 4 txqueuelen 17 index 77 up",
    "peer mtu 1400 name vn1 broadcast ff:ff:ff:ff:ff:ff alias other multicast off arp off dynamic on group 7",
    "peer name vn1 gso_max_size 60000 gso_max_segs 10 addrgenmode none promisc on",
])
@pytest.mark.parametrize("own", ["vn0", "vn0 up mtu 1300 index 55 numrxqueues 2 arp off"])
def test_peer_takes_what_the_peer_of_veth_takes(own, words):
    """The request is that for veth, byte for byte, with another kind."""
    sent, veth = (without_sequence(request(f"link add {own} type {kind} {words}")) for kind in ("vnet", "veth"))
    assert veth.count(b"veth") == 1
    assert sent == veth.replace(b"veth", b"vnet")


@pytest.mark.parametrize("words, sentence", [
    ("foo", "vnet: unknown word \"foo\"; 'ip link help vnet' shows all"),
    ("wire loop foo", "vnet: unknown word \"foo\"; 'ip link help vnet' shows all"),
    ("loop", "vnet: unknown word \"loop\"; 'ip link help vnet' shows all"),
    ("wir loop", "vnet: unknown word \"wir\"; 'ip link help vnet' shows all"),
    ("wire", 'vnet: "wire" lacks a value: give peer, loop or reflect'),
    ("wire lo", 'vnet: no wire "lo": give peer, loop or reflect'),
    ("wire LOOP", 'vnet: no wire "LOOP": give peer, loop or reflect'),
    ("wire loop wire loop", 'vnet: "wire" is given twice'),
    ("wire peer peer wire peer", 'vnet: "wire" is given twice'),
    ("wire loop peer name vn1", 'vnet: a link with "wire loop" has no peer'),
    ("wire reflect peer", 'vnet: a link with "wire reflect" has no peer'),
    ("peer wire loop", 'vnet: "wire" belongs before "peer"'),
    ("peer peer", 'vnet: "peer" is given twice'),
    ("peer name vn1 type veth", 'vnet: "type veth": a peer has the type of its link'),
    ("peer name vn1 foo", 'both "name" and "dev" cannot be used when creating devices.'),
    ("peer vn1 foo", 'Error: either "dev" is duplicate, or "foo" is a garbage.'),
    ("peer name vn1 name vn2", 'Error: duplicate "name": "vn2" is the second value.'),
    ("peer name vn1 mtu", 'Command line is not complete. Try option "help"'),
    ("peer name vn1 mtu x", 'Error: argument "x" is wrong: Invalid "mtu" value'),
    ("peer name vn/1", 'Error: argument "vn/1" is wrong: "name" not a valid ifname'),
    ("peer name vn1 netns nowhere", 'Error: argument "nowhere" is wrong: Invalid "netns" value'),
])
def test_nonsense_gets_one_sentence(words, sentence):
    """And nothing is sent."""
    done = ip("link", "add", "vn0", "type", "vnet", *words.split())
    assert done.returncode != 0
    assert (done.stdout, done.stderr.rstrip("\n"), done.sent) == ("", sentence, [])


def test_one_bad_line_of_a_batch(tmp_path):
    """Each line is read for itself: none remembers the words of the one before."""
    (tmp_path / "batch").write_text("".join(f"link add vn{n} type vnet {words}\n" for n, words in enumerate(
        ("wire loop help", "wire loop wire loop", "wire x", "peer peer", "wire loop help"))))
    done = ip("-force", "-batch", tmp_path / "batch")
    said = [line for line in done.stderr.split("\n") if line.startswith("vnet: ")]
    assert done.stderr.count("Usage: ... vnet") == 2
    assert said == ['vnet: "wire" is given twice', 'vnet: no wire "x": give peer, loop or reflect',
                    'vnet: "peer" is given twice']
    assert done.sent == []


def test_set():
    """A link that exists has its peer; the wire is the kernel's business."""
    done = ip("link", "set", "lo", "type", "vnet", "peer", "name", "vn1")
    assert done.returncode != 0 and done.sent == []
    assert done.stderr.endswith("vnet: a peer is described when a pair is added; later it is set by its own name\n")
    done = ip("link", "set", "lo", "type", "vnet", "wire", "loop")
    assert info(done.sent[-1]) == (b"vnet", [(IFLA_VNET_WIRE, struct.pack("I", LOOP))])


@pytest.mark.parametrize("data, shown", [
    (attribute(IFLA_VNET_WIRE, PEER), "vnet wire peer"),
    (attribute(IFLA_VNET_WIRE, LOOP), "vnet wire loop"),
    (attribute(IFLA_VNET_WIRE, REFLECT), "vnet wire reflect"),
    (attribute(IFLA_VNET_WIRE, 4294967295), "vnet wire 4294967295"),
    (attribute(77, b"a newer kernel's") + attribute(IFLA_VNET_WIRE, LOOP) + attribute(3, 5), "vnet wire loop"),
    (attribute(IFLA_VNET_WIRE, b"abc"), "vnet"),
    (attribute(IFLA_VNET_WIRE, b""), "vnet"),
    (b"", "vnet"),
    (None, "vnet"),
])
def test_shows_a_link(data, shown, tmp_path):
    """Under -d, whatever the kernel has sent: more than we know, or less."""
    kind = attribute(IFLA_INFO_KIND, "vnet") + (b"" if data is None else attribute(IFLA_INFO_DATA, data))
    link = bytes(4) + struct.pack("iII", 7, 0, 0) + attribute(IFLA_IFNAME, "vn0") + attribute(IFLA_LINKINFO, kind)
    (tmp_path / "links").write_bytes(struct.pack("IHHII", 16 + len(link), RTM_NEWLINK, 0, 0, 0) + link)
    done = ip("-details", "monitor", "file", tmp_path / "links")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().split("\n")[-1].strip() == shown


def test_guest():
    """In the VM ip knows the kind without being told where to look."""
    done = run("tools/vm", "--out", "build/plugin", "--", "ip", "link", "help", "vnet")
    assert (done.returncode, done.stdout) == (0, USAGE), done.stderr


def test_an_ip_that_lacks_something():
    """It is told, instead of being ended by the loader. Here the program that loads the plugin is Python."""
    script = f"""
import ctypes
plugin = ctypes.CDLL({str(PLUGIN)!r})
util = (ctypes.c_void_p * 9).in_dll(plugin, "vnet_link_util")
parse = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)
show = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)
word = (ctypes.c_char_p * 2)(b"help", None)
argc = ctypes.c_void_p(1)
attributes = (ctypes.c_void_p * 3)()
show(util[4])(None, None, ctypes.cast(attributes, ctypes.c_void_p))
raise SystemExit(-parse(util[3])(None, argc, ctypes.cast(word, ctypes.c_void_p), None))
"""
    done = run("/usr/bin/python3", "-c", script)
    assert (done.returncode, done.stderr) == (
        1, "vnet: this ip lacks what a plugin needs; iproute2 5.11 and later have it\n")
