"""Requests by netlink, with errno and sentence of the answer: for links as ip would not ask, for XDP programs that are
loaded already; for queues' counters; for polls and their settings."""

import json
import os
import socket
import struct

from nic import LIBC

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR = 16, 17, 18, 20
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
NLM_F_ACK_TLVS, NLMSGERR_ATTR_MSG = 0x200, 1
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000

# Attributes of a link, and of its kind (include/uapi/linux/if_link.h, vnet/uapi/vnet.h).
ADDRESS, IFNAME, MTU, LINKINFO, NET_NS_PID, NET_NS_FD, NUM_TX_QUEUES, NUM_RX_QUEUES = 1, 3, 4, 18, 19, 28, 31, 32
INFO_KIND, INFO_DATA = 1, 2
PEER, WIRE, IMPAIR, PEER_IMPAIR = 1, 2, 3, 4
NLA_F_NESTED = 0x8000
IFINFOMSG = bytes(16)
XDP, XDP_FD, XDP_ATTACHED, XDP_FLAGS = 43, 1, 2, 3
IFA_ADDRESS, IFA_LOCAL = 1, 2
STATS64 = 23  # struct rtnl_link_stats64
STATS = ("rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped multicast collisions"
         " rx_length_errors rx_over_errors rx_crc_errors rx_frame_errors rx_fifo_errors rx_missed_errors"
         " tx_aborted_errors tx_carrier_errors tx_fifo_errors tx_heartbeat_errors tx_window_errors rx_compressed"
         " tx_compressed rx_nohandler").split()

# Generic netlink, and its family netdev (include/uapi/linux/netdev.h).
NETLINK_GENERIC, GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NETDEV_CMD_QSTATS_GET, NETDEV_QSTATS_SCOPE_QUEUE, NLM_F_DUMP = 12, 1, 0x300
NETDEV_CMD_NAPI_GET, NETDEV_CMD_NAPI_SET, NAPI_ID, NAPI_THREADED = 11, 14, 2, 8
NAPI_IN_THREAD, NAPI_BUSY = 1, 2
IFINDEX, QUEUE_ID, SCOPE = 1, 3, 4
QSTATS = {8: "rx_packets", 9: "rx_bytes", 10: "tx_packets", 11: "tx_bytes", 13: "rx_missed", 33: "tx_stop",
          34: "tx_wake"}


def attribute(number, value):
    """Returns an attribute; numbers are u32, text ends with a zero byte."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    return struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


def attributes(values):
    """Returns a dictionary of attributes as bytes."""
    return b"".join(attribute(number, value) for number, value in values.items())


def peer(values):
    """Returns what is asked of the peer."""
    return IFINFOMSG + attributes(values)


def ask_link(values, data=None, kind="vnet", flags=NLM_F_CREATE | NLM_F_EXCL):
    """Asks for a link, or for a change with flags=0; returns (errno, what the kernel said about it)."""
    info = {INFO_KIND: kind} if data is None else {INFO_KIND: kind, INFO_DATA: attributes(data)}
    return request(RTM_NEWLINK, IFINFOMSG + attributes({**values, LINKINFO: attributes(info)}), flags)


def delete_link(device):
    """Deletes a device; returns as ask_link() does."""
    return request(RTM_DELLINK, IFINFOMSG + attributes({IFNAME: device}))


def attach_xdp(index, fd, flags=0):
    """Attaches an XDP program to a device in place of what is there; with fd=-1, none. Returns as ask_link() does."""
    body = struct.pack("=BxHiII", 0, 0, index, 0, 0)
    xdp = attributes({XDP_FD: struct.pack("=i", fd), XDP_FLAGS: flags})
    return request(RTM_NEWLINK, body + attributes({XDP: xdp}))


def add_address(device, address):
    """Gives a device an IPv4 address whose network has 24 bits."""
    body = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, socket.if_nametoindex(device))
    address = socket.inet_aton(address)
    body += attributes({IFA_LOCAL: address, IFA_ADDRESS: address})
    assert request(RTM_NEWADDR, body, NLM_F_CREATE | NLM_F_EXCL) == (0, "")


def link_attributes(device):
    """Returns what `ip link show` asks for: the attributes of a device, as bytes."""
    body = IFINFOMSG + attributes({IFNAME: device})
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(struct.pack("=IHHII", 16 + len(body), RTM_GETLINK, NLM_F_REQUEST, 1, 0) + body)
        answer = sock.recv(1 << 17)
    length, kind = struct.unpack_from("=IH", answer)
    if kind != RTM_NEWLINK:
        raise OSError(-struct.unpack_from("=i", answer, 16)[0], device)
    return parse(answer[32:length])


def link_stats(device):
    """Returns the counters of `ip -s -s link`, by the names that they have in /sys."""
    return dict(zip(STATS, struct.unpack_from(f"={len(STATS)}Q", link_attributes(device)[STATS64])))


def request(kind, body, flags=0):
    """Sends a request; returns (errno, what the kernel said about it)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        sock.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0) + body)
        answer = sock.recv(65536)
    _, _, answer_flags, _, _, error = struct.unpack_from("=IHHIIi", answer)
    said = ""
    offset = 36  # our header has come back behind the error
    while answer_flags & NLM_F_ACK_TLVS and offset < len(answer):
        length, number = struct.unpack_from("=HH", answer, offset)
        if number == NLMSGERR_ATTR_MSG:
            said = answer[offset + 4:offset + length].rstrip(b"\0").decode()
        offset += length + -length % 4
    return -error, said


def as_nobody(function, own_namespace=True):
    """Runs a function as a user without any privilege and returns its value, which JSON must be able to carry.

    By default in a user and network namespace of his own, where he may do anything.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            if own_namespace and LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET):
                raise OSError("unshare")
            value = function()
        except BaseException as error:  # shown by whoever reads it
            value = repr(error)
        os.write(writer, json.dumps(value).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        value = json.load(pipe)
    os.waitpid(child, 0)
    return value


def parse(data):
    """Returns attributes as a dictionary of bytes."""
    values = {}
    while data:
        length, number = struct.unpack_from("=HH", data)
        values[number & ~NLA_F_NESTED] = data[4:length]
        data = data[length + -length % 4:]
    return values


def ask_generic(sock, family, command, values, dump=False, flags=0):
    """Asks a family of generic netlink; returns the attributes of each answer; none, with NLM_F_ACK, of a change."""
    body = struct.pack("=BBH", command, 1, 0) + attributes(values)
    flags |= NLM_F_REQUEST | (NLM_F_DUMP if dump else 0)
    sock.send(struct.pack("=IHHII", 16 + len(body), family, flags, 1, 0) + body)
    answers = []
    while True:
        data = sock.recv(1 << 20)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind != family:  # an error or none, or the end of a dump
                error, = struct.unpack_from("=i", data, 16)
                assert not error, os.strerror(-error)
                return answers
            answers.append(parse(data[20:length]))
            data = data[length + -length % 4:]
        if not dump:
            return answers


def ask_netdev(command, values, **options):
    """Asks the kernel's family for devices' queues and polls; returns what ask_generic() does."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as sock:
        family, = ask_generic(sock, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, {CTRL_ATTR_FAMILY_NAME: "netdev"})
        number, = struct.unpack("=H", family[CTRL_ATTR_FAMILY_ID])
        return ask_generic(sock, number, command, values, **options)


def poll_ids(index):
    """Returns the kernel's numbers of the polls of a device, by its index."""
    return [int.from_bytes(answer[NAPI_ID], "little")
            for answer in ask_netdev(NETDEV_CMD_NAPI_GET, {IFINDEX: index}, dump=True)]


def poll_in_thread(poll, how):
    """Sets how a thread does what a poll does, NAPI_*, by the poll's number."""
    ask_netdev(NETDEV_CMD_NAPI_SET, {NAPI_ID: struct.pack("=I", poll), NAPI_THREADED: struct.pack("=I", how)},
               flags=NLM_F_ACK)


def ask_stats(index, scope):
    """Returns pairs: the number of a queue of the device with this index, or None for all together, and its counters."""
    answers = ask_netdev(NETDEV_CMD_QSTATS_GET, {IFINDEX: index, **scope}, dump=True)
    return [(int.from_bytes(answer[QUEUE_ID], "little") if QUEUE_ID in answer else None,
             {name: int.from_bytes(answer[number], "little") for number, name in QSTATS.items() if number in answer})
            for answer in answers]


def queue_stats(index):
    """Returns the counters of each queue pair of a device, by its index."""
    queues = {}
    for number, counters in ask_stats(index, {SCOPE: struct.pack("=Q", NETDEV_QSTATS_SCOPE_QUEUE)}):
        queues.setdefault(number, {}).update(counters)
    return [queues[number] for number in sorted(queues)]


def device_stats(index):
    """Returns the sums of these counters, as the kernel makes them: also of queues that are not in use any more."""
    (_, counters), = ask_stats(index, {})
    return counters
