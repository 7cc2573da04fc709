"""The unit tests in C, tests/unit: each is a case of its own here. tools/unit builds and runs them."""

import re
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
CASES = [(path.stem.removeprefix("test_"), name) for path in sorted((TREE / "tests/unit").glob("test_*.c"))
         for name in re.findall(r"cmocka_unit_test\((\w+)\)", path.read_text())]


@lru_cache(maxsize=None)
def unit(program):
    """Runs a program, once; returns its exit status and all that it said."""
    done = subprocess.run([TREE / "tools/unit", program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.returncode, done.stdout


@pytest.mark.parametrize("program, case", CASES)
def test_case(program, case):
    """cmocka says that it is good."""
    _, text = unit(program)
    assert re.search(rf"^\[ +OK \] {case}$", text, re.M), text


@pytest.mark.parametrize("program", sorted({program for program, _ in CASES}))
def test_program(program):
    """It ends well, with no word from a sanitizer, and has run all of its tests."""
    status, text = unit(program)
    assert status == 0, text
    count = sum(name == program for name, _ in CASES)
    assert f"{count} test(s) run." in text and not re.search(r"Sanitizer|runtime error", text), text


def test_two_threads():
    """The ring between a producer and a consumer: nothing that nothing orders."""
    status, text = unit("threads")
    assert (status, len(text.splitlines())) == (0, 1), text
    frames, rings = map(int, re.fullmatch(r"(\d+) frames through each of (\d+) rings\n", text).groups())
    assert frames * rings >= 4000000


@pytest.mark.parametrize("index", ["head", "tail"])
def test_a_missing_barrier_is_seen(index):
    """The test above can fail: without the barriers at one index, on this machine where they cost nothing."""
    status, text = unit(f"threads-no-{index}")
    assert status == 1 and "WARNING: ThreadSanitizer: data race" in text, text


def test_unknown_program():
    """One line that names the right ones."""
    status, text = unit("rings")
    assert status == 2 and len(text.splitlines()) == 1 and "ring threads" in text
