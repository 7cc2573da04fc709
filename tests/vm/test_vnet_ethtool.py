"""ethtool: what it shows, what it sets, what it is refused; nothing has changed after a refusal."""

import re
import subprocess

from traffic import frame, send

# What shows what an option sets.
GETTERS = {"-G": "-g", "-L": "-l", "-C": "-c", "-A": "-a", "-K": "-k", "-X": "-x", "-s": ""}


def shown(end, *options):
    """Returns all that ethtool says of an end, but for its counters; or what it says to some options."""
    options = options or ("-i", "-T", *GETTERS.values())
    return "\n".join(end.run("ethtool", *option.split(), end.name, check=False) for option in options)


def refusal(end, option, settings):
    """Returns what ethtool says to a setting that is refused; its exit status must tell so too."""
    command = ["ethtool", option, end.name, *settings.split()]
    done = end.ns.call(lambda: subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    assert done.returncode != 0, f"{option} {settings}: {done.stdout}"
    return done.stdout


def test_what_there_is(vnet):
    """A fresh device, by every option that asks."""
    end = vnet.pair("numtxqueues 8 numrxqueues 4").a
    text = shown(end)
    for expected in (
            r"driver: vnet", r"bus-info: vnet \d+", r"supports-statistics: yes", r"supports-test: yes",
            r"supports-register-dump: yes", r"Speed: 10000Mb/s", r"Duplex: Full", r"Auto-negotiation: off",
            r"Link detected: yes", r"Current message level: 0x0+85", r"maximums:\n(RX:\s+4096\n)(.*\n)*?TX:\s+4096",
            r"settings:\n(RX:\s+256\n)(.*\n)*?TX:\s+256", r"Combined:\s+4\n", r"Combined:\s+2\n",
            r"Adaptive RX: on  TX: n/a", r"rx-usecs:\s+\d+\n", r"rx-frames:\s+16\n", r"tx-usecs:\s+n/a",
            r"Autonegotiate:\s+off\nRX:\s+on\nTX:\s+on", r"generic-receive-offload: on",
            r"tcp-segmentation-offload: on",
            r"with 2 RX ring", r"software-transmit", r"software-receive"):
        assert re.search(expected, text), f"{expected}\n{text}"


def test_counters_by_name(vnet):
    """Each counter that the driver has of its own, and those of queues where the kernel has no other place for them."""
    end = vnet.pair().a
    names = set(re.findall(r"^\s+(\w+): \d+$", end.ethtool("-S"), re.M))
    assert names == set(end.extra())
    own = {"tx_doorbells", "tx_xdp", "tx_xdp_full", "tx_timeouts", "wire_completions", "wire_paused", "wire_ignored",
           "rx_interrupts", "napi_polls", "napi_budget_full", "rx_xdp_pass", "rx_xdp_drop", "rx_xdp_tx",
           "rx_xdp_redirect", "rx_xdp_aborted"}
    assert own <= names
    assert all(re.fullmatch(r"[rt]x\d+_\w+|line_\w+", name) for name in names - own)
    assert {"rx_packets", "tx_packets", "tx_stop", "tx_wake"} <= set(end.queue_stats()[1])
    assert "Unsupported" not in end.ethtool("-n", "rx-flow-hash", "tcp4")


def test_registers(vnet):
    """-d: eight words for each queue; the rings' sizes, and indices that move with the traffic."""
    link = vnet.pair()
    link.a.ethtool("-G", "tx", "64", "rx", "128")
    link.a.run("ping", "-c", "1", "192.0.2.2")
    link.at_rest()
    dump = re.findall(r"^0x[0-9a-f]+:\s+((?:[0-9a-f]{2} )+)", link.a.ethtool("-d", "hex", "on") + "\n", re.M)
    data = bytes.fromhex("".join(dump))
    words = [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]
    assert len(words) == 16
    assert words[0::8] == [64, 64] and words[3::8] == [128, 128]
    assert sum(words[1::8]) > 0 and words[1::8] == words[2::8] and words[4::8] == words[5::8]


def test_what_can_be_set(vnet):
    """Each setting is what is shown afterwards, while the link is up, and stays when it goes down and up."""
    link = vnet.pair("numtxqueues 4 numrxqueues 4")
    for option, settings, expected in (
            ("-G", "tx 4 rx 4096", r"settings:\n(RX:\s+4096\n)(.*\n)*?TX:\s+4\n"),
            ("-L", "combined 4", r"Combined:\s+4\n(.*\n)*.*Combined:\s+4\n"),
            ("-C", "adaptive-rx off rx-usecs 1000000 rx-frames 4096",
             r"RX: off(.*\n)*rx-usecs:\s+1000000\nrx-frames:\s+4096"),
            ("-A", "rx off tx off", r"RX:\s+off\nTX:\s+off"),
            ("-s", "speed 25000", r"Speed: 25000Mb/s"),
            ("-s", "msglvl tx_done on", r"level: 0x0+485"),
            ("-X", "weight 0 0 1 3", r"with 4 RX ring"),
            ("-K", "gro off", r"generic-receive-offload: off")):
        link.a.ethtool(option, *settings.split())
        text = shown(link.a, GETTERS[option])
        assert re.search(expected, text), f"{option} {settings}\n{text}"
    before = shown(link.a)
    link.a.down()
    link.a.up()
    assert shown(link.a) == before
    link.a.ethtool("-C", "rx-usecs", "0")
    link.a.run("ping", "-c", "2", "-i", "0.01", "192.0.2.2")


def test_what_is_refused(vnet):
    """With a sentence of ours where the kernel lets us say one, and then nothing has changed."""
    end = vnet.pair("numtxqueues 4 numrxqueues 4").a
    before = shown(end)
    ring = "A ring must have a power of two from 4 to 4096 entries"
    for option, settings, said in (
            ("-G", "tx 3", ring), ("-G", "rx 2", ring), ("-G", "tx 100 rx 256", ring), ("-G", "rx 0", ring),
            ("-G", "tx 8192", "requested ring size exceeds maximum"), ("-G", "rx-mini 4", "exceeds maximum"),
            ("-L", "combined 0", "requested channel counts would result in no RX or TX channel|must"),
            ("-L", "combined 5", "requested channel count exceeds maximum"),
            ("-L", "rx 1", "exceeds maximum|Invalid argument"),
            ("-C", "rx-usecs 1000001", "rx-usecs must be 0 to 1000000"),
            ("-C", "rx-frames 4097", "rx-frames must be 0 to 4096"),
            ("-C", "tx-usecs 1", "unsupported parameter"), ("-C", "adaptive-tx on", "unsupported parameter"),
            ("-A", "autoneg on", r"\w"),
            ("-s", "speed 0", r"\w"), ("-s", "speed 2000000000", r"\w"), ("-s", "duplex half", r"\w"), ("-s", "autoneg on", r"\w"),
            ("-s", "port tp", r"\w"),
            ("-X", "weight 1 1 1", r"\w"), ("-X", "hkey " + ":".join(["6d"] * 40), r"\w")):
        text = refusal(end, option, settings)
        assert re.search(said, text), f"{option} {settings}: {text}"
    assert shown(end) == before


def test_self_test(vnet):
    """-t passes, online without a gap in the link, offline through the plug; and says so if the device is down."""
    link = vnet.pair()
    assert "The test result is PASS" in link.a.ethtool("-t", "online")
    assert link.a.looped == link.a.stat("tx_packets") == 0
    text = link.a.ethtool("-t", "offline")
    link.a.looped += 1
    assert "PASS" in text and len(re.findall(r"\s0\n", text + "\n")) == 4, text
    assert link.a.stat("tx_packets") == link.a.stat("rx_packets") == 1 and link.b.stat("rx_packets") == 0
    link.a.run("ping", "-c", "1", "192.0.2.2")
    link.a.down()
    for mode in ("online", "offline"):
        text = link.a.ethtool("-t", mode, check=False)
        assert "FAIL" in text and re.search(r"Device is up .*\s-100\b", text), text
    link.a.up()


def test_self_test_needs_no_far_end(vnet):
    """Offline, the device is its own far end: the peer may be down. Afterwards it has no link, as before."""
    link = vnet.pair(up=False)
    link.a.up()
    assert "PASS" in link.a.ethtool("-t", "offline")
    link.a.looped += 1
    assert not link.a.carrier()
    for wire in ("loop", "reflect"):
        ns = vnet.namespace(wire)
        ns.ip(f"link add vn0 type vnet wire {wire}", "link set vn0 up")
        assert "PASS" in ns.run("ethtool", "-t", "vn0", "offline")


def test_counters_belong_to_the_device(vnet):
    """Down, up, fewer queues, other rings: they only grow."""
    link = vnet.pair()
    send(link.a, *[frame(link.b, link.a)] * 5)  # no ping: the stack asks for its neighbour again after some seconds
    link.at_rest()
    before = link.a.stats(), link.a.extra()["tx_doorbells"]
    assert before[0]["tx_packets"] >= 5 and before[1] >= 5
    link.a.ethtool("-L", "combined", "1")
    link.a.ethtool("-G", "tx", "16")
    link.a.down()
    assert (link.a.stats(), link.a.extra()["tx_doorbells"]) == before
    link.a.up()
    link.a.ethtool("-L", "combined", "2")
    assert (link.a.stats(), link.a.extra()["tx_doorbells"]) == before
