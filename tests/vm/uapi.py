"""The numbers of vnet/uapi/vnet.h, and random settings of an impaired wire. Needs no guest."""

import re
import struct
from pathlib import Path

HEADER = Path(__file__).resolve().parents[2] / "vnet/uapi/vnet.h"
MS, ONE = 10**6, 10**9  # ns; a probability of 100 %


def numbers():
    """Returns the names and values of all of the header's enumerations."""
    found = {}
    for body in re.findall(r"^enum (?:\w+ )?\{\n(.*?)^\};", HEADER.read_text(), re.M | re.S):
        found.update({name: value for value, name in enumerate(re.findall(r"^\t(\w+),?$", body, re.M))})
    return found


UAPI = numbers()
IMPAIR = {name.removeprefix("VNET_IMPAIR_"): value for name, value in UAPI.items() if name.startswith("VNET_IMPAIR_")}


def nest(values):
    """Returns settings as attributes: names as in the header without VNET_IMPAIR_, numbers or a pattern."""
    data = b""
    for name, value in values.items():
        value = value.encode() + b"\0" if isinstance(value, str) else struct.pack("=Q", value)
        data += struct.pack("=HH", 4 + len(value), IMPAIR[name]) + value + bytes(-len(value) % 4)
    return data


def some_settings(rng):
    """Returns settings of which a link recovers within a second: all kinds, each as likely, some of them refused."""
    def chance(most=0.3):
        return int(rng.random() * most * ONE)

    groups = (
        lambda: {"DELAY": (delay := rng.randrange(20 * MS)), "JITTER": rng.randrange(delay // 3 + 1),
                 "DISTRIBUTION": rng.randrange(3), "HALF_LIFE": rng.choice((0, 0, 5 * MS)),
                 "KEEP_ORDER": rng.randrange(2)},
        lambda: {"REORDER": chance(), "DISTANCE": rng.randrange(1, 20)},
        lambda: {"LOSS_MODEL": UAPI["VNET_LOSS_RANDOM"], "LOSS": chance()},
        lambda: {"LOSS_MODEL": UAPI["VNET_LOSS_BURST"], "LOSS": chance(), "BURST": rng.randrange(1000, 9000)},
        lambda: {"LOSS_MODEL": UAPI["VNET_LOSS_GE"], "P": chance(), "R": chance(1), "BAD": chance(1), "GOOD": chance()},
        lambda: {"LOSS_MODEL": UAPI["VNET_LOSS_4STATE"], "P13": chance(), "P31": chance(), "P32": chance(),
                 "P23": chance(), "P14": chance()},
        lambda: {"LOSS_MODEL": UAPI["VNET_LOSS_PATTERN"], "PATTERN": rng.choice(("3", "1-4,9", "2,5-7/20"))},
        lambda: {"DUPLICATE": chance(), "COPY_DELAY": rng.randrange(5 * MS)},
        lambda: {"CORRUPT": chance(), "BITS": rng.randrange(1, 65), "WHERE": rng.randrange(3),
                 "REPAIR": rng.randrange(2)},
        lambda: {"TRUNCATE": chance(), "LENGTH": rng.randrange(14, 1500)},
        lambda: {"RATE": rng.randrange(20, 1000) * 10**6, "OVERHEAD": rng.randrange(60),
                 "CELL": rng.choice((0, 0, 53)), "CELL_OVERHEAD": rng.choice((0, 5)), "QUEUE": rng.choice((0, 5, 100)),
                 "QUEUE_BYTES": rng.choice((0, 0, 20000)), "HEAD_DROP": rng.randrange(2),
                 "ECN": rng.choice((0, 0, 3))},
        lambda: {"VLAN_MATCH": rng.choice((0, 5, 4096)), "VLAN_POP": rng.randrange(2),
                 "VLAN_TRANSLATE": rng.choice((4096, 7)), "VLAN_PUSH": rng.choice((4096, 9)),
                 "VLAN_PCP": rng.randrange(9), "VLAN_PROTO": rng.choice((0x8100, 0x88a8))},
        lambda: {"FLAP_UP": rng.randrange(20, 100) * MS, "FLAP_DOWN": rng.randrange(4, 20) * MS},
        lambda: {"LIMIT": rng.choice((65536, 1 << 20, 256 << 20))},
    )
    values = {"CLEAR": 1} if rng.random() < 0.5 else {}
    if rng.random() < 0.2:
        values["SEED"] = rng.getrandbits(64)
    for group in rng.sample(groups, rng.randrange(1, 5)):
        values.update(group())
    return values
