"""Allocations that fail on purpose. Needs a kernel with fault injection: KERNEL=san."""

import contextlib
import os
import re
from pathlib import Path

DEBUG = Path("/sys/kernel/debug")
KINDS = ("failslab", "fail_page_alloc")
PLENTY = 1 << 30
POSSIBLE = (DEBUG / "failslab").exists()


def set_knobs(**values):
    """Writes files of the kinds of failing allocations; of those that have them."""
    for kind in KINDS:
        for name, value in values.items():
            knob = DEBUG / kind / name.replace("_", "-")
            if knob.exists():
                knob.write_text(f"{value}\n")


def prepare():
    """Lets also those allocations fail that may wait; the kernel's log says nothing of it."""
    set_knobs(ignore_gfp_wait="N", ignore_gfp_highmem="N", min_order=0, verbose=0, probability=0)
    (DEBUG / "fail_usercopy/verbose").write_text("0\n")  # these count among the allocations


def nth(number, function):
    """Calls a function while the nth allocation in this thread fails, from 1 on; the function must not leave its thread.

    Returns what it returned, or the OSError that it raised, and how many there were up to the nth: `number`, if it failed.
    """
    fd = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
    try:
        os.pwrite(fd, b"%d" % number, 0)
        try:
            value = function()
        except OSError as error:
            value = error
        except MemoryError as error:  # Python's own
            value = OSError(12, str(error))
        try:
            left = int(os.pread(fd, 20, 0).rstrip(b"\0\n"))
        except OSError:  # it was this that failed, so the function did not go as far
            return value, number - 1
        with contextlib.suppress(OSError):
            os.pwrite(fd, b"0", 0)
        return value, number - left
    finally:
        os.close(fd)


def module_text():
    """Returns where the module's code begins and ends."""
    sections = Path("/sys/module/vnet/sections")
    begin = int((sections / ".text").read_text(), 16)
    size = int(re.search(r"^vnet (\d+)", Path("/proc/modules").read_text(), re.M)[1])
    return begin, begin + size


@contextlib.contextmanager
def failing(percent):
    """Lets so many of the allocations fail that the driver makes, in whatever context, while the block lasts."""
    begin, end = module_text()
    set_knobs(task_filter="N", require_start=hex(begin), require_end=hex(end), reject_start=0, reject_end=0,
              stacktrace_depth=12, interval=1, times=PLENTY, probability=percent)
    try:
        yield
    finally:
        set_knobs(probability=0, require_start=0, require_end=hex((1 << 64) - 1))


def happened():
    """Returns how many have failed so far, within such a block."""
    return sum(PLENTY - int((DEBUG / kind / "times").read_text()) for kind in KINDS)


@contextlib.contextmanager
def refusing_notifier(event):
    """Lets somebody who is told of each new device refuse it with ENOMEM."""
    path = DEBUG / f"notifier-error-inject/netdev/actions/{event}/error"
    path.write_text("-12\n")
    try:
        yield
    finally:
        path.write_text("0\n")
