"""What tells of a run of the tests: tools/trust and tools/coverage, on results made up here; and their bad input."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    """A tree with the results of a run on one kernel."""
    for folder in ("tools", "docs", "build/test/vm-san"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("tools/trust", "tools/driver", "docs/trust.md"):
        shutil.copy(TREE / name, tmp_path / name)
    out = tmp_path / "build/test/vm-san"
    (out / "results.xml").write_text('<testsuite><testcase classname="t.a" name="a"/>'
                                     '<testcase classname="t.a" name="b"><failure/></testcase>'
                                     '<testcase classname="t.a" name="c"><skipped type="pytest.skip"/></testcase></testsuite>')
    (out / "torture.json").write_text(json.dumps({"operations": 1000, "frames": 123456}))
    (out / "faults.json").write_text(json.dumps({"open": 40, "module": 2}))
    (out / "fuzz.json").write_text(json.dumps({"requests by root": 500, "requests by nobody": 500, "frames, loop": 20000}))
    (out / "console.log").write_text("[    1.0] fine\n[    2.0] BUG: KASAN: slab-out-of-bounds in f+0x1/0x2\n")
    return tmp_path


def run(*command, cwd=TREE):
    """Returns the exit status, and what was said."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def test_figures(tree):
    """One row a kernel; a report of a sanitizer counts whatever the tests said."""
    (tree / "build/test/vm-san.skip").write_text("t/a.py::d\nt/a.py::e[phases/01]\n")
    (tree / "build/test/fuzzers.json").write_text(json.dumps(
        {"ring": {"runs": 30001, "corpus": 20, "edges": 45, "failed": None, "driver": "abc1234"},
         "words": {"runs": 8, "corpus": 9, "edges": 7, "failed": None}}))
    status, text = run(tree / "tools/trust")
    assert status == 0 and text.startswith("| Kernel | driver | tests passed |")
    cells = [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")]
    assert cells == ["san", "–", "3", "1", "1 000", "123 456", "42", "1 000", "20 000", "1"]
    assert text.splitlines()[-2:] == ["| ring | `abc1234` | 30 001 | 20 | 45 | no |", "| words | – | 8 | 9 | 7 | no |"]


def test_driver(tree):
    """Is named by the commit that changed it last; a + says that it has been changed since; without git a dash."""
    assert run(tree / "tools/driver") == (0, "–\n")
    def git(*words):
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=tree, check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()
    (tree / "vnet").mkdir()
    (tree / "vnet/tx.c").write_text("/* one */\n")
    git("init", "-q")
    git("add", "vnet")
    git("commit", "-qm", "vnet: send")
    commit = git("rev-parse", "--short", "HEAD")
    git("add", "tools")
    git("commit", "-qm", "tools: tell")
    assert run(tree / "tools/driver") == (0, f"{commit}\n")
    (tree / "vnet/tx.c").write_text("/* two */\n")
    assert run(tree / "tools/driver") == (0, f"{commit}+\n")


def test_drivers(tree):
    """Each line names the drivers that its guests have had."""
    assert "| san | – |" in run(tree / "tools/trust")[1]
    (tree / "build/test/vm-san/driver").write_text("abc1234\n")
    assert "| san | `abc1234` |" in run(tree / "tools/trust")[1]
    (tree / "build/test/vm-torture-san").mkdir()
    (tree / "build/test/vm-torture-san/driver").write_text("abc5678+\n")
    assert "| san | `abc1234` `abc5678+` |" in run(tree / "tools/trust")[1]


@pytest.mark.parametrize("there, reports", [("vnet_poll+0x1/0x2 [vnet]", "2"), ("hrtimer_wakeup+0x1/0x2", "1")])
def test_races_of_others(tree, there, reports):
    """A race in which the driver has no part is not counted; what comes behind it is."""
    (tree / "build/test/vm-san/console.log").write_text(
        f"[ 1.0] BUG: KCSAN: data-race in f / g\n[ 1.1]  f+0x1/0x2\n[ 1.2]  {there}\n[ 1.3] {66 * '='}\n"
        "[ 2.0] BUG: KASAN: slab-out-of-bounds in f+0x1/0x2\n")
    assert run(tree / "tools/trust")[1].splitlines()[2].rstrip("| ").endswith(reports)


def test_soak(tree):
    """What it has compared."""
    (tree / "build/soak").mkdir()
    samples = [{"frames": 9, "kB": 7}, {"frames": 10, "kB": 8000}, {"frames": 12, "kB": 7000}]
    (tree / "build/soak/soak.json").write_text(json.dumps(
        {"minutes": 3, "operations": 1500, "requests": 100, "frames": 700, "samples": samples}))
    assert run(tree / "tools/trust")[1].splitlines()[-1] == (
        "The last soak, of –, went on for 3 minutes: 1 500 operations, 100 requests, 700 frames. From its second minute to its last:"
        " frames 10 to 12; kB 8 000 to 7 000.")


@pytest.mark.parametrize("said", [
    "kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "ref_tracker: netdev@000000001234abcd has 1/3 users at",
    "INFO: trying to register non-static key.",
    "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected",
    "page_pool_release_retry() stalled pool shutdown: id 3, 60 sec",
])
def test_reports(tree, said):
    """In the words in which they stand in the log."""
    (tree / "build/test/vm-san/console.log").write_text(f"[    1.0] fine\n[    2.0] {said}\n")
    assert run(tree / "tools/trust")[1].splitlines()[2].rstrip("| ").endswith("| 1")


def test_guest_that_died(tree):
    """Is a failure, and what its log says counts; so does what those said that the emulator ended, whose int3 is none."""
    (tree / "build/test/vm-san/results.xml").unlink()
    (tree / "build/test/vm-san.died0.log").write_text("[ 1.0] BUG: KASAN: use-after-free\n[ 2.0] Oops: int3: 0000 [#1]\n")
    cells = [cell.strip() for cell in run(tree / "tools/trust")[1].splitlines()[2].strip("|").split("|")]
    assert cells[:4] == ["san", "–", "–", "1"] and cells[-1] == "2"


def test_guests_add_up(tree):
    """What several guests of a kernel have shown is one row; another kernel has another. A test counts as it ended last."""
    for name in ("vm-torture-san", "vm-torture-kcsan"):
        shutil.copytree(tree / "build/test/vm-san", tree / "build/test" / name)
    (tree / "build/test/vm-torture-san/results.xml").write_text('<testsuite><testcase classname="t.a" name="b"/></testsuite>')
    for time, name in enumerate(("vm-san", "vm-torture-san")):
        os.utime(tree / "build/test" / name, (time, time))
    lines = run(tree / "tools/trust")[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:4]]
    assert rows == [["san", "–", "2", "0", "2 000", "246 912", "84", "2 000", "40 000", "2"],
                    ["kcsan", "–", "1", "1", "1 000", "123 456", "42", "1 000", "20 000", "1"]]


def test_page(tree):
    """They are put between two lines of the page, each time anew; the rest of it stays."""
    before = (tree / "docs/trust.md").read_text()
    for _ in range(2):
        assert run(tree / "tools/trust", "--write")[0] == 0
    after = (tree / "docs/trust.md").read_text()
    assert after.count("| san |") == 1
    assert [part.split("<!-- figures -->")[0] for part in (before, after)] == [after.split("<!-- figures -->")[0]] * 2


def test_part_of_the_page(tree):
    """What is named is put in, and nothing else changes."""
    before = (tree / "docs/trust.md").read_text().splitlines()
    assert run(tree / "tools/trust", "--write", "san")[0] == 0
    after = (tree / "docs/trust.md").read_text().splitlines()
    assert [line.split(" | ")[:4] for line in after if line not in before] == [["| san", "–", "1", "1"]]
    assert len(before) == len(after)


def test_nothing_to_tell(tree):
    """Is said, and the page stays."""
    before = (tree / "docs/trust.md").read_text()
    assert run(tree / "tools/trust", "--write", "san", "kcsan", "soak") == (
        1, "tools/trust: there are no results of kcsan soak in build: make test-all and make soak make them\n")
    shutil.rmtree(tree / "build/test/vm-san")
    assert run(tree / "tools/trust") == (
        1, "tools/trust: there are no results of 6.1 6.12 7.2 san kcsan in build: make test-all and make soak make them\n")
    assert (tree / "docs/trust.md").read_text() == before


def test_counts_of_another_build(tmp_path):
    """Cannot be told from those of this one line by line, so they are refused."""
    (tmp_path / "gcov").mkdir()
    (tmp_path / "gcov/tx.gcda").write_bytes(b"adcg" + bytes(40))
    assert run(TREE / "tools/coverage", tmp_path) == (
        1, f"tools/coverage: {tmp_path}/gcov/tx.gcda counts lines of another build than build/vnet/san\n")


@pytest.mark.parametrize("command, said", [
    (["tools/trust", "--wirte"], "tools/trust: give nothing, or --write, behind which may be some of 6.1 6.12 7.2 san"
                                 " kcsan coverage soak fuzzers\n"),
    (["tools/trust", "--write", "6.13"], "tools/trust: give nothing, or --write, behind which may be some of 6.1 6.12 7.2"
                                         " san kcsan coverage soak fuzzers\n"),
    (["tools/coverage", "tests"], "tools/coverage: there are no counts in tests\n"),
    (["tools/soak", "6.12"], "tools/soak: say for how many minutes, 3 or more: make soak MINUTES=60\n"),
    (["tools/soak", "6.12", "2"], "tools/soak: say for how many minutes, 3 or more: make soak MINUTES=60\n"),
    (["tools/sanitizer-kernel", "sna"], "tools/sanitizer-kernel: give one of san kcsan, --list, or --cached before one\n"),
    (["make", "-s", "run", "KERNEL=sna"], "KERNEL=sna: give one of 6.1 6.12 7.2 san kcsan"),
])
def test_bad_input(command, said):
    """One sentence."""
    status, text = run(*command)
    assert status and said in text and text.count("\n") == 1
