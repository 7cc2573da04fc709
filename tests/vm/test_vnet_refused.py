"""Links that cannot be: the errno, a sentence, and nothing half-made."""

import errno
import os

import pytest

from link import VERSION
from netlink import (ADDRESS, IFNAME, IMPAIR, MTU, NET_NS_FD, NET_NS_PID, NLA_F_NESTED, NUM_RX_QUEUES, NUM_TX_QUEUES, PEER,
                     PEER_IMPAIR, WIRE, as_nobody, ask_link, peer)
from uapi import nest

MULTICAST, ZERO = bytes.fromhex("010000000001"), bytes(6)
LOOP = 1

# The kernel itself looks up the peer's namespace, without a word, before it asks the driver.
CORE_LOOKS_FIRST = VERSION >= (6, 15)

# What is asked of an end, and how it is refused.
IMPOSSIBLE = [
    ({ADDRESS: MULTICAST}, errno.EADDRNOTAVAIL, "The address must be of one station, and not zero"),
    ({ADDRESS: ZERO}, errno.EADDRNOTAVAIL, "The address must be of one station, and not zero"),
    ({ADDRESS: bytes(5)}, errno.EINVAL, "The address must have 6 bytes"),
    ({MTU: 67}, errno.EINVAL, "The MTU must be 68 to 65535"),
    ({MTU: 65536}, errno.EINVAL, "The MTU must be 68 to 65535"),
    ({NUM_TX_QUEUES: 0}, errno.ERANGE, "A device has 1 to 64 queues in each direction"),
    ({NUM_TX_QUEUES: 65}, errno.ERANGE, "A device has 1 to 64 queues in each direction"),
    ({NUM_RX_QUEUES: 0}, errno.ERANGE, "A device has 1 to 64 queues in each direction"),
    ({NUM_RX_QUEUES: 65}, errno.ERANGE, "A device has 1 to 64 queues in each direction"),
]


@pytest.fixture
def ns(vnet):
    """A namespace in which nothing must be made."""
    namespace = vnet.namespace("A")
    yield namespace
    assert namespace.devices() == set() and vnet.root.devices() == vnet.before


def test_impossible_wires(ns):
    """What is wrong with the wire, of either direction, is so before anything is made."""
    bad = nest({"LOSS_MODEL": 5, "PATTERN": "x"})
    for data in ({IMPAIR | NLA_F_NESTED: bad}, {PEER_IMPAIR | NLA_F_NESTED: bad}):
        error, said = ns.call(lambda: ask_link({IFNAME: "vn0"}, data))
        assert error == errno.EINVAL and "pattern" in said
    data = {WIRE: LOOP, PEER_IMPAIR | NLA_F_NESTED: nest({"DELAY": 1})}
    assert ns.call(lambda: ask_link({IFNAME: "vn0"}, data)) == (errno.EINVAL, "A wire that comes back has no peer")


def test_impossible_ends(ns):
    """Of the first end, and of its peer."""
    for values, error, said in IMPOSSIBLE:
        assert ns.call(lambda: ask_link({IFNAME: "vn0", **values})) == (error, said)
        data = {PEER: peer({IFNAME: "vn1", **values})}
        assert ns.call(lambda: ask_link({IFNAME: "vn0"}, data)) == (error, said)


def test_ip_shows_the_sentence(ns):
    """What the user sees of it."""
    said = ns.run("ip", "link", "add", "vn0", "numtxqueues", "65", "type", "vnet", check=False)
    assert said == "Error: A device has 1 to 64 queues in each direction.\n"


def test_attributes_that_make_no_sense(ns):
    """An unknown wire, one too short for a number, a peer too short for its header."""
    for data in ({WIRE: 3}, {WIRE: 0xffffffff}, {WIRE: b"\1"}, {PEER: bytes(15)}):
        error, said = ns.call(lambda: ask_link({IFNAME: "vn0"}, data))
        assert error == errno.ERANGE and said, data


def test_wire_that_comes_back_has_no_peer(ns):
    """Both at once is a contradiction."""
    assert ns.call(lambda: ask_link({IFNAME: "vn0"}, {WIRE: LOOP, PEER: peer({IFNAME: "vn1"})})) == (
        errno.EINVAL, "A wire that comes back has no peer")


def test_names_that_cannot_be(ns):
    """Taken or no name at all, at either end: the other end does not stay behind."""
    ns.ip("link add taken type dummy")
    for first, second, error in (
            ("taken", "vn1", errno.EEXIST), ("vn0", "taken", errno.EEXIST), ("vn0", "vn0", errno.EEXIST),
            ("taken%d%d", "vn1", errno.EINVAL), ("invalid%", "vn1", errno.EINVAL), ("vn0", "invalid%", errno.EINVAL),
            ("vn0", "in/valid", errno.EINVAL), ("vn0", "", errno.EINVAL)):
        assert ns.call(lambda: ask_link({IFNAME: first}, {PEER: peer({IFNAME: second})}))[0] == error, (first, second)
        assert ns.devices() == {"taken"}
    ns.ip("link del taken")


def test_namespace_that_does_not_exist(ns):
    """For the peer."""
    data = {PEER: peer({IFNAME: "vn1", NET_NS_PID: 0x3fffff})}
    error, said = ns.call(lambda: ask_link({IFNAME: "vn0"}, data))
    assert error in (errno.EINVAL, errno.ESRCH) and (said or CORE_LOOKS_FIRST)


def test_what_a_link_is_cannot_be_changed(vnet):
    """Its wire and its peer stay; to say what it is already is no change."""
    link = vnet.pair()
    for data, error, said in (({WIRE: LOOP}, errno.EOPNOTSUPP, "A link's kind of wire cannot be changed"),
                              ({PEER: peer({IFNAME: "vn2"})}, errno.EOPNOTSUPP, "A link's peer cannot be changed"),
                              ({WIRE: 0}, 0, "")):
        assert link.a.ns.call(lambda: ask_link({IFNAME: "vn0"}, data, flags=0)) == (error, said)
    assert link.a.show()["linkinfo"]["info_data"] == {"wire": "peer"}
    link.a.run("ping", "-c", "1", "192.0.2.2")


def test_nobody_may_do_nothing_outside_a_namespace_of_his_own(vnet):
    """Neither make a link nor change nor delete one."""
    link = vnet.pair()
    assert as_nobody(lambda: ask_link({IFNAME: "vn0"}), own_namespace=False)[0] == errno.EPERM
    change = link.a.ns.call(
        lambda: as_nobody(lambda: ask_link({IFNAME: "vn0", MTU: 1400}, flags=0), own_namespace=False))
    assert change[0] == errno.EPERM and link.a.show()["mtu"] == 1500


def test_nobody_may_not_use_another_namespace(vnet):
    """From his own namespace he may not put the peer elsewhere, however he names that place."""
    ns = vnet.namespace("A")
    fd = os.open(ns.file, os.O_RDONLY)

    def attempts():
        results = []
        for where in ({NET_NS_PID: 1}, {NET_NS_FD: fd}):
            results.append(ask_link({IFNAME: "vn0"}, {PEER: peer({IFNAME: "vn1", **where})}))
            results.append(ask_link({IFNAME: "vn0", **where}))
        # Nothing is in the way of these names.
        return [*results, ask_link({IFNAME: "vn0"}, {PEER: peer({IFNAME: "vn1"})})]

    by_pid, whole_by_pid, by_fd, whole_by_fd, own = as_nobody(attempts)
    os.close(fd)
    said = "" if CORE_LOOKS_FIRST else "The peer's network namespace is not yours to configure"
    assert by_pid == by_fd == [errno.EPERM, said]
    assert whole_by_pid[0] == whole_by_fd[0] == errno.EPERM
    assert own == [0, ""]
    assert ns.devices() == set() and vnet.root.devices() == vnet.before


def test_nobody_may_do_anything_in_his_own_namespace(vnet):
    """There he is root: pairs, both other wires, refusals as anywhere."""
    def attempts():
        return [ask_link({IFNAME: "vn0"}, {PEER: peer({IFNAME: "vn1"})}),
                ask_link({IFNAME: "vn2"}, {WIRE: LOOP}), ask_link({IFNAME: "vn3"}, {WIRE: 2}),
                ask_link({IFNAME: "vn4", NUM_TX_QUEUES: 65}),
                ask_link({IFNAME: "vn0", MTU: 1400}, flags=0)]

    assert as_nobody(attempts) == [[0, ""]] * 3 + [[errno.ERANGE, IMPOSSIBLE[6][2]], [0, ""]]


def test_kinds_of_other_drivers_are_left_alone(ns):
    """The kind's name is exact."""
    assert ns.call(lambda: ask_link({IFNAME: "vn0"}, kind="vnett"))[0] == errno.EOPNOTSUPP
    assert ask_link({IFNAME: "vn0"}, kind="vne")[0] == errno.EOPNOTSUPP
