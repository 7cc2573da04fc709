"""What a sanitizer kernel can tell when tests have ended: memory that nobody can reach any more, lines that have run."""

import re
import shutil
import time
from pathlib import Path

from nic import OUT

KMEMLEAK = Path("/sys/kernel/debug/kmemleak")
GCOV = Path("/sys/kernel/debug/gcov")
# Younger objects are not reported: a pointer to them may be in a register.
AGE = 6


def forget_leaks():
    """Begins anew: what the kernel's own start has left is no concern of ours."""
    if KMEMLEAK.exists():
        KMEMLEAK.write_text("scan=off")
        KMEMLEAK.write_text("clear")


def leaks(settled=False):
    """Returns what nobody can reach; settled waits until all of it is old enough, and looks twice."""
    if not KMEMLEAK.exists():
        return ""
    for _ in range(2 if settled else 1):
        if settled:
            time.sleep(AGE)
        KMEMLEAK.write_text("scan")
    return KMEMLEAK.read_text()


def watches_locks():
    """Returns whether lockdep, if the kernel has it, still looks: after its first report it does not."""
    stats = Path("/proc/lockdep_stats")
    return not stats.exists() or bool(re.search(r"debug_locks: +1", stats.read_text()))


def save_counts():
    """Copies how often each line of vnet/ has run, for tools/coverage."""
    for path in GCOV.rglob("*.gcda") if GCOV.exists() else ():
        if "/build/vnet/" in str(path):
            (OUT / "gcov").mkdir(exist_ok=True)
            shutil.copyfile(path, OUT / "gcov" / path.name)
