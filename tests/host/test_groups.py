"""tools/test itself: what it makes of guests that die. What boots none stands in for tools/vm and the builds."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
INT3 = "Oops: int3: 0000 [#1] SMP NOPTI"

# Notes how it was called; dies as often as it is told, then reports one test that has passed.
VM = r"""#!/bin/bash
[ "$1" != --probe ] || { echo "$ACCELERATOR"; exit; }
echo "$*" >>calls
for _ in {1..300}; do # until another one runs beside it, if that is asked for
	[ -n "$BESIDE" ] && [ "$(wc -l <calls)" -lt 2 ] || break
	sleep 0.1
done
[ -z "$BESIDE" ] || [ "$(wc -l <calls)" -ge 2 ] || exit 1
while [ "$1" != --out ]; do shift; done
mkdir -p "$2"
if [ "$(wc -l <calls)" -le "$DEATHS" ]; then
	echo "[    1.000000] $OOPS" >"$2/console.log"
	echo "test $(wc -l <calls)" >"$2/finished"
	exit "$STATUS"
fi
echo '[    1.000000] fine' >"$2/console.log"
echo '<testsuite><testcase name="one"/></testsuite>' >"$2/results.xml"
"""


@pytest.fixture
def tree(tmp_path):
    """A tree with one test for the guest, and nothing to build."""
    for folder in ("tools", "tests/vm", "tests/host"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(TREE / "tools/test", tmp_path / "tools")
    for name in ("build", "plugin", "vnet-dryrun", "xdp", "nginx", "kernel", "sanitizer-kernel", "trust", "vm", "driver"):
        script = tmp_path / "tools" / name
        script.write_text({"vm": VM, "kernel": "#!/bin/sh\nprintf '6.1\\n6.12\\n'\n", "sanitizer-kernel": "#!/bin/sh\nexit 1\n",
                           "driver": "#!/bin/sh\necho abc1234\n"}.get(name, "#!/bin/sh\n"))
        script.chmod(0o755)
    # What is compiled already.
    (tmp_path / "build/pycache").mkdir(parents=True)
    (tmp_path / "build/pycache/usr").symlink_to(TREE / "build/pycache/usr")
    # As the real one, which is collected outside a guest, too.
    (tmp_path / "tests/vm/conftest.py").write_text("import os\n\nos.environ['VNET_KERNEL'], os.environ['VNET_OUT']\n")
    (tmp_path / "tests/vm/test_vnet_torture.py").write_text("def test_one():\n    pass\n")
    return tmp_path


def run(tree, *arguments, deaths=0, oops=INT3, status=125, accelerator="tcg", beside=""):
    """Runs it on 6.12, where the guest dies so many times; returns (exit status, output, how guests were called)."""
    environment = dict(os.environ, DEATHS=str(deaths), OOPS=oops, STATUS=str(status), ACCELERATOR=accelerator,
                       BESIDE=beside)
    done = subprocess.run([tree / "tools/test", *arguments], cwd=tree, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.returncode, done.stdout, (tree / "calls").read_text().splitlines()


def test_emulators_fault_is_no_failure(tree):
    """An emulated guest that ran code as it was before it was patched: said in one sentence, and another goes on."""
    status, output, calls = run(tree, "--kernel", "6.12", deaths=2)
    assert (status, len(calls)) == (0, 3)
    assert output.count("goes on in another guest") == 2
    assert output.endswith("3 passed, 0 failed\n")  # one in each guest
    # The last guest was told of both tests that had passed before.
    skip = [word.removeprefix("--skip=") for word in calls[2].split() if word.startswith("--skip=")]
    assert len(skip) == 1 and Path(skip[0]).read_text() == "test 1\ntest 2\n"
    assert (tree / "build/test/vm-6.12/driver").read_text() == "abc1234\n"  # for tools/trust


@pytest.mark.parametrize("how, times", [
    ({"deaths": 4}, 4),
    ({"deaths": 1, "accelerator": "kvm"}, 1),
    ({"deaths": 1, "oops": "Oops: 0002 [#1] SMP NOPTI"}, 1),
    ({"deaths": 1, "status": 124}, 1),
])
def test_any_other_death_is_one(tree, how, times):
    """The same for ever, on a real CPU, of something else, or no death at all."""
    status, output, calls = run(tree, "--kernel", "6.12", **how)
    assert (status, len(calls)) == (1, times)
    assert output.endswith(f"{times - 1} passed, 1 failed\n")


@pytest.mark.parametrize("arguments, kernels", [
    ([], set()), (["--all"], {"san", "kcsan"}), (["--kernel", "san"], {"san"}), (["--kernel", "6.1"], set())])
def test_sanitizer_kernels(tree, arguments, kernels):
    """Used if they are asked for, or in the cache, which here they are not; that is said."""
    status, output, calls = run(tree, *arguments)
    assert status == 0 and output.endswith(" passed, 0 failed\n")
    assert {call.split()[1] for call in calls if "san --out" in call} == kernels
    assert ("not in the cache, so nothing is tested on it: kcsan and san" in output) == (not arguments)


@pytest.mark.parametrize("arguments, without", [
    ([], {"6.1"}), (["--all"], set()), (["--kernel", "6.1"], set())])
def test_what_one_kernel_is_enough_for(tree, arguments, without):
    """Tests marked so: on the main kernel, on the one that is asked for, or on all."""
    _, _, calls = run(tree, *arguments)
    calls = [call for call in calls if "san --out" not in call]
    assert {call.split()[1] for call in calls if "not once" in call} == without
    assert {call.split()[1] for call in calls if "not once" not in call} == (
        {"6.1"} if "--kernel" in arguments else {"6.1", "6.12"} - without)


def test_what_takes_long_has_a_guest_of_its_own(tree):
    """With --all; so it can be run alone, and adds to what other runs have left. A run of everything begins anew."""
    names = {"torture": "test_vnet_torture", "faults": "test_vnet_faults", "fuzz": "test_vnet_fuzz", "phases": "test_01"}
    for name in [*names.values(), "test_vnet_lifecycle"]:
        (tree / f"tests/vm/{name}.py").write_text("def test_one():\n    pass\n")
    assert run(tree, "--all", "-k", "faults")[0] == 0
    assert {path.parent.name for path in (tree / "build/test").glob("*/results.xml")} == {
        "vm-faults-san", "vm-faults-6.12", "vm-6.1"}
    assert run(tree, "--all", "-k", "one", "--kernel", "san")[0] == 0
    san = {"vm-san", *(f"vm-{name}-san" for name in names)}
    assert {path.parent.name for path in (tree / "build/test").glob("*/results.xml")} == san | {"vm-faults-6.12", "vm-6.1"}
    assert run(tree)[0] == 0
    assert {path.parent.name for path in (tree / "build/test").glob("*/results.xml")} >= {"vm-6.12", "vm-6.1"}
    assert not list((tree / "build/test").glob("*-san"))


def test_the_hosts_tests_run_beside_guests(tree):
    """They are none of the two groups that run at a time, and make way for those; on a sanitizer kernel there are none."""
    (tree / "tests/host/test_host.py").write_text(f"""
import os, pathlib, time

def test_two():
    end = time.monotonic() + 60
    while len(pathlib.Path({str(tree / "calls")!r}).read_text().splitlines()) < 2:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert os.nice(0) == {os.nice(0) + 5}
""")
    (tree / "calls").touch()
    assert run(tree, "--kernel", "san")[1].endswith("\n1 passed, 0 failed\n")
    (tree / "calls").write_text("")
    status, output, _ = run(tree, beside="1")
    assert status == 0 and output.endswith("\n3 passed, 0 failed\n") and "host: 1 passed" in output


def test_tests_that_cannot_be_collected_are_not_left_out(tree):
    """An error in them ends the run, and so does an expression that is none; no group is left out in silence."""
    for arguments, change, sentence in ((["-k", "one and ("], "", "-k cannot be understood: one and ("),
                                        ([], "1 / 0\n", "the tests in tests/vm cannot be collected")):
        with (tree / "tests/vm/conftest.py").open("a") as conftest:
            conftest.write(change)
        done = subprocess.run([tree / "tools/test", *arguments], cwd=tree, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        assert done.returncode == 2 and sentence in done.stderr
        assert not (tree / "calls").exists()
