"""The worksheets say what happens: every command in labs/*/worksheet.md is run, every output compared.

In a ```console block a line that begins with `$ ` is a command (with `> ` before its further lines, as a shell
would ask for them), and what follows up to the next one is its output:
`...` stands for any text, also for none, and one run of white space is as good as another. A command must end
with status 0; one that is meant to fail says so itself, in the worksheet: `… || echo refused`.
"""

import os
import re
import secrets
import select
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from nic import TREE, run

pytestmark = pytest.mark.once
PATIENCE = 60  # seconds for one command, which on a busy machine may be a slow one


def commands(text):
    """Returns the (line number, command, expected output) of every command in a worksheet."""
    found, inside = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            found.append([number, line[2:], ""])
        elif inside and line.startswith("> ") and found and not found[-1][2]:
            found[-1][1] += "\n" + line[2:]
        elif inside:
            assert found, f"line {number}: output of what?"
            found[-1][2] += line + "\n"
    return found


class Shell:
    """One bash for a whole worksheet: variables, the folder and background jobs stay."""

    def __init__(self):
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=TREE, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, command):
        """Runs a command; returns its exit status and its output. None instead of the status: no end in sight."""
        mark = secrets.token_hex(8)
        line = f"eval {shlex.quote(command)} </dev/null\nprintf '\\n{mark} %d\\n' $?\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        output, end = b"", time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 1)[0]:
                piece = os.read(self.process.stdout.fileno(), 65536)
                output += piece
                done = re.search(rf"\n{mark} (\d+)\n".encode(), output)
                if done:
                    return int(done[1]), (output[:done.start()] + output[done.end():]).decode(errors="replace")
                if not piece:
                    break  # the command was `exit`, or worse
        return None, output.decode(errors="replace")

    def end(self):
        """Ends it, and what it has left in the background."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def same(want, got):
    """Compares word by word. `...` as a word stands for any words, also for none; in a word, for any text."""
    words = (("(?:.* )?" if word == "..." else ".*".join(map(re.escape, word.split("..."))) + " ")
             for word in want.split())
    return bool(re.fullmatch(" " + "".join(words), " ".join(["", *got.split(), ""]) or " "))


def follow(text, shell):
    """Does what a worksheet says; returns None, or what the first command did that it does not say."""
    for number, command, want in commands(text):
        status, got = shell.run(command)
        if status == 0 and same(want, got):
            continue
        why = {None: f"no end in {PATIENCE} s, or no shell left", 0: "another output"}.get(status, f"exit {status}")
        return f"line {number}: {why}\n$ {command}\nexpected:\n{want}got:\n{got}"
    return None


@pytest.fixture
def shell(kernel_log):
    """A shell; whatever happens in it, the driver is unloaded at the end."""
    shell = Shell()
    yield shell
    shell.end()
    if Path("/sys/module/vnet").exists():
        run("rmmod", "vnet")


WORKSHEETS = sorted(str(path.relative_to(TREE)) for path in TREE.glob("labs/*/worksheet.md"))


@pytest.mark.parametrize("worksheet", WORKSHEETS)
def test_worksheet(worksheet, shell):
    """Every command does what the worksheet says."""
    text = (TREE / worksheet).read_text()
    assert commands(text), "no commands"
    wrong = follow(text, shell)
    if wrong:
        pytest.fail(f"{worksheet}, {wrong}", pytrace=False)


def test_every_phase_has_a_worksheet():
    """Under the same name."""
    phases = {path.name for path in TREE.glob("phases/*")}
    assert phases <= {path.parent.name for path in TREE.glob("labs/*/worksheet.md")}


GOOD = """# Lab
```console
$ word=frame
$ cd /proc && pwd
/proc
$ echo "one $word   here"; false || echo refused
one frame here
...
refused
...
$ sleep 100 &
$ kill %1; wait
...
```
```sh
$ not run
```
"""


@pytest.mark.parametrize("change, complaint", [
    (("", ""), None),
    (("one frame here", "two frames here"), "line 6: another output\n$ echo"),
    (("pwd\n/proc\n", "pwd\n"), "line 4: another output"),
    (("$ word=frame", "$ word=frame; false"), "line 3: exit 1"),
    (("$ word=frame", "$ word='frame"), "line 3: exit"),
    (("$ word=frame", "$ exit 0"), "line 3: no end"),
])
def test_the_checker_can_fail(change, complaint, shell):
    """A wrong output, a missing one, a failing command: each is seen, at its line."""
    text = GOOD.replace(*change, 1)
    assert text != GOOD or complaint is None
    wrong = follow(text, shell)
    assert wrong is None if complaint is None else wrong.startswith(complaint), wrong
