"""Everything at once: each operation on a link, in random order, under traffic, with every frame accounted for."""

import json

import pytest

from nic import OUT, wait_for
from test_vnet_lifecycle import HANGS
from torture import OPERATIONS, Torture


@pytest.mark.expect_log(f"{HANGS}|pktgen: WARNING: trying to remove a running interface")
def test_random_operations_under_traffic(vnet, kernel_log, request, seed):
    """As many as are asked for; --seed repeats them."""
    wanted = request.config.getoption("--operations")
    if not wanted:
        pytest.skip("--operations N, as with KERNEL=san and with make test-all")
    # The kernel warns once in its life of a queue that hangs, with a trace as of a bug. So it does that now.
    link = vnet.pair()
    link.a.stall()
    link.a.run("ping", "-c", "1", "-W", "1", "192.0.2.2", check=False)
    wait_for(lambda: link.a.extra()["tx_timeouts"], "the watchdog", timeout=60)
    vnet.unload()
    vnet.links.clear()
    vnet.load()
    kernel_log.lines.clear()

    torture = Torture(vnet, seed, kernel_log)
    total = torture.run(wanted)
    summary = {"seed": seed, "operations": total, "done": torture.done, "refused": torture.refused,
               "rests": torture.rests, "frames": torture.frames}
    (OUT / "torture.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary))
    assert total == wanted
    assert not (bad := kernel_log.bad_lines(allowed="pktgen: |NETDEV WATCHDOG")), bad
    if total >= 100 * len(OPERATIONS):  # else chance may leave one out
        assert not (never := {method.__name__ for method in OPERATIONS} - set(torture.done)), never
