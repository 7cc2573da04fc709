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
SOURCES = [TREE / "tools/ip-link" / name for name in ("link_vnet.c", "words.c")]


def usage(source):
    """Returns the help text of a source, as it is printed."""
    text = re.search(r"usage\[\] =\n(.*?);\n", source.read_text(), re.S).group(1)
    return "".join(re.findall(r'^\t"(.*)";?$', text + ";", re.M)).replace(r"\n", "\n").replace(r"\"", '"')


USAGE = "".join(map(usage, SOURCES))
NAMES = re.findall(r"^\t(VNET_IMPAIR_\w+),$", (TREE / "vnet/uapi/vnet.h").read_text(), re.M)
IMPAIR = {name.removeprefix("VNET_IMPAIR_"): number for number, name in enumerate(NAMES)}

RTM_NEWLINK = 16
IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO = 3, 4, 18
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_VNET_PEER, IFLA_VNET_WIRE, IFLA_VNET_IMPAIR, IFLA_VNET_PEER_IMPAIR = 1, 2, 3, 4
NLA_F_NESTED = 1 << 15
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


def impair(which=IFLA_VNET_IMPAIR, **settings):
    """Returns the attribute for impairments, by the names of VNET_IMPAIR_*, as attributes() has it."""
    inside = {IMPAIR[name]: value.encode() + b"\0" if isinstance(value, str) else struct.pack("=Q", value)
              for name, value in settings.items()}
    return which | NLA_F_NESTED, b"".join(attribute(number, inside[number]) for number in sorted(inside))


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
    os.utime(PLUGIN, (0, 0))  # not unlinked: guests use it meanwhile
    assert run("tools/plugin").stderr == "building build/ip-link/link_vnet.so\n"
    assert run("tools/plugin").stderr == ""
    for compiler in filter(shutil.which, ("gcc", "clang")):
        done = run(compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-fPIC", "-shared", "-Ivnet", "-o",
                   tmp_path / "plugin.so", *SOURCES)
        assert (done.returncode, done.stderr) == (0, "")


def test_needs_nothing_but_ip_and_libc():
    """What it takes from ip is weak, and ip has it; what it gives is the one name that ip looks for."""
    symbols = re.findall(r"(?:[0-9a-f]+| ) +(\w) (\w+)(@\S+)?$", run("nm", "-D", PLUGIN).stdout, re.M)
    ours = {name for kind, name, _ in symbols if kind == "w" and not name.startswith("_")}
    assert ours == {"addattr_l", "iplink_parse", "print_color_string", "print_color_u64", "print_color_bool",
                    "is_json_context", "open_json_object", "close_json_object", "open_json_array", "close_json_array"}
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


MS = 10 ** 6
ONE = 10 ** 9
# A line, and what it asks for; the kernel's names are long, so a few words of ours stand for them.
LINES = [
    ("delay 20ms jitter 2ms normal half-life 1.5s keep-order",
     {"DELAY": 20 * MS, "JITTER": 2 * MS, "DISTRIBUTION": 1, "HALF_LIFE": 1500 * MS, "KEEP_ORDER": 1}),
    ("delay 7us jitter 1ns pareto", {"DELAY": 7000, "JITTER": 1, "DISTRIBUTION": 2}),
    ("reorder 0.5% distance 3", {"REORDER": 5 * MS, "DISTANCE": 3}),
    ("loss 0.0000001%", {"LOSS": 1, "LOSS_MODEL": 1}),
    ("loss 1% burst 4.125", {"LOSS": 10 * MS, "LOSS_MODEL": 2, "BURST": 4125}),
    ("loss ge p 1% r 25% bad 80% good 0.1%",
     {"LOSS_MODEL": 3, "P": 10 * MS, "R": 250 * MS, "BAD": 800 * MS, "GOOD": MS}),
    ("loss 4state p13 1% p31 30% p32 10% p23 20% p14 0.5%",
     {"LOSS_MODEL": 4, "P13": 10 * MS, "P31": 300 * MS, "P32": 100 * MS, "P23": 200 * MS, "P14": 5 * MS}),
    ("loss pattern 3,17-20/100", {"LOSS_MODEL": 5, "PATTERN": "3,17-20/100"}),
    ("duplicate 100% copy-delay 30ms", {"DUPLICATE": ONE, "COPY_DELAY": 30 * MS}),
    ("corrupt 2% bits 3 payload repair", {"CORRUPT": 20 * MS, "BITS": 3, "WHERE": 2, "REPAIR": 1}),
    ("truncate 3% to 60", {"TRUNCATE": 30 * MS, "LENGTH": 60}),
    ("rate 50mbit overhead 24 cell 48 cell-overhead 5 queue 100 queue-bytes 64k head-drop ecn 20",
     {"RATE": 50 * MS, "OVERHEAD": 24, "CELL": 48, "CELL_OVERHEAD": 5, "QUEUE": 100, "QUEUE_BYTES": 65536,
      "HEAD_DROP": 1, "ECN": 20}),
    ("vlan match 5 translate 7 pcp 3", {"VLAN_MATCH": 5, "VLAN_TRANSLATE": 7, "VLAN_PCP": 3}),
    ("flap 10s 500ms limit 1g", {"FLAP_UP": 10 * ONE, "FLAP_DOWN": 500 * MS, "LIMIT": 1 << 30}),
]


@pytest.mark.parametrize("words, settings", [
    *LINES,
    ("vlan push 9 pop 802.1ad", {"VLAN_MATCH": 4096, "VLAN_POP": 1, "VLAN_PUSH": 9, "VLAN_PROTO": 0x88a8}),
    ("vlan", {"VLAN_MATCH": 4096}),
    ("rate none", {"RATE": 2 ** 64 - 1}), ("loss none", {"LOSS_MODEL": 0}), ("flap none", {"FLAP_UP": 0, "FLAP_DOWN": 0}),
    ("loss 0%", {"LOSS": 0, "LOSS_MODEL": 0}), ("delay 0", {"DELAY": 0}), ("jitter 5ns", {"JITTER": 5}),
    ("clear seed 18446744073709551615", {"CLEAR": 1, "SEED": 2 ** 64 - 1}),
    ("uniform whole", {"DISTRIBUTION": 0, "WHERE": 0}), ("header", {"WHERE": 1}),
])
def test_impairments(words, settings):
    """What lies in IFLA_INFO_DATA, byte for byte, whether a link is added or set, for one end and for the other."""
    assert info(request(f"link add vn0 type vnet {words}"))[1] == [impair(**settings)]
    assert info(ip("link", "set", "lo", "type", "vnet", *words.split()).sent[-1])[1] == [impair(**settings)]
    peer = [impair(IFLA_VNET_PEER_IMPAIR, **settings), (IFLA_VNET_PEER, bytes(16) + attribute(IFLA_IFNAME, "vn1"))]
    assert info(request(f"link add vn0 type vnet peer {words} name vn1"))[1] == peer


def test_impairments_of_both_ends():
    """The README's example but for the namespace, which is none here."""
    sent = info(request("link add vn0 type vnet delay 20ms jitter 2ms normal rate 50mbit queue 100 "
                        "peer delay 5ms loss 1% burst 4 name vn1 netns 1"))[1]
    assert sent[:2] == [impair(DELAY=20 * MS, JITTER=2 * MS, DISTRIBUTION=1, RATE=50 * MS, QUEUE=100),
                        impair(IFLA_VNET_PEER_IMPAIR, DELAY=5 * MS, LOSS=10 * MS, LOSS_MODEL=2, BURST=4000)]
    assert sent[2][0] == IFLA_VNET_PEER and (IFLA_IFNAME, b"vn1\0") in attributes(sent[2][1][16:])
    order = info(request("link add vn0 type vnet delay 5ms wire peer loss 1% peer loss 2%"))[1]
    assert order == [(IFLA_VNET_WIRE, bytes(4)), impair(DELAY=5 * MS, LOSS=10 * MS, LOSS_MODEL=1),
                     impair(IFLA_VNET_PEER_IMPAIR, LOSS=20 * MS, LOSS_MODEL=1), (IFLA_VNET_PEER, bytes(16))]


@pytest.mark.parametrize("word, name, numbers", [
    ("delay", "DELAY", {"0": 0, "00": 0, "7ns": 7, "7us": 7000, "7ms": 7 * MS, "7s": 7 * ONE, "7S": 7 * ONE, "1.5us": 1500,
                        "0.000000001s": 1, "1.0ns": 1, "18446744073.709551615s": 2 ** 64 - 1}),
    ("corrupt", "CORRUPT", {"0%": 0, "100%": ONE, "33.3333333%": 333333333, "0.00000010%": 1, "0.0%": 0}),
    ("limit", "LIMIT", {"70000": 70000, "70000b": 70000, "64k": 1 << 16, "64KB": 1 << 16, "64kib": 1 << 16, "1.0m": 1 << 20,
                        "2mb": 1 << 21, "1mib": 1 << 20, "1g": 1 << 30, "1gb": 1 << 30, "1gib": 1 << 30}),
    ("rate", "RATE", {"9": 9, "9bit": 9, "9kbit": 9000, "1.5mbit": 1500000, "9Gbit": 9 * ONE, "9tbit": 9000 * ONE,
                      "9kibit": 9 << 10, "9mibit": 9 << 20, "9gibit": 9 << 30, "9bps": 72, "9kbps": 72000,
                      "9mbps": 72 * MS, "9gbps": 72 * ONE, "0.001kbit": 1, "18446744073709551615": 2 ** 64 - 1}),
    ("bits", "BITS", {"7": 7, "007": 7, "7.0": 7}),
])
def test_units(word, name, numbers, tmp_path):
    """Each in both cases of letters, with decimals where they are exact."""
    (tmp_path / "batch").write_text("".join(f"link add vn0 type vnet {word} {number}\n" for number in numbers))
    done = ip("-force", "-batch", tmp_path / "batch")
    assert [info(message)[1] for message in done.sent] == [[impair(**{name: value})] for value in numbers.values()]


TIME, NUMBER = "a time in ns, us, ms or s, such as 20ms", "a whole number below 2^64"
SHARE, SIZE = "0% to 100%, with at most seven decimals", "a number of bytes, such as 1500 or 64k"
SPEED, FLAP = "a rate up to 1000tbit, such as 50mbit, or none", "two times, such as 10s 500ms, or none"


@pytest.mark.parametrize("words, sentence", [
    ("delay", f'"delay" lacks a value: give {TIME}'),
    ("delay x", f'"delay x": give {TIME}'),
    ("delay -1ms", f'"delay -1ms": give {TIME}'),
    ("delay 5min", f'"delay 5min": give {TIME}'),
    ("delay 1.5", f'"delay 1.5": give {TIME}'),
    ("delay 5", f'"delay 5": give {TIME}'),
    ("delay 0.5", f'"delay 0.5": give {TIME}'),
    ("flap 5 5s", f'"flap 5": give {FLAP}'),
    ("delay 1.05ns", f'"delay 1.05ns": give {TIME}'),
    ("delay 0.0000000001s", f'"delay 0.0000000001s": give {TIME}'),
    ("delay .5s", f'"delay .5s": give {TIME}'),
    ("delay 1.5.5s", f'"delay 1.5.5s": give {TIME}'),
    ("delay 18446744073709551616", f'"delay 18446744073709551616": give {TIME}'),
    ("delay 18446744074s", f'"delay 18446744074s": give {TIME}'),
    ("delay 18446744073.9s", f'"delay 18446744073.9s": give {TIME}'),
    ("jitter 1x", f'"jitter 1x": give {TIME}'),
    ("delay 1ms delay 2ms", '"delay": that is given twice'),
    ("delay 1ms normal pareto", '"pareto": that is given twice'),
    ("corrupt 1% whole header", '"header": that is given twice'),
    ("loss", '"loss" lacks a value: give a probability, ge, 4state, pattern or none'),
    ("loss 1", f'"loss 1": give {SHARE}, or ge, 4state, pattern or none'),
    ("loss 0.01", f'"loss 0.01": give {SHARE}, or ge, 4state, pattern or none'),
    ("loss 0.00000001%", f'"loss 0.00000001%": give {SHARE}, or ge, 4state, pattern or none'),
    ("loss 0.000000005%", f'"loss 0.000000005%": give {SHARE}, or ge, 4state, pattern or none'),
    ("loss gilbert", f'"loss gilbert": give {SHARE}, or ge, 4state, pattern or none'),
    ("loss 1% loss 2%", '"loss": that is given twice'),
    ("loss none loss ge", '"loss": that is given twice'),
    ("loss pattern", '"loss pattern" lacks a value: give frames, such as 3,17-20/100'),
    ("loss pattern " + "1" * 256, '"loss pattern": give at most 255 characters'),
    ("burst 4", '"burst" belongs behind "loss PERCENT"'),
    ("loss ge burst 4", '"burst" belongs behind "loss PERCENT"'),
    ("loss 1% burst 4%", '"burst 4%": give a number with at most three decimals'),
    ("loss 1% burst 4.0001", '"burst 4.0001": give a number with at most three decimals'),
    ("loss 1% burst", '"burst" lacks a value: give a number with at most three decimals'),
    ("loss ge p 1", f'"p 1": give {SHARE}'),
    ("duplicate 1%%", f'"duplicate 1%%": give {SHARE}'),
    ("bits 1.5", f'"bits 1.5": give {NUMBER}'),
    ("bits", f'"bits" lacks a value: give {NUMBER}'),
    ("truncate 1% to 1.5k", f'"to 1.5k": give {SIZE}'),
    ("limit 64kbit", f'"limit 64kbit": give {SIZE}'),
    ("rate fast", f'"rate fast": give {SPEED}'),
    ("rate 5m", f'"rate 5m": give {SPEED}'),
    ("rate", f'"rate" lacks a value: give {SPEED}'),
    ("flap", f'"flap" lacks a value: give {FLAP}'),
    ("flap 5s", f'"flap" lacks a value: give {FLAP}'),
    ("flap x 5s", f'"flap x": give {FLAP}'),
    ("flap 5s x", f'"flap ... x": give {FLAP}'),
    ("flap none flap none", '"flap": that is given twice'),
    ("vlan vlan", '"vlan": that is given twice'),
    ("vlan match x", f'"match x": give {NUMBER}'),
    ("seed 18446744073709551616", f'"seed 18446744073709551616": give {NUMBER}'),
    ("vlan match 4096", '"match 4096": give a VID of 0 to 4094'),
    ("vlan push 4096", '"push 4096": give a VID of 0 to 4094'),
    ("vlan translate 4096", '"translate 4096": give a VID of 0 to 4094'),
    ("vlan push 5 pcp 8", '"pcp 8": give a priority of 0 to 7'),
    ("seed 0x7", f'"seed 0x7": give {NUMBER}'),
])
@pytest.mark.parametrize("before", ["", "peer "])
def test_bad_impairments_get_one_sentence(before, words, sentence):
    """And nothing is sent, whichever end it is about."""
    done = ip("link", "add", "vn0", "type", "vnet", *before.split(), *words.split())
    assert (done.returncode != 0, done.stdout, done.stderr.rstrip("\n"), done.sent) == (True, "", f"vnet: {sentence}", [])


def shown(data, tmp_path):
    """Returns what ip -d prints of a link with such data of its kind, behind the word vnet."""
    kind = attribute(IFLA_INFO_KIND, "vnet") + (b"" if data is None else attribute(IFLA_INFO_DATA, data))
    link = bytes(4) + struct.pack("iII", 7, 0, 0) + attribute(IFLA_IFNAME, "vn0") + attribute(IFLA_LINKINFO, kind)
    (tmp_path / "links").write_bytes(struct.pack("IHHII", 16 + len(link), RTM_NEWLINK, 0, 0, 0) + link)
    done = ip("-details", "monitor", "file", tmp_path / "links")
    assert done.returncode == 0, done.stderr
    kind, *rest = done.stdout.rstrip().split("\n")[-1].split()
    assert kind == "vnet"
    return " ".join(rest)


@pytest.mark.parametrize("words, settings", LINES)
def test_prints_what_it_reads(words, settings, tmp_path):
    """The same words, in the table's order; what is printed can be read again."""
    text = shown(attribute(*impair(**settings)), tmp_path)
    assert info(request(f"link add vn0 type vnet {text}"))[1] == [impair(**settings)]
    assert sorted(text.split()) == sorted(words.replace("64k", "65536").replace("1g", "1073741824").split())


@pytest.mark.parametrize("settings, text", [
    ({"SEED": 7}, "seed 7"),
    # The kernel does not tell what is as usual.
    ({"LOSS_MODEL": 1}, "loss 0%"),
    ({"LOSS_MODEL": 2, "LOSS": 10 * MS}, "loss 1% burst 1"),
    ({"LOSS_MODEL": 3, "P": 10 * MS, "LOSS": 5, "BURST": 2000}, "loss ge p 1%"),
    ({"VLAN_PUSH": 5}, "vlan push 5"),
    ({"VLAN_POP": 1}, "vlan pop"),
    ({"RATE": 1}, "rate 1bit"),
    ({"RATE": 1500000000}, "rate 1.5gbit"),
    ({"RATE": 2 ** 64 - 1}, "rate none"),
    ({"DELAY": 999}, "delay 999ns"),
    ({"DELAY": 1001}, "delay 1.001us"),
    ({"DELAY": 3600 * ONE + 1}, "delay 3600.000000001s"),
    ({"CORRUPT": 1}, "corrupt 0.0000001%"),
    # A newer kernel's.
    ({"LOSS_MODEL": 9, "SEED": 1}, "seed 1 loss ?"),
    ({"DELAY": 5, "DISTRIBUTION": 9}, "delay 5ns"),
])
def test_prints(settings, text, tmp_path):
    """Units that fit, and nothing that would be read as another thing."""
    assert shown(attribute(*impair(**settings)), tmp_path) == text


@pytest.mark.parametrize("data, text", [
    (b"", ""), (attribute(IMPAIR["DELAY"], b"abc"), ""), (attribute(IMPAIR["DELAY"], b""), ""),
    (attribute(200, bytes(8)) + attribute(IMPAIR["DELAY"], struct.pack("=Q", 5)), "delay 5ns"),
    (attribute(IMPAIR["LOSS_MODEL"], struct.pack("=Q", 5)) + attribute(IMPAIR["PATTERN"], b"1,2"), "loss pattern"),
    (b"\x03\0\x05\0", ""), (b"\xff\0\x05\0" + bytes(8), ""),
])
def test_prints_no_more_than_there_is(data, text, tmp_path):
    """Settings that are cut off, have no end, or are unknown."""
    assert shown(attribute(IFLA_VNET_IMPAIR, data), tmp_path) == text


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
    ("delay 5ms foo", "vnet: unknown word \"foo\"; 'ip link help vnet' shows all"),
    ("wire loop loss 1% peer loss 1%", 'vnet: a link with "wire loop" has no peer'),
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


@pytest.mark.parametrize("words", ["peer", "peer name vn1", "peer loss 1% name vn1", "loss 1% peer", "peer vn1"])
def test_set_does_not_describe_a_peer(words):
    """It is there already, and has a name of its own."""
    done = ip("link", "set", "lo", "type", "vnet", *words.split())
    assert done.returncode != 0 and done.sent == []
    assert done.stderr.endswith("\nvnet: of a link's peer, only impairments can be set from here\n")


def test_set():
    """Impairments of either end; the wire is the kernel's business."""
    done = ip("link", "set", "lo", "type", "vnet", *"loss 1% peer delay 5ms seed 3".split())
    assert info(done.sent[-1]) == (b"vnet", [impair(LOSS=10 ** 7, LOSS_MODEL=1),
                                             impair(IFLA_VNET_PEER_IMPAIR, SEED=3, DELAY=5 * 10 ** 6)])
    done = ip("link", "set", "lo", "type", "vnet", "wire", "loop")
    assert info(done.sent[-1]) == (b"vnet", [(IFLA_VNET_WIRE, struct.pack("I", LOOP))])


@pytest.mark.parametrize("data, text", [
    (attribute(IFLA_VNET_WIRE, PEER), "wire peer"),
    (attribute(IFLA_VNET_WIRE, LOOP), "wire loop"),
    (attribute(IFLA_VNET_WIRE, REFLECT), "wire reflect"),
    (attribute(IFLA_VNET_WIRE, 4294967295), "wire 4294967295"),
    (attribute(77, b"a newer kernel's") + attribute(IFLA_VNET_WIRE, LOOP) + attribute(1, 5), "wire loop"),
    (attribute(IFLA_VNET_WIRE, b"abc"), ""),
    (attribute(IFLA_VNET_WIRE, b""), ""),
    (b"", ""),
    (None, ""),
])
def test_shows_a_link(data, text, tmp_path):
    """Under -d, whatever the kernel has sent: more than we know, or less."""
    assert shown(data, tmp_path) == text


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
attributes = (ctypes.c_void_p * 5)()
show(util[4])(None, None, ctypes.cast(attributes, ctypes.c_void_p))
raise SystemExit(-parse(util[3])(None, argc, ctypes.cast(word, ctypes.c_void_p), None))
"""
    done = run("/usr/bin/python3", "-c", script)
    assert (done.returncode, done.stderr) == (
        1, "vnet: this ip lacks what a plugin needs; iproute2 5.11 and later have it\n")
