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


def judged(text):
    """Returns the lines of `properties`, each as (settings, property, asked, realized, bound, bad)."""
    form = r"(.*?): (\w[\w ]*) asked (\S+) realized (\S+) bound (\S+?)( BAD)?"
    found = [re.fullmatch(form, line).groups() for line in text.splitlines()]
    return [(*names, *map(float, numbers), bad is not None) for *names, a, b, c, bad in found for numbers in [(a, b, c)]]


def test_chance_is_as_it_was_asked_for():
    """Loss, bursts, duplicates, damage, delays and their course, over ten million verdicts a case."""
    status, text = unit("properties")
    assert status == 0, text
    lines = judged(text)
    assert len(lines) > 60 and not any(bad for *_, bad in lines)
    assert all(abs(realized - asked) <= bound for _, _, asked, realized, bound, _ in lines)
    # What netem does not lose: that share of frames, in bursts, is lost here to within a few hundredths of itself.
    for line, share in (("loss 1% burst 1.333", 0.01), ("loss 0.3%", 0.003), ("loss 10% burst 2", 0.1)):
        (asked, realized, bound), = [numbers[:3] for settings, name, *numbers in lines if (settings, name) == (line, "loss")]
        assert asked == share and bound < share / 40 and realized > 0.97 * share


def test_a_wrong_chance_is_seen():
    """The test above can fail: one part in twenty more would have been seen nearly everywhere."""
    unit("properties")
    done = subprocess.run([TREE / "build/unit/properties", "1000000", "wrong"], stdout=subprocess.PIPE, text=True)
    lines = judged(done.stdout)
    assert done.returncode == 1 and sum(bad for *_, bad in lines) > 0.7 * len(lines), done.stdout


def test_tables_of_quantiles():
    """They are what their tool prints."""
    done = subprocess.run([TREE / "tools/quantiles"], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == (TREE / "vnet/quantile.h").read_text()


def test_unknown_program():
    """One line that names the right ones."""
    status, text = unit("rings")
    assert status == 2 and len(text.splitlines()) == 1 and "ring threads" in text
