"""What every test in the guest needs: a driver to load, and a judge for the kernel log.

A test of the driver in vnet/ takes the fixture `vnet` and makes its links with it (link.py).

A test of the phases takes the fixture `nic`. Its file belongs to a milestone (`pytestmark =
pytest.mark.milestone(3)`): it checks what that milestone brought. Each test then runs

* with --prove, against the milestone before, where it must FAIL: this proves that the check can fail at all
  (not with `new=False`, for what the milestone before does right as well);
* against the milestone itself;
* with `every=True` also against all later milestones, up to `until=…`.
"""

import random
import re
from pathlib import Path

import pytest

import near
from link import Vnet
from nic import OUT, SLOWNESS, TREE, KernelLog, Nic, Patience
from watch import forget_leaks, leaks, save_counts, watches_locks

KERN_ERR = 3  # the console shows it

good = {}  # whether a test's own part has passed, by its name
PHASES = {int(p.name[:2]): f"phases/{p.name}" for p in sorted((TREE / "phases").iterdir())}


def pytest_configure(config):
    """Registers the markers, so that a misspelt one is an error; tells tools/vm that the log is judged here."""
    (OUT / "log-judged").touch()
    config.addinivalue_line("markers", "milestone(number, until=None, every=False, new=True): whose check this is")
    config.addinivalue_line("markers", "exact: asserts how long something took; only with tools/vm --icount")
    config.addinivalue_line("markers", "pace: asks for frames that come as fast as a kernel without sanitizers lets them")
    config.addinivalue_line("markers", "once: one kernel is enough for it; on the others with --all only")
    config.addinivalue_line("markers", "expect_log(regex): kernel-log lines that this test provokes")


def pytest_addoption(parser):
    """Adds options of our own."""
    parser.addoption("--target", help="only this milestone: phases/NN-name")
    parser.addoption("--prove", action="store_true", help="also prove that each check fails on the milestone before")
    parser.addoption("--skip", type=Path, metavar="FILE", help="names of tests that need not be run again")
    parser.addoption("--operations", type=int, default=0, help="how much happens in test_vnet_torture.py")
    parser.addoption("--minutes", type=int, default=0, help="how long test_vnet_soak.py goes on")
    parser.addoption("--faults", type=int, default=12, help="how many allocations of each operation fail; 0 for all")
    parser.addoption("--messages", type=int, default=3000, help="how many requests test_vnet_fuzz.py makes")
    parser.addoption("--frames", type=int, default=20000, help="how many frames it sends")
    parser.addoption("--scan", action="store_true", help="look for leaks after each file, not only in the end")
    parser.addoption("--seed", type=int, help="of chance in these tests, to repeat a run")


def pytest_collection_modifyitems(config, items):
    """Leaves out what has passed already, in a guest that the emulator has killed; see tools/test."""
    if file := config.getoption("--skip"):
        passed = set(file.read_text().splitlines())
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in passed])
        items[:] = [item for item in items if item.nodeid not in passed]


def pytest_runtest_logreport(report):
    """Writes down which tests have passed, at once, for a guest may die."""
    if report.when == "call":
        good[report.nodeid] = report.passed or hasattr(report, "wasxfail") and report.skipped
    # Much is judged when a test has ended: the kernel's log, the counters, rmmod.
    if report.when == "teardown" and report.passed and good.get(report.nodeid):
        with (OUT / "finished").open("a") as file:
            file.write(f"{report.nodeid}\n")


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


@pytest.fixture(scope="session")
def whole_log():
    """The kernel's log, read from the first test to the last without a gap."""
    log = KernelLog()
    yield log
    judge(log)


def judge(log, allowed=None):
    """Fails if the kernel has complained since the log was last forgotten."""
    log.read()
    bad = log.bad_lines(allowed)
    log.forget()
    if bad:
        pytest.fail("the kernel complained:\n  " + "\n  ".join(bad), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def whole_run(whole_log):
    """On a sanitizer kernel: nothing has leaked when all is over, nothing has switched lockdep off, and what has run is known."""
    near.fetch_all()
    forget_leaks()
    yield
    save_counts()
    assert not (lost := leaks(settled=True)), lost
    assert watches_locks(), "lockdep has given up"


@pytest.fixture(scope="module", autouse=True)
def no_leaks(request):
    """With --scan, on a sanitizer kernel: a file's tests have lost no memory. What is too young to tell shows up later."""
    yield
    if request.config.getoption("--scan"):
        assert not (lost := leaks()), lost


@pytest.fixture(autouse=True)
def kernel_log(request, whole_log):
    """The kernel's log from the start of the test on; judged at its end. What it has said since the last one is, too."""
    judge(whole_log)
    yield whole_log
    mark = request.node.get_closest_marker("expect_log")
    judge(whole_log, allowed=mark.args[0] if mark else None)


@pytest.fixture
def seed(request):
    """A fresh one for each test, printed; or that of --seed. The kernel's log has it, too, should the guest die."""
    value = request.config.getoption("--seed") or random.SystemRandom().randrange(1 << 32)
    print(f"\n--seed {value}", flush=True)
    Path("/dev/kmsg").write_text(f"<{KERN_ERR}>vnet-guest: {request.node.name} --seed {value}\n")
    return value


@pytest.fixture
def nic(request, target, kernel_log):
    """The driver under test, not yet loaded; unloaded again whatever happens."""
    Patience.seconds = 0.7 if request.node.get_closest_marker("xfail") else 30 * SLOWNESS
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
