"""Files that tests use again and again, in the guest's memory: what a program needs takes dozens of requests to the host.

The root of the guest is an overlay over the host's. Of a file that is changed it keeps a copy, which lies in memory,
and to set its owner to the one that it has is such a change.
"""

import os
import re
import shutil
from pathlib import Path

from nic import TREE, run

PROGRAMS = ("ip", "ethtool", "ping", "tc", "iperf3", "tcpdump", "nice", "setpriv", "sh", "sleep", "modprobe")
BUILT = ("ip-link/*.so", "xdp/*.o", f"vnet/{os.environ['VNET_KERNEL']}/*.ko", f"phases/*/{os.environ['VNET_KERNEL']}/*.ko")
LOADER = Path("/lib64/ld-linux-x86-64.so.2")
LOCALE = Path("/usr/lib/locale/C.utf8")  # see tools/vm-guest


def fetch(path):
    """Copies a file, and the links on the way to it."""
    for place in reversed(path.parents):
        if place.is_symlink():
            fetch(place)
            return fetch(place.parent / place.readlink() / path.relative_to(place))
    os.chown(path, -1, -1, follow_symlinks=False)
    return fetch(path.parent / path.readlink()) if path.is_symlink() else None


def fetch_all():
    """Copies the programs with their libraries, and what has been built in this tree."""
    paths = {LOADER, Path("/etc/ld.so.cache"), *filter(Path.is_file, LOCALE.rglob("*"))}
    for pattern in BUILT:
        paths.update((TREE / "build").glob(pattern))
    for program in filter(None, map(shutil.which, PROGRAMS)):
        needs = run(LOADER, "--list", program)
        paths |= {Path(program), *map(Path, re.findall(r"(/\S+) \(0x", needs))}
    for path in paths:
        fetch(path)
