"""What every test in the guest needs: a driver to load, and a judge for the kernel log.

A test of the driver in vnet/ takes the fixture `vnet` and makes its links with it (link.py).

A test of the phases takes the fixture `nic`. Its file belongs to a milestone (`pytestmark =
pytest.mark.milestone(3)`): it checks what that milestone brought. Each test then runs

* with --prove, against the milestone before, where it must FAIL: this proves that the check can fail at all
  (not with `new=False`, for what the milestone before does right as well);
* against the milestone itself;
* with `every=True` also against all later milestones, up to `until=…`.
"""

import re
from pathlib import Path

import pytest

from link import Vnet
from nic import OUT, TREE, KernelLog, Nic, Patience

PHASES = {int(p.name[:2]): f"phases/{p.name}" for p in sorted((TREE / "phases").iterdir())}


def pytest_configure(config):
    """Registers the markers, so that a misspelt one is an error; tells tools/vm that the log is judged here."""
    (OUT / "log-judged").touch()
    config.addinivalue_line("markers", "milestone(number, until=None, every=False, new=True): whose check this is")
    config.addinivalue_line("markers", "exact: asserts how long something took; only with tools/vm --icount")
    config.addinivalue_line("markers", "shown: what people are shown; on other kernels than the main one with --all only")
    config.addinivalue_line("markers", "expect_log(regex): kernel-log lines that this test provokes")


def pytest_addoption(parser):
    """Adds options of our own."""
    parser.addoption("--target", help="only this milestone: phases/NN-name")
    parser.addoption("--prove", action="store_true", help="also prove that each check fails on the milestone before")


def targets_of(mark, only, prove):
    """Returns the drivers that a test with this mark runs against."""
    first, until = mark.args[0], mark.kwargs.get("until") or max(PHASES)
    own = [PHASES[n] for n in PHASES if first <= n <= until]
    if only:
        return [only] if only in own else []
    if not mark.kwargs.get("every"):
        own = [PHASES[first]]
    before = pytest.mark.xfail(strict=True, reason="must fail: the milestone before cannot do this")
    unable = PHASES.get(first - 1) if prove and mark.kwargs.get("new", True) else None
    return ([pytest.param(unable, marks=before)] if unable else []) + own


def pytest_generate_tests(metafunc):
    """Runs a test once for each of its drivers."""
    mark = metafunc.definition.get_closest_marker("milestone")
    if mark and "nic" in metafunc.fixturenames:
        option = metafunc.config.getoption
        metafunc.parametrize("target", targets_of(mark, option("--target"), option("--prove")))


@pytest.fixture(autouse=True)
def kernel_log(request):
    """The kernel's log from the start of the test on; judged at its end."""
    log = KernelLog()
    yield log
    log.read()
    mark = request.node.get_closest_marker("expect_log")
    bad = log.bad_lines(allowed=mark.args[0] if mark else None)
    if bad:
        pytest.fail("the kernel complained:\n  " + "\n  ".join(bad), pytrace=False)


@pytest.fixture
def nic(request, target, kernel_log):
    """The driver under test, not yet loaded; unloaded again whatever happens."""
    Patience.seconds = 0.7 if request.node.get_closest_marker("xfail") else 30
    nic = Nic(target, kernel_log)
    yield nic
    nic.unload()
    left = [p.name for p in Path("/sys/class/net").iterdir() if re.match(r"vnet\d", p.name)]
    assert not left, f"rmmod left {left}"


@pytest.fixture
def vnet(kernel_log):
    """The driver in vnet/, loaded; its links are checked for lost frames when the test has ended, then it goes."""
    vnet = Vnet(kernel_log)
    try:
        vnet.load()
        yield vnet
        vnet.at_rest()
    finally:
        vnet.end()
