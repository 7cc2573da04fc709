"""All of it mixed for as long as one likes, `make soak MINUTES=60`: nothing may grow."""

import json
import random
import time
from pathlib import Path

import pytest

import fuzz
from traffic import send
from nic import OUT, mac, wait_for
from test_vnet_fuzz import bombard
from test_vnet_lifecycle import REMOVED
from torture import Torture

# Objects of these slab caches hold frames and devices; kB of these lines of /proc/meminfo hold all.
CACHES = ("skbuff_head_cache", "skbuff_fclone_cache", "net_namespace")
LINES = ("MemAvailable", "SUnreclaim")
SLACK = {"MemAvailable": 24 << 10, "SUnreclaim": 12 << 10,  # kB; what caches of the kernel's own may take
         "net_namespace": 8}  # what has been left and the kernel has not yet taken away
REQUESTS = 100  # of nonsense, each time that so many operations have been


def memory():
    """Returns the objects in use of each of CACHES with what /proc/meminfo says, and kB in use of all caches, when settled."""
    Path("/proc/sys/vm/drop_caches").write_text("3")
    time.sleep(1)
    for name in CACHES:  # else what CPUs keep at hand counts as in use
        Path(f"/sys/kernel/slab/{name}/shrink").write_text("1")
    objects, sizes = {}, {}
    for line in Path("/proc/slabinfo").read_text().splitlines()[2:]:
        name, used, _, size = line.split()[:4]
        objects[name], sizes[name] = int(used), int(used) * int(size) >> 10
    lines = dict(line.split()[:2] for line in Path("/proc/meminfo").read_text().splitlines())
    return {**{name: objects[name] for name in CACHES},
            **{name: int(lines[name + ":"]) for name in LINES}}, sizes


def grown(before, after):
    """Returns which caches of the kernel's have grown most, and by how many kB."""
    change = {name: size - before.get(name, 0) for name, size in after.items()}
    return {name: change[name] for name in sorted(change, key=change.get, reverse=True)[:8] if change[name] > 0}


@pytest.mark.expect_log(REMOVED)
def test_soak(vnet, kernel_log, request, seed):
    """Operations, wrong requests and wrong frames under traffic; memory is noted each minute, and compared at the end."""
    minutes = request.config.getoption("--minutes")
    if not minutes:
        pytest.skip("make soak MINUTES=… runs it")
    torture, rng = Torture(vnet, seed, kernel_log), random.Random(seed)
    torture.make()
    begin, samples, operations, requests, frames = time.monotonic(), [], 0, 0, 0
    elsewhere = vnet.namespace("elsewhere")
    for minute in range(1, minutes + 1):
        until = begin + 60 * minute
        while time.monotonic() < until:
            operations += torture.run(100, until=until)
            elsewhere.call(lambda: bombard(rng.getrandbits(32), REQUESTS))
            requests += REQUESTS
            for slot in torture.slots:
                a, b = slot.link.a, slot.link.b
                for _ in range(100):
                    data = fuzz.frame(rng, mac(a.mac), mac(b.mac), 1500)
                    try:
                        send(a, data)
                        frames += 1
                    except OSError:  # too long or too short for a packet socket
                        continue
        sample, sizes = memory()
        samples.append(sample)
        if minute <= 2:  # the first minute fills the kernel's caches
            begun = sizes
        print(f"minute {minute}: {operations} operations, {requests} requests, {frames} frames, {sample},"
              f" {grown(begun, sizes)}", flush=True)
    (OUT / "soak.json").write_text(json.dumps({"seed": seed, "minutes": minutes, "operations": operations,
                                               "requests": requests, "frames": frames, "samples": samples,
                                               "grown": grown(begun, sizes)}, indent=1) + "\n")
    first, last = samples[1], samples[-1]
    for name, value in first.items():
        more = value - last[name] if name == "MemAvailable" else last[name] - value
        assert more <= SLACK.get(name, 200), \
            f"{name}: {value} to begin with, {last[name]} in the end; caches, in kB: {grown(begun, sizes)}"
    wait_for(lambda: all(slot.link.exists() for slot in torture.slots), "all links")
