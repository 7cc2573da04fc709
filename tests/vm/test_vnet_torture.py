"""Everything at once: each operation on a link, in random order, under traffic, with every frame accounted for."""

import json

import pytest

from nic import OUT
from test_vnet_lifecycle import REMOVED
from torture import OPERATIONS, Torture


@pytest.mark.expect_log(REMOVED)
def test_random_operations_under_traffic(vnet, kernel_log, request, seed):
    """As many as are asked for; --seed repeats them."""
    wanted = request.config.getoption("--operations")
    if not wanted:
        pytest.skip("--operations N, as with KERNEL=san and with make test-all")
    torture = Torture(vnet, seed, kernel_log)
    total = torture.run(wanted)
    summary = {"seed": seed, "operations": total, "done": torture.done, "refused": torture.refused,
               "rests": torture.rests, "frames": torture.frames, "traffic": torture.traffic,
               "namespaces gone under traffic": torture.gone, "hangs noticed": torture.noticed}
    (OUT / "torture.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary))
    assert total == wanted
    if total >= 100 * len(OPERATIONS):  # else chance may leave one out
        assert not (never := {method.__name__ for method in OPERATIONS} - set(torture.done)), never
        assert all(torture.traffic.values()) and torture.gone and torture.noticed, summary
