"""The command line: what README promises exists, and what is wrong gets one sentence."""

import os
import re
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]


def make(*arguments, cwd=TREE):
    """Runs make and returns (exit status, stdout, stderr)."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", *arguments], cwd=cwd, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr


def test_make_lists_the_targets():
    """`make` alone helps, and every target that it names exists."""
    status, text, _ = make()
    assert status == 0
    named = set(re.findall(r"^  make ([\w-]+)", text, re.M)) - {"PHASE"}
    declared = set(re.search(r"^\.PHONY: (.*)$", (TREE / "Makefile").read_text(), re.M).group(1).split())
    assert named and named == declared - {"default", "help", "build"}


@pytest.mark.parametrize("arguments, allowed", [
    (["PHASE=0"], "1 to 9"), (["PHASE=10"], "1 to 9"), (["PHASE=napi"], "1 to 9"), (["PHASE=5 6"], "1 to 9"),
    (["run", "PHASE=-1"], "1 to 9"), (["shell", "PHASE=99"], "1 to 9"), (["diff", "PHASE=x"], "1 to 9"),
    (["selftest", "PHASE=3"], "8 or 9"), (["lab", "LAB=10"], "1 to 9"), (["check", "LAB="], "make check LAB=4"), (["diff"], "make diff PHASE=4"),
    (["KERNEL=5.4"], "6.1 6.12 7.2"), (["test", "KERNEL=6"], "6.1 6.12 7.2"), (["run", "KERNEL="], "6.1 6.12 7.2"),
    (["tags", "PHASE=4"], "build run shell selftest diff"), (["PHASE=4", "ARGS=5"], "run shell bench profile"),
    (["LAB=4"], "lab check"), (["test", "MINUTES=5"], "soak"), (["docs", "KERNEL=6.1"], "demo test"), (["bench", "T=napi"], "test-all"),
    (["PHASE=3", "VNET_TX_RING_SIZE=100"], "a power of two from 4 to 4096"),
    (["PHASE=4", "VNET_RX_RING_SIZE=8192"], "a power of two from 4 to 4096"),
])
def test_nonsense_gets_one_sentence(arguments, allowed):
    """It names the allowed values, the exit status is not 0, and nothing is built."""
    before = sorted(TREE.glob("build/phases/*/*/*.ko"))
    status, _, said = make(*arguments)
    assert status != 0
    lines = [line for line in said.splitlines() if not re.match(r"make.*Error \d+$", line)]
    assert len(lines) == 1 and allowed in lines[0]
    assert before == sorted(TREE.glob("build/phases/*/*/*.ko"))


def test_ring_size_is_checked_by_the_compiler_too():
    """For those who build without make here: the source itself says what is allowed."""
    for phase in TREE.glob("phases/0[4-9]*/vnet.c"):
        assert len(re.findall(r'"VNET_[TR]X_RING_SIZE must be a power of two from 4 to 4096"', phase.read_text())) == 2
