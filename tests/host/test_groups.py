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
while [ "$1" != --out ]; do shift; done
mkdir -p "$2"
if [ "$(wc -l <calls)" -le "$DEATHS" ]; then
	echo "[    1.000000] $OOPS" >"$2/console.log"
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
    for name in ("build", "plugin", "vnet-dryrun", "xdp", "nginx", "kernel", "vm"):
        script = tmp_path / "tools" / name
        script.write_text({"vm": VM, "kernel": "#!/bin/sh\nprintf '6.1\\n6.12\\n'\n"}.get(name, "#!/bin/sh\n"))
        script.chmod(0o755)
    (tmp_path / "tests/vm/test_one.py").write_text("def test_one():\n    pass\n")
    return tmp_path


def run(tree, *arguments, deaths=0, oops=INT3, status=125, accelerator="tcg"):
    """Runs it on 6.12, where the guest dies so many times; returns (exit status, output, how guests were called)."""
    environment = dict(os.environ, DEATHS=str(deaths), OOPS=oops, STATUS=str(status), ACCELERATOR=accelerator)
    done = subprocess.run([tree / "tools/test", *arguments], cwd=tree, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.returncode, done.stdout, (tree / "calls").read_text().splitlines()


def test_emulators_fault_is_no_failure(tree):
    """An emulated guest that ran code as it was before it was patched: said in one sentence, and run again."""
    status, output, calls = run(tree, "--kernel", "6.12", deaths=1)
    assert (status, len(calls)) == (0, 2) and calls[0] == calls[1]
    assert output.count("Oops: int3") == 1 and "is run once more" in output
    assert output.endswith("1 passed, 0 failed\n")


@pytest.mark.parametrize("how, times", [
    ({"deaths": 2}, 2),
    ({"deaths": 1, "accelerator": "kvm"}, 1),
    ({"deaths": 1, "oops": "Oops: 0002 [#1] SMP NOPTI"}, 1),
    ({"deaths": 1, "status": 124}, 1),
])
def test_any_other_death_is_one(tree, how, times):
    """The same again, on a real CPU, of something else, or no death at all."""
    status, output, calls = run(tree, "--kernel", "6.12", **how)
    assert (status, len(calls)) == (1, times)
    assert output.endswith("0 passed, 1 failed\n")


@pytest.mark.parametrize("arguments, without", [
    ([], {"6.1"}), (["--all"], set()), (["--kernel", "6.1"], set())])
def test_what_people_are_shown(tree, arguments, without):
    """Worksheets and run scripts: on the main kernel, on the one that is asked for, or on all."""
    _, _, calls = run(tree, *arguments)
    assert {call.split()[1] for call in calls if "not shown" in call} == without
    assert {call.split()[1] for call in calls if "not shown" not in call} == (
        {"6.1"} if "--kernel" in arguments else {"6.1", "6.12"} - without)
