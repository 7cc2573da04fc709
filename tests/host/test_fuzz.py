"""The fuzzers, tests/fuzz: each over its corpus and some new inputs. tools/fuzz builds and runs them.

What is new is so each time; when one fails, its log names the seed and the input, which is kept.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
EVERYTHING = os.environ.get("VNET_ALL") == "1"
NAMES = ["ring", "pattern", "judge", "words", "frame"]
# New inputs for each, so that each takes about a second; with VNET_ALL=1 so many times as many.
RUNS = {"ring": 30000, "pattern": 40000, "judge": 10000, "words": 8000, "frame": 40000}
TIMES = 40 if EVERYTHING else 1


def fuzz(*arguments, tree=TREE):
    """Runs tools/fuzz of a tree; returns its exit status, what it said, and the results of the fuzzers by name."""
    results = tree / "build/fuzz/results.json"
    results.unlink(missing_ok=True)
    done = subprocess.run([tree / "tools/fuzz", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    found = json.loads(results.read_text())["fuzzers"] if results.exists() else []
    return done.returncode, done.stdout, {result["name"]: result for result in found}


def test_every_fuzzer_is_run():
    """Those that there are, in tests/fuzz, are those that tools/fuzz knows and that are run here."""
    assert fuzz("--list")[:2] == (0, "\n".join(NAMES) + "\n")
    assert sorted(path.stem for path in (TREE / "tests/fuzz").glob("*.c")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found(name):
    """No word from a sanitizer, and all is so that must be; what is kept reaches nearly all that was ever reached."""
    status, text, results = fuzz("--runs", RUNS[name] * TIMES, name)
    assert status == 0, text
    assert results[name]["runs"] > RUNS[name] * TIMES and results[name]["corpus"] > 10
    assert re.match(rf"seed \d+\n{name}: \d+ runs, .*, ok\n$", text), text
    # For tools/trust; what other tests of this file make overwrites tools/fuzz's own.
    path = TREE / "build/test/fuzzers.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    driver = subprocess.run([TREE / "tools/driver"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    path.write_text(json.dumps({**known, name: {**results[name], "driver": driver}}, indent=1) + "\n")


def test_a_seed_repeats():
    """The same seed, the same inputs: as many new ones, which reach as much."""
    def outcome():
        _, _, results = fuzz("--runs", 3000, "--seed", 7, "pattern")
        return [results["pattern"][key] for key in ("runs", "new", "edges", "features")]
    assert outcome() == outcome()


# Something that is wrong in the code, for each fuzzer.
FAULTS = {
    "ring": ("vnet/ring.h", "> ring->mask &&", "> ring->mask + 1 &&"),
    "pattern": ("vnet/pattern.c", "range->first <= last ||", "range->first < last ||"),
    "judge": ("vnet/settle.c", "impair->loss_good = 0;", ""),
    "words": ("tools/ip-link/words.c", 'vnet_write(value, 1000, "us"', 'vnet_write(value, 1000, "ms"'),
    "frame": ("vnet/damage.c", "min(skb->len, at + tcp->doff * 4)", "at + tcp->doff * 4"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found(name, tmp_path):
    """The test above can fail: a fault in the code is found, and the input that finds it finds it again."""
    for folder in ("tools/include", "tools/ip-link", "tests/fuzz", "vnet"):
        shutil.copytree(TREE / folder, tmp_path / folder)
    shutil.copy(TREE / "tools/fuzz", tmp_path / "tools")
    source, right, wrong = FAULTS[name]
    text = (tmp_path / source).read_text()
    assert text.count(right) == 1
    (tmp_path / source).write_text(text.replace(right, wrong))
    status, text, results = fuzz("--runs", RUNS[name], name, tree=tmp_path)
    assert status == 1 and name in results, text
    failed = results[name]["failed"]
    assert "FAILED" in text and failed["why"] in text and failed["again"] in text
    assert (tmp_path / failed["input"]).exists() and failed["input"].startswith(f"build/fuzz/crashes/{name}-")
    again = subprocess.run(failed["again"].split(), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert again.returncode and failed["why"].split(":")[-1] in again.stderr


def test_corpus_is_small():
    """A few hundred small files, of which none is there for nothing."""
    for name in NAMES:
        assert len(list((TREE / "tests/fuzz/corpus" / name).iterdir())) <= 200
    assert sum(path.stat().st_size for path in (TREE / "tests/fuzz/corpus").rglob("*") if path.is_file()) < 150000


def test_words_are_known():
    """libFuzzer is told of each word that ip's plugin knows."""
    table = re.search(r"vnet_word_table\[\] = \{(.*?)\n\};", (TREE / "tools/ip-link/words.c").read_text(), re.S)[1]
    known = (TREE / "tests/fuzz/words.dict").read_text()
    assert [word for word in re.findall(r'\{ "([^"]+)",', table) if f'" {word}"' not in known] == []


@pytest.mark.parametrize("arguments, names", [(["rings"], "ring pattern"), (["ring", "x"], "ring pattern")])
def test_unknown_fuzzer(arguments, names):
    """One line that names the right ones."""
    status, text, _ = fuzz(*arguments)
    assert status == 2 and len(text.splitlines()) == 1 and names in text
