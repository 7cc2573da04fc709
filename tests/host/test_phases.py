# SPDX-License-Identifier: GPL-2.0
"""The tools that keep nine folders one story: tools/diff, tools/propagate, tools/tags.

They run in throw-away trees; the real phases are read, never written.
"""

import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
NAMES = ("module netdev tx-ring rx-timer napi stats-ethtool arp loopback impair-vlan").split()
FOLDERS = [f"phases/{number:02}-{name}" for number, name in enumerate(NAMES, 1)]
# A phase of more changed lines than that is more than one idea, or says why in its README.
MOST_LINES = 250
ENVIRONMENT = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Some Body", "GIT_AUTHOR_EMAIL": "somebody@example.invalid",
    "GIT_COMMITTER_NAME": "Some Body", "GIT_COMMITTER_EMAIL": "somebody@example.invalid",
}

real_phases = pytest.mark.skipif(
    not all((TREE / folder / "vnet.c").exists() for folder in FOLDERS),
    reason="not all of the phases are there yet")


def run(tree, *command, status=0, **environment):
    """Run a command in a tree and check its exit status; returns (stdout, stderr)."""
    process = subprocess.run(command, cwd=tree, env={**ENVIRONMENT, **environment}, text=True,
                             capture_output=True, check=False)
    assert process.returncode == status, process.stdout + process.stderr
    return process.stdout, process.stderr


def git(tree, *words):
    """Run git; returns its output without the last newline."""
    return run(tree, "git", *words)[0].rstrip("\n")


def commit(tree):
    """Commit everything."""
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "a change")


def source(number):
    """The sample driver of a phase: a common part, one line per phase, a common end.

    The line of `five` changes in phase 5.
    """
    steps = "".join(f"int step_{n};\n\n\n\n" for n in range(1, number + 1))
    shared = "int five = 5;\n" if number < 5 else "int five = 50;\n"
    return f"int head;\n\n\n\n{shared}\n\n\n{steps}int tail;\n"


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    """A committed sample tree with the tools of this one."""
    tree = tmp_path / "tree"
    (tree / "tools").mkdir(parents=True)
    for name in ("diff", "propagate", "tags"):
        shutil.copy(TREE / "tools" / name, tree / "tools")
    (tree / "LICENSE").write_text("free\n")
    (tree / ".gitignore").write_text("/build/\n")
    for number, folder in enumerate(FOLDERS, 1):
        (tree / folder).mkdir(parents=True)
        (tree / folder / "vnet.c").write_text(source(number))
        (tree / folder / "Kbuild").write_text("obj-m += vnet.o\n")
        (tree / folder / "README.md").write_text(
            f"# Phase {number}: {NAMES[number - 1]}\n\n**The idea** is number {number},\n"
            "on two lines.\n\nMore.\n")
    run(tree, "git", "init", "-q", "-b", "main")
    commit(tree)
    return tree


def edit(tree, number, before, after, name="vnet.c"):
    """Replace text in a phase's file."""
    path = tree / FOLDERS[number - 1] / name
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def read(tree, number, name="vnet.c"):
    """The text of a phase's file."""
    return (tree / FOLDERS[number - 1] / name).read_text()


# tools/diff


@real_phases
@pytest.mark.parametrize("number", range(2, 10))
def test_phase_is_one_idea(number):
    """No phase adds more than one can read, unless its README says why."""
    count = int(run(TREE, "tools/diff", "--count", str(number))[0])
    readme = TREE / FOLDERS[number - 1] / "README.md"
    excused = readme.exists() and re.search(r"^Diff:\s+\S+", readme.read_text(), re.M)
    assert 0 < count
    assert count <= MOST_LINES or excused, f"{count} lines and no 'Diff:' line in {readme}"


@pytest.mark.parametrize("number", range(1, 10))
def test_diff_is_a_patch(tree, tmp_path, number):
    """The diff, applied to the phase before, gives the phase; the counts are the patch's own."""
    edit(tree, 4, "obj-m", "# a comment\nobj-m", name="Kbuild")
    patch = run(tree, "tools/diff", str(number))[0]
    added = len(re.findall(r"^\+(?!\+\+ )", patch, re.M))
    deleted = len(re.findall(r"^-(?!-- )", patch, re.M))
    assert run(tree, "tools/diff", "--stat", str(number))[0] == f"+{added} -{deleted}\n"
    assert run(tree, "tools/diff", "--count", str(number))[0] == f"{added + deleted}\n"
    assert f"+++ b/{FOLDERS[number - 1]}/vnet.c" in patch
    if number == 1:
        assert "--- /dev/null" in patch
        return
    assert f"--- a/{FOLDERS[number - 2]}/vnet.c" in patch
    work = tmp_path / "work"
    shutil.copytree(tree / FOLDERS[number - 2], work)
    (tmp_path / "the.patch").write_text(patch)
    # Strip a/phases/NN-name/ and take both files from where they are.
    run(work, "git", "apply", "-p3", "../the.patch")
    for name in ("vnet.c", "Kbuild"):
        assert (work / name).read_text() == read(tree, number, name)


@pytest.mark.parametrize("words", [[], ["0"], ["10"], ["x"], ["2", "3"], ["--stats", "2"]])
def test_diff_usage(tree, words):
    """A wrong phase gets one sentence that names the right ones."""
    out, err = run(tree, "tools/diff", *words, status=2)
    assert out == "" and err.count("\n") == 1 and "1 to 9" in err


def test_diff_colour(tree):
    """Colour on a terminal, none in a pipe."""
    assert "\x1b[" not in run(tree, "tools/diff", "2")[0]
    primary, secondary = pty.openpty()
    subprocess.run(["tools/diff", "2"], cwd=tree, env={**ENVIRONMENT, "TERM": "xterm"},
                   stdout=secondary, check=True)
    os.close(secondary)
    assert b"\x1b[" in os.read(primary, 4096)
    os.close(primary)


# tools/propagate


def test_propagate_carries(tree):
    """A change goes into all later phases; the earlier ones and other work stay as they are."""
    edit(tree, 3, "int head;", "long head;")
    edit(tree, 3, "obj-m", "# why\nobj-m", name="Kbuild")
    edit(tree, 6, "int tail;", "int tail; /* not committed */")
    out, _ = run(tree, "tools/propagate", "3")
    assert out.count("merged") == 6
    for number in range(1, 10):
        later = number >= 3
        assert ("long head;" in read(tree, number)) == later
        assert ("# why" in read(tree, number, "Kbuild")) == later
        assert ("not committed" in read(tree, number)) == (number == 6)
        assert f"int step_{number};" in read(tree, number)
    # Once more changes nothing.
    before = git(tree, "diff")
    assert run(tree, "tools/propagate", "3")[0].count("as before") == 6
    assert git(tree, "diff") == before


def test_propagate_stops_and_goes_on(tree):
    """A conflict leaves markers in one phase only; resolved, the run goes on from there."""
    edit(tree, 6, "int tail;", "int tail; /* mine */")
    edit(tree, 5, "int tail;", "int tail; /* mine in 5 */")
    edit(tree, 3, "int five = 5;", "int five = 6;")
    edit(tree, 3, "int head;", "long head;")
    _, err = run(tree, "tools/propagate", "3", status=1)
    assert FOLDERS[4] in err and "--continue" in err
    assert "int five = 6;" in read(tree, 4) and "<<<<<<<" not in read(tree, 4)
    assert "<<<<<<<" in read(tree, 5) and "mine in 5" in read(tree, 5)
    for number in range(6, 10):
        assert "int head;" in read(tree, number), "later phases are untouched"

    # Neither a new run nor an unresolved one goes on.
    run(tree, "tools/propagate", "1", status=1)
    before = git(tree, "diff")
    _, err = run(tree, "tools/propagate", "--continue", status=1)
    assert "markers" in err and git(tree, "diff") == before

    text = re.sub(r"<<<<<<<.*?>>>>>>>[^\n]*\n", "int five = 60;\n", read(tree, 5), flags=re.S)
    (tree / FOLDERS[4] / "vnet.c").write_text(text)
    commit(tree)  # committing the resolution must not lose the thread
    run(tree, "tools/propagate", "--continue")
    for number in range(5, 10):
        assert "int five = 60;" in read(tree, number) and "long head;" in read(tree, number)
        # What phase 5 had of its own before the run is no part of the change.
        assert ("mine in 5" in read(tree, number)) == (number == 5)
    assert "/* mine */" in read(tree, 6)
    run(tree, "tools/propagate", "--continue", status=1)


def test_propagate_check(tree):
    """A dry run says what would happen and writes nothing."""
    edit(tree, 3, "int head;", "long head;")
    before = git(tree, "diff")
    assert run(tree, "tools/propagate", "--check", "3")[0].count("would be merged") == 6
    edit(tree, 3, "int five = 5;", "int five = 6;")
    out, err = run(tree, "tools/propagate", "--check", "3", status=1)
    assert "CONFLICT" in out and "would conflict" in err
    edit(tree, 3, "int five = 6;", "int five = 5;")
    assert git(tree, "diff") == before
    run(tree, "tools/propagate", "--continue", status=1)


def test_propagate_from_commit(tree):
    """With --from, committed changes are carried, too."""
    edit(tree, 7, "int head;", "long head;")
    commit(tree)
    out, _ = run(tree, "tools/propagate", "7")
    assert "no change" in out
    run(tree, "tools/propagate", "--from", "HEAD~", "7")
    assert [n for n in range(1, 10) if "long head;" in read(tree, n)] == [7, 8, 9]
    _, err = run(tree, "tools/propagate", "--from", "nowhere", "7", status=1)
    assert "nowhere" in err and err.count("\n") == 1


def test_propagate_quit(tree):
    """--quit forgets the run and touches no file."""
    edit(tree, 3, "int five = 5;", "int five = 6;")
    run(tree, "tools/propagate", "3", status=1)
    before = git(tree, "diff")
    run(tree, "tools/propagate", "--quit")
    assert git(tree, "diff") == before
    run(tree, "tools/propagate", "--continue", status=1)


@pytest.mark.parametrize("words", [[], ["0"], ["9"], ["x"], ["1", "2"], ["--from", "2"], ["--all"],
                                   ["--continue", "2"]])
def test_propagate_usage(tree, words):
    """Bad input gets one sentence and touches nothing."""
    _, err = run(tree, "tools/propagate", *words, status=2)
    assert err.count("\n") == 1 and "1 to 8" in err
    assert git(tree, "status", "--porcelain") == ""


@real_phases
def test_propagate_real_phases(tree):
    """A changed first line of the real phase 1 reaches the other eight, and only that line."""
    for folder in FOLDERS:
        for name in ("vnet.c", "Kbuild"):
            shutil.copy(TREE / folder / name, tree / folder)
    commit(tree)
    path = tree / FOLDERS[0] / "vnet.c"
    first, rest = path.read_text().split("\n", 1)
    path.write_text(f"{first} /* carried */\n{rest}")
    run(tree, "tools/propagate", "1")
    assert git(tree, "diff", "--shortstat") == \
        " 9 files changed, 9 insertions(+), 9 deletions(-)"


# tools/tags


def hashes(tree):
    """All the refs that tools/tags makes."""
    return git(tree, "for-each-ref", "--format=%(refname) %(objectname)", "refs/tags",
               "refs/heads/milestone")


def test_tags_same_everywhere(tree, tmp_path):
    """Twice, in another clone, as another person in another time zone: the same hashes."""
    out, _ = run(tree, "tools/tags")
    assert len(out.splitlines()) == 9 and "Phase 3: tx-ring" in out
    first = hashes(tree)
    assert len(first.splitlines()) == 18
    assert run(tree, "tools/tags")[0] == out
    assert hashes(tree) == first

    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-tags", str(tree), str(clone))
    config = tmp_path / "gitconfig"
    config.write_text("[i18n]\n\tcommitEncoding = latin1\n[user]\n\tname = X\n"
                      "[tag]\n\tgpgSign = true\n[commit]\n\tgpgSign = true\n")
    run(clone, "tools/tags", GIT_CONFIG_GLOBAL=str(config), TZ="Asia/Tokyo",
        GIT_AUTHOR_DATE="2001-01-01T00:00:00Z", GIT_COMMITTER_NAME="Another")
    assert hashes(clone) == first


def test_tags_are_a_story(tree):
    """Nine commits in a row, each a driver at top level, told by its README."""
    run(tree, "tools/tags")
    assert git(tree, "log", "--format=%s", "--reverse", "phase-09").splitlines() == \
        [f"Phase {n}: {name}" for n, name in enumerate(NAMES, 1)]
    assert git(tree, "ls-tree", "--name-only", "phase-04").split() == \
        ["Kbuild", "LICENSE", "README.md", "vnet.c"]
    for number in range(1, 10):
        assert git(tree, "show", f"phase-{number:02}:vnet.c") + "\n" == source(number)
    assert git(tree, "log", "-1", "--format=%b", "phase-02") == \
        "The idea is number 2,\non two lines."
    assert git(tree, "log", "-1", "--format=%an|%ae|%cn|%ce", "phase-05") == \
        "vnet maintainers|maintainers@vnet.invalid|vnet maintainers|maintainers@vnet.invalid"
    assert git(tree, "rev-parse", "milestone/phase-09") == git(tree, "rev-parse", "phase-09")
    assert "ambiguous" not in run(tree, "git", "log", "-p", "phase-09")[1]


def test_tags_follow_head(tree):
    """They show what is committed, say so, and move with it."""
    run(tree, "tools/tags")
    first = hashes(tree)
    edit(tree, 4, "int head;", "long head;")
    _, err = run(tree, "tools/tags")
    assert "uncommitted" in err and hashes(tree) == first
    commit(tree)
    run(tree, "tools/tags")
    moved = set(first.splitlines()) ^ set(hashes(tree).splitlines())
    assert {re.search(r"phase-\d\d", line).group(0) for line in moved} == \
        {f"phase-{n:02}" for n in range(4, 10)}


@pytest.mark.parametrize("command", [
    ["tag", "phase-05"],
    ["tag", "-a", "-m", "mine", "phase-05"],
    ["branch", "milestone/phase-05"],
    ["branch", "phase-05"],
    ["branch", "milestone"],
])
def test_tags_refuse_foreign(tree, command):
    """What somebody else has named so is not overwritten, and nothing is half made."""
    git(tree, *command)
    before = git(tree, "for-each-ref")
    _, err = run(tree, "tools/tags", status=1)
    assert "milestone" in err or "phase-05" in err
    assert git(tree, "for-each-ref") == before


def test_tags_spare_work_on_a_milestone(tree):
    """A milestone branch with a commit of one's own on top, or checked out, is not moved."""
    run(tree, "tools/tags")
    edit(tree, 1, "int head;", "long head;")
    commit(tree)
    git(tree, "worktree", "add", "-q", "../other", "milestone/phase-03")
    _, err = run(tree, "tools/tags", status=1)
    assert "milestone/phase-03" in err
    (tree / "../other/vnet.c").write_text("mine\n")
    commit(tree / "../other")
    git(tree, "worktree", "remove", "../other")
    before = hashes(tree)
    _, err = run(tree, "tools/tags", status=1)
    assert "milestone/phase-03" in err and hashes(tree) == before


def test_tags_usage(tree):
    """No argument is taken, and a tree without a phase gets one sentence."""
    assert run(tree, "tools/tags", "3", status=2)[1].count("\n") == 1
    shutil.rmtree(tree / FOLDERS[6])
    commit(tree)
    _, err = run(tree, "tools/tags", status=1)
    assert "phase 7" in err and git(tree, "tag") == ""
