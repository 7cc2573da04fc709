"""Links of the kind vnet: made, shown, moved, taken away."""

import re

import pytest

from link import End
from nic import HELLO, Patience, mac, wait_for


def ping(end, address, count=3):
    """Pings from an end; all must be answered."""
    end.run("ping", "-n", "-c", count, "-i", "0.01", "-W", Patience.seconds, address)


def gone(*ends):
    """Waits until the ends have gone; the kernel deletes a namespace's devices when it finds the time."""
    wait_for(lambda: not any(end.exists() for end in ends), "the ends to go")


def test_plain_pair_names_its_peer_itself(vnet):
    """`ip link add vn0 type vnet` with no more words, as for veth."""
    ns = vnet.namespace("A")
    ns.ip("link add vn0 type vnet")
    peer, = ns.devices() - {"vn0"}
    assert re.fullmatch(r"vnet\d+", peer)
    a, b = End(ns, "vn0"), End(ns, peer)
    vnet.add(a, b)
    assert (a.show()["link"], b.show()["link"]) == (peer, "vn0")
    assert not a.carrier()
    a.up()
    assert not a.carrier() and a.show()["operstate"] in ("DOWN", "LOWERLAYERDOWN")
    b.up()
    assert a.carrier() and b.carrier()
    with a.packet_socket(0) as sender, b.packet_socket(HELLO) as receiver:
        frame = mac(b.mac) + mac(a.mac) + HELLO.to_bytes(2, "big") + bytes(range(46))
        sender.send(frame)
        assert receiver.recv(2048) == frame


def test_peer_is_made_as_asked(vnet):
    """Its name, namespace, address, MTU and queues are its own, and so are those of the first end."""
    link = vnet.pair("index 500 mtu 4000 address 02:00:00:00:00:0a numtxqueues 3 numrxqueues 3",
                     "index 501 mtu 9000 address 02:00:00:00:00:0b numtxqueues 5 numrxqueues 5")
    a, b = link.a.show(), link.b.show()
    assert (a["ifindex"], b["ifindex"]) == (500, 501)
    assert (a["address"], a["mtu"], a["num_tx_queues"], a["num_rx_queues"]) == ("02:00:00:00:00:0a", 4000, 3, 3)
    assert (b["address"], b["mtu"], b["num_tx_queues"], b["num_rx_queues"]) == ("02:00:00:00:00:0b", 9000, 5, 5)
    ping(link.a, "192.0.2.2")


def test_loop_brings_back_each_frame_as_it_was(vnet):
    """One device; what it sends it receives."""
    end = vnet.single("loop").a
    with end.packet_socket(0) as sender, end.packet_socket(HELLO) as receiver:
        frames = [mac(end.mac) * 2 + HELLO.to_bytes(2, "big") + bytes([i]) * (46 + i) for i in range(100)]
        for frame in frames:
            sender.send(frame)
        assert [receiver.recv(2048) for _ in frames] == frames


def test_reflect_answers_for_every_address(vnet):
    """A neighbour that is not there answers; and it is our device that carries it, not lo."""
    end = vnet.single("reflect").a
    lo = End(end.ns, "lo")
    before = lo.stat("tx_packets")
    ping(end, "192.0.2.77", 5)
    ping(end, "192.0.2.78", 5)
    assert end.stat("tx_packets") == end.stat("rx_packets") >= 12 and lo.stat("tx_packets") == before


@pytest.mark.parametrize("which", ["a", "b"])
def test_deleting_an_end_deletes_the_other(vnet, which):
    """They live and die together, also across namespaces; and the names are free again."""
    link = vnet.pair()
    ping(link.a, "192.0.2.2", 1)
    for _ in range(3):
        getattr(link, which).run("ip", "link", "del", getattr(link, which).name)
        gone(link.a, link.b)
        link.a.ns.ip("link add vn0 type vnet peer name vn1 netns B")


@pytest.mark.parametrize("which", ["a", "b"])
def test_deleting_a_namespace_deletes_both_ends(vnet, which):
    """A device that a namespace takes with it takes its peer along."""
    link = vnet.pair()
    other = link.b if which == "a" else link.a
    getattr(link, which).ns.delete()
    gone(other)


def test_moves_to_another_namespace(vnet):
    """The link stays: the same peer, the same counters; it goes up again and works."""
    link = vnet.pair()
    ping(link.a, "192.0.2.2")
    sent = link.b.stat("tx_packets")
    vnet.namespace("C")
    link.b.set("netns", "C")
    assert not link.b.exists()
    link.b.ns = vnet.namespaces[-1]
    assert link.b.stat("tx_packets") >= sent > 0 and not link.a.carrier()
    link.b.ns.ip("addr add 192.0.2.2/24 dev vn1", "link set vn1 up")
    ping(link.a, "192.0.2.2")
    assert link.b.stat("tx_packets") > sent


def test_two_ends_may_move_into_one_namespace(vnet):
    """Even to where the other is; each still knows the other."""
    link = vnet.pair(up=False)
    link.b.set("netns", "A")
    link.b.ns = link.a.ns
    assert (link.a.show()["link"], link.b.show()["link"]) == ("vn1", "vn0")


@pytest.mark.once
def test_hundreds_of_devices(vnet):
    """Each of them with a name and an address of its own, and each of them goes."""
    ns = vnet.namespace("A")
    ns.ip(*["link add type vnet"] * 120)
    names = ns.devices()
    assert len(names) == 240
    assert len({End(ns, name).mac for name in names}) == 240
    assert len({End(ns, name).id() for name in sorted(names)[:4]}) == 4
    ns.delete()
    vnet.unload()


@pytest.mark.parametrize("wire", ["loop", "reflect"])
def test_shows_its_wire(vnet, wire):
    """`ip -d link`, as text and as JSON."""
    end = vnet.single(wire).a
    assert end.show()["linkinfo"] == {"info_kind": "vnet", "info_data": {"wire": wire}}
    assert re.search(rf"\n    vnet wire {wire} ", end.run("ip", "-d", "link", "show", "vn0"))


def test_shows_its_peer(vnet):
    """A pair is told from the other wires; the peer's index is of the peer's namespace, and the namespace is named."""
    link = vnet.pair()
    shown = link.a.show()
    assert shown["linkinfo"]["info_data"] == {"wire": "peer"}
    assert shown["link_index"] == link.b.show()["ifindex"] and shown["link_netnsid"] == 0
    assert link.a.run("ip", "link", "show", "type", "vnet").count("vn0@") == 1


def test_module_alone_makes_nothing(vnet):
    """Only the kind is known then."""
    assert vnet.root.devices() == vnet.before
    assert not any(path.name.startswith("vn") for path in (vnet.root.sys / "class/net").iterdir())


def test_module_makes_devices_for_the_labs(vnet):
    """As the course's drivers do: the same names, addresses and neighbours."""
    vnet.unload()
    assert vnet.load(devices=2) is None
    assert vnet.root.devices() - vnet.before == {"vnet0", "vnet1"}
    for i in range(2):
        end = End(vnet.root, f"vnet{i}")
        vnet.root.sysctl(f"net/ipv6/conf/{end.name}/disable_ipv6", 1)
        assert end.mac == f"02:76:6e:65:74:0{i}" and end.show()["linkinfo"]["info_data"] == {"wire": "reflect"}
        vnet.root.ip(f"addr add 192.0.{2 + i}.1/24 dev {end.name}", f"link set {end.name} up")
        vnet.add(end)
        ping(end, f"192.0.{2 + i}.9")
        assert f"06:76:6e:65:74:0{i}" in end.run("ip", "neigh", "show", f"192.0.{2 + i}.9")


def test_module_refuses_a_nonsensical_number_of_devices(vnet):
    """With a sentence, and nothing is left."""
    vnet.unload()
    for value in ("-1", "1001", "many", ""):
        assert vnet.load(devices=value) == "vnet: devices must be 0 to 1000"
    assert vnet.root.devices() == vnet.before


@pytest.mark.expect_log("pktgen: WARNING: trying to remove a running interface")
def test_module_goes_while_links_carry_traffic(vnet):
    """rmmod takes the links away in the middle of it; the log stays clean."""
    link = vnet.pair()
    for _ in range(2):
        pktgen = link.a.pktgen(link.b, count=0)
        with pktgen.running():
            wait_for(lambda: link.b.stat("rx_packets") > 1000, "traffic")
            vnet.unload()
            gone(link.a, link.b)
        vnet.load()
        link.a.ns.ip("link add vn0 type vnet peer name vn1 netns B", "link set vn0 up")
        link.b.up()
    assert link.a.stat("tx_packets") == 0
