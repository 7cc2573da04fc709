"""Real tools at work on links of the driver: what is built on network devices, and what measures them."""

import hashlib
import json
import os
import struct

import pytest

from link import End, Link
from nic import PACKET_AUXDATA, SOL_PACKET, TREE, Tcpdump, ping, run, wait_for
from traffic import frame, send, transfer


def addressed(end, address):
    """Gives a device an address and brings it up; returns it."""
    end.ns.ip(f"addr add {address} dev {end.name}", f"link set {end.name} up")
    return end


def pings(end, address, **options):
    """Pings; each must be answered."""
    sent, received, _ = end.ns.call(lambda: ping(address, **options))
    assert sent == received


def iperf(link, *options):
    """Runs iperf3 from A to B; returns what it reports."""
    server = link.b.ns.popen("iperf3", "-s", "-1", "--forceflush")
    for line in server.stdout:
        if "Server listening" in line:
            break
    report = json.loads(link.a.run("iperf3", "-c", "192.0.2.2", "-J", *options))
    server.communicate()
    assert server.returncode == 0
    return report


@pytest.mark.parametrize("options", [["-n", "20M"], ["-n", "20M", "--bidir"], ["-n", "20M", "-P", "4", "-R"],
                                     ["-u", "-b", "0", "-l", "1400", "-n", "2M"]])
@pytest.mark.once
def test_iperf3(vnet, options):
    """TCP, TCP in both directions at once, four streams the other way, UDP: the device loses nothing."""
    link = vnet.pair()
    report = iperf(link, *options)
    assert "error" not in report
    size = 2 << 20 if "-u" in options else 20 << 20
    ended = report["end"]
    assert sum(ended[name]["bytes"] for name in ("sum_sent", "sum_sent_bidir_reverse", "sum") if name in ended) >= size
    link.at_rest()
    # iperf3 does not wait for what is still in the sender's socket when all has been written.
    assert link.a.stat("rx_bytes") + link.b.stat("rx_bytes") > size / 2
    assert not [end.name for end in (link.a, link.b) if end.stat("rx_missed_errors") or end.stat("tx_dropped")]


@pytest.mark.once
def test_web(vnet, tmp_path):
    """A file of some megabytes from nginx to curl, four times at once, and it is the same file."""
    link = vnet.pair()
    data = os.urandom(4 << 20)
    (tmp_path / "file").write_bytes(data)
    kinds = "".join(f"{kind}_temp_path {tmp_path}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "conf").write_text(f"""
        daemon off; user root; pid {tmp_path}/pid; error_log stderr;
        events {{}}
        http {{ access_log off; sendfile on; {kinds} server {{ listen 192.0.2.2:80; root {tmp_path}; }} }}""")
    nginx = link.b.ns.popen(TREE / "build/nginx/usr/sbin/nginx", "-c", tmp_path / "conf", "-e", "stderr")
    try:
        wait_for(lambda: (tmp_path / "pid").exists() or nginx.poll() is not None, "nginx")
        assert nginx.poll() is None, nginx.stdout.read()
        names = [f"{tmp_path}/{number}" for number in range(4)]
        words = [word for name in names for word in ("-o", name, "http://192.0.2.2/file")]
        link.a.run("curl", "-sS", "--fail", "--parallel", "--retry", "9", "--retry-connrefused", *words)
        expected = hashlib.sha256(data).digest()
        for name in names:
            with open(name, "rb") as file:
                assert hashlib.sha256(file.read()).digest() == expected
    finally:
        nginx.terminate()
        nginx.communicate()


def two_links(vnet):
    """Makes vn0 in A to p0 in M, and p1 there to vn1 in B; returns the far ends and the namespace between them."""
    a, m, b = (vnet.namespace(name) for name in "AMB")
    a.ip("link add vn0 type vnet peer name p0 netns M")
    b.ip("link add vn1 type vnet peer name p1 netns M")
    ends = End(a, "vn0", "192.0.2.1"), End(b, "vn1", "192.0.2.2")
    for end, port in zip(ends, ("p0", "p1")):
        addressed(end, f"{end.address}/24")
        vnet.add(end, End(m, port))
        m.ip(f"link set {port} up")
    return Link(*ends), m


def test_bridge(vnet):
    """A bridge between two links: it learns who is where, and carries both ways."""
    link, middle = two_links(vnet)
    middle.ip("link add br0 type bridge", "link set p0 master br0", "link set p1 master br0", "link set br0 up")
    pings(link.a, "192.0.2.2")
    assert transfer(link, 2 << 20)
    table = {one["mac"]: one["ifname"] for one in json.loads(middle.run("bridge", "-j", "fdb", "show", "br", "br0"))}
    assert (table[link.a.mac], table[link.b.mac]) == ("p0", "p1")


def test_router(vnet):
    """IPv4 forwarding between two links."""
    link, middle = two_links(vnet)
    middle.ip("addr add 192.0.2.254/32 dev p0", "route add 192.0.2.1/32 dev p0", "route add 192.0.2.2/32 dev p1")
    middle.sysctl("net/ipv4/ip_forward", 1)
    middle.sysctl("net/ipv4/conf/all/proxy_arp", 1)
    pings(link.a, "192.0.2.2")
    assert transfer(link, 2 << 20)


def test_bond(vnet):
    """Two links bonded: when the one in use goes down, at either end, the other takes over, and TCP hardly notices."""
    run("modprobe", "bonding", "max_bonds=0")
    a, b = vnet.namespace("A"), vnet.namespace("B")
    a.ip("link add vn0 type vnet peer name vn0 netns B", "link add vn1 type vnet peer name vn1 netns B")
    for ns, address in ((a, "192.0.2.1"), (b, "192.0.2.2")):
        ns.ip("link add bond0 type bond mode active-backup miimon 20",
              "link set vn0 master bond0", "link set vn1 master bond0", "link set bond0 up",
              f"addr add {address}/24 dev bond0")
    links = [vnet.add(End(a, name), End(b, name)) for name in ("vn0", "vn1")]
    bond = Link(End(a, "bond0"), End(b, "bond0"))
    active = [ns.sys / "class/net/bond0/bonding/active_slave" for ns in (a, b)]
    for end in (bond.a, bond.b):
        wait_for(end.carrier, "the bond's carrier")
    pings(bond.a, "192.0.2.2", count=1)
    for fails, end in ((0, "a"), (1, "b")):
        used, other = links[fails], links[1 - fails]
        wait_for(lambda: [path.read_text() for path in active] == [f"{used.a.name}\n"] * 2, f"{used.a.name} in use")

        def fail():
            getattr(used, end).down()
            wait_for(lambda: [path.read_text() for path in active] == [f"{other.a.name}\n"] * 2, "the other to be used")

        before = other.b.stat("rx_packets")
        assert transfer(bond, 1 << 20, fail)
        assert other.b.stat("rx_packets") > before + 10
        getattr(used, end).up()


@pytest.mark.parametrize("tags", [[(0x8100, 5)], [(0x88A8, 9), (0x8100, 5)]])
def test_vlan(vnet, tags):
    """A VLAN device, and one on another: each tag is on the wire, the outer one beside the frame."""
    link = vnet.pair()
    ends = []
    for end in (link.a, link.b):
        below = end.name
        for tpid, vlan in tags:
            name = f"{below}.{vlan}"
            kind = {0x8100: "802.1Q", 0x88A8: "802.1ad"}[tpid]
            end.ns.ip(f"link add link {below} name {name} type vlan id {vlan} protocol {kind}", f"link set {name} up")
            below = name
        ends.append(addressed(End(end.ns, below), f"198.51.100.{end.address[-1]}/24"))
    pings(ends[0], "198.51.100.2")
    assert transfer(Link(*ends), 1 << 20, to="198.51.100.2")
    with link.b.packet_socket() as sock:
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        one = frame(ends[1], ends[0])
        send(ends[0], one)
        data, extra, _, _ = sock.recvmsg(2048, 100)
    tci, tpid = struct.unpack("=IIIHHHH", extra[0][2][:20])[5:]
    inner = b"".join(struct.pack("!HH", *tag) for tag in tags[1:])
    assert ((tpid, tci), data) == (tags[0], one[:12] + inner + one[12:])


def test_macvlan(vnet):
    """Two stations with addresses of their own on one end: they reach the far end, and each other."""
    link = vnet.pair()
    stations = []
    for number, name in enumerate("CD", 3):
        ns = vnet.namespace(name)
        link.a.ns.ip(f"link add mac0 link vn0 netns {name} type macvlan mode bridge")
        stations.append(addressed(End(ns, "mac0", f"192.0.2.{number}"), f"192.0.2.{number}/24"))
    for station in stations:
        pings(station, "192.0.2.2")
    pings(stations[0], "192.0.2.4")
    assert transfer(Link(stations[0], link.b), 1 << 20)
    assert transfer(Link(link.b, stations[1]), 1 << 20, to="192.0.2.4")


def own_address(end):
    """Returns the address that IPv6 has given to the device itself, once it is sure that nobody else has it.

    That takes it two seconds, a little more with timers that are late. Who asks for the address meanwhile gets no answer,
    and gives up after three.
    """
    def settled():
        listed = json.loads(end.run("ip", "-j", "-6", "addr", "show", "dev", end.name, "scope", "link", "-tentative"))
        return [one["local"] for device in listed for one in device.get("addr_info", []) if "local" in one]

    address, = wait_for(settled, f"an address of {end.name} of which IPv6 is sure")
    return address


def test_ipv6_and_vxlan(vnet):
    """IPv6 with its own addresses and neighbour discovery, and an Ethernet in UDP in IPv6 above it."""
    link = vnet.pair(quiet=False)
    link.a.ns.ip("addr add 2001:db8::1/64 dev vn0 nodad")
    link.b.ns.ip("addr add 2001:db8::2/64 dev vn1 nodad")
    pings(link.a, "2001:db8::2")
    ends = []
    for here, there in ((1, 2), (2, 1)):
        end = (link.a, link.b)[here - 1]
        end.ns.ip(f"link add vx0 type vxlan id 7 dstport 4789 local 2001:db8::{here} remote 2001:db8::{there}")
        ends.append(addressed(End(end.ns, "vx0"), f"198.51.100.{here}/24"))
    pings(ends[0], "198.51.100.2", size=1300)
    assert transfer(Link(*ends), 1 << 20, to="198.51.100.2")
    pings(link.a, f"{own_address(link.b)}%vn0")


def test_traffic_control(vnet):
    """netem and fq_codel above the driver: what they double and lose is doubled and lost, the rest is whole."""
    link = vnet.pair()
    pings(link.a, "192.0.2.2", count=1)
    link.a.run("tc", "qdisc", "replace", "dev", "vn0", "root", "netem", "duplicate", "100%")
    before = link.b.stat("rx_packets")
    send(link.a, *[frame(link.b, link.a)] * 10)
    wait_for(lambda: link.b.stat("rx_packets") == before + 20, "each frame twice")
    link.a.run("tc", "qdisc", "replace", "dev", "vn0", "root", "netem", "loss", "100%")
    before = link.b.stat("rx_packets")
    send(link.a, *[frame(link.b, link.a)] * 10)
    # On a slow machine, ARP looks after the neighbour at just this time.
    assert json.loads(link.a.run("tc", "-s", "-j", "qdisc", "show", "dev", "vn0"))[0]["drops"] >= 10
    assert link.b.stat("rx_packets") == before
    link.a.run("tc", "qdisc", "replace", "dev", "vn0", "root", "netem", "delay", "1ms", "reorder", "25%",
               "limit", "10000")
    assert transfer(link, 1 << 20)
    link.a.run("tc", "qdisc", "replace", "dev", "vn0", "root", "fq_codel")
    assert transfer(link, 4 << 20)
    found, = json.loads(link.a.run("tc", "-s", "-j", "qdisc", "show", "dev", "vn0"))
    assert found["kind"] == "fq_codel" and found["bytes"] > 4 << 20


def test_tcpdump(vnet):
    """At both ends tcpdump sees a ping and its answer, once each."""
    link = vnet.pair()
    pings(link.a, "192.0.2.2", count=1)
    dumps = [end.ns.call(lambda end=end: Tcpdump("-i", end.name, "icmp")) for end in (link.a, link.b)]
    try:
        pings(link.a, "192.0.2.2", count=3)
        for dump in dumps:
            kinds = [line.split("ICMP echo ")[1].split(",")[0] for line in dump.lines(6)]
            assert kinds == ["request", "reply"] * 3
    finally:
        for dump in dumps:
            dump.__exit__()
