"""`make run PHASE=N`: what each milestone shows of itself."""

from pathlib import Path

import pytest

from nic import TREE, run

pytestmark = pytest.mark.once
SCRIPTS = sorted(str(path.relative_to(TREE)) for path in TREE.glob("phases/*/run")) + ["vnet/run"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_shows_itself_at_work(script):
    """It says that it works, and means it: its exit status is 0."""
    try:
        assert f"{script[:-4]} works" in run(f"./{script}")
    finally:
        run("rmmod", "vnet", check=False)


def test_refused_parameter_ends_it():
    """With the driver's own sentence."""
    said = run("phases/04-rx-timer/run", "rx_rate=-1", check=False)
    assert "rx_rate must be 0 to 10000" in said and "does NOT work" in said


def test_unknown_parameter_ends_it():
    """With the known ones named, and the driver not left loaded."""
    said = run("phases/09-impair-vlan/run", "loss_pm=1", check=False)
    assert "no parameter 'loss_pm'; give one of " in said and " loss_ppm " in said and "does NOT work" in said
    assert not Path("/sys/module/vnet").exists()
