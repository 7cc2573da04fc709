"""tools/vnet-dryrun: what it prints, what it refuses. That the kernel agrees, tests/vm/test_vnet_dryrun.py proves."""

import json
import os
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
LOSS = [11, 13, 18, 21, 41, 45, 56, 98]
DELAYS = [18809549, 21347929, 20417356, 20045961, 17975561]


def run(*words, **options):
    """Runs it; returns its result."""
    return subprocess.run([TREE / "tools/vnet-dryrun", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, **{"stdin": None if "input" in options else subprocess.DEVNULL, **options})


@pytest.fixture(scope="module", autouse=True)
def built():
    """Built once, so that no test finds a word about that."""
    assert run("--build").returncode == 0


def verdicts(line, *options, **more):
    """Returns (number, marks, delay) of each frame."""
    done = run(*options, *line.split(), **more)
    assert (done.returncode, done.stderr) == (0, "")
    return [(int(number), set(marks.split("|")) - {"-"}, int(delay)) for number, marks, delay in
            (row.split() for row in done.stdout.splitlines() if not row.startswith("#"))]


def marked(line, mark, *options):
    """Returns the numbers of the frames that have a mark."""
    return [number for number, marks, _ in verdicts(line, *options) if mark in marks]


def test_builds_without_a_warning(tmp_path):
    """By the tool, when there is something to do, and by both compilers."""
    os.utime(TREE / "build/vnet-dryrun", (0, 0))  # not unlinked: guests use it meanwhile
    assert run("--build").stderr == "building build/vnet-dryrun\n"
    done = run("--build")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    sources = [*(TREE / "tools/dryrun").glob("*.c"), TREE / "tools/ip-link/words.c",
               *(TREE / "vnet" / f"{name}.c" for name in ("settings", "settle", "impair", "delay", "pattern"))]
    for compiler in filter(shutil.which, ("gcc", "clang")):
        folders = [f"-I{TREE / folder}" for folder in ("tools/include", "vnet", "tools/ip-link")]
        done = subprocess.run([compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Werror",
                               *folders, "-o", tmp_path / "dryrun", *sources, "-lm"], stderr=subprocess.PIPE, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_runs_from_anywhere(tmp_path):
    """What it builds is in the tree, and so is all that it needs."""
    assert len(verdicts("seed 7", cwd=tmp_path)) == 100


def test_help():
    """All options, and all words."""
    done = run("--help")
    assert run("-h").stdout == done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--peer", "--count", "--interval", "--times", "--summary", "--json", "half-life", "4state", "loss pattern"):
        assert word in done.stdout


def test_numbers_marks_and_delays():
    """A line a frame."""
    assert run("--count", 3, "loss", "pattern", "2", "duplicate", "100%", "delay", "5us", "seed", 1).stdout == (
        "1 duplicated 5000\n2 lost|duplicated 5000\n3 duplicated 5000\n")
    assert run("--count", 1, "seed", 1).stdout == "1 - 0\n"
    every = "loss 100% duplicate 100% corrupt 100% truncate 100% to 60 reorder 100% seed 3"
    assert verdicts(every, "--count", 1) == [(1, {"lost", "duplicated", "corrupted", "truncated", "reordered"}, 0)]
    assert 1 <= len(marked("delay 4ms jitter 1ms normal seed 3", "clamped", "--count", 200000)) <= 25


def test_exact_verdicts():
    """They stay what they are: whoever has noted a seed wants the same again."""
    assert marked("loss 5% seed 7", "lost") == marked("seed 7 loss 5%", "lost") == LOSS
    assert [delay for *_, delay in verdicts("delay 20ms jitter 2ms normal seed 7", "--count", 5)] == DELAYS


def test_each_decision_stands_alone():
    """What else is on changes nothing; another seed and the other direction change all."""
    alone = marked("loss 20% seed 7", "lost")
    assert alone == marked("loss 20% duplicate 30% corrupt 10% delay 5ms jitter 5ms reorder 3% seed 7", "lost")
    assert alone != marked("loss 20% seed 8", "lost")
    assert alone != marked("loss 20% seed 7", "lost", "--peer")


def test_peer():
    """By the words behind "peer", or by all of them if the peer is set by its own name."""
    line = "loss 10% seed 3 wire peer peer loss 20% seed 7 name vn1 netns B whatever"
    assert marked(line, "lost") == marked("loss 10% seed 3", "lost")
    assert marked(line, "lost", "--peer") == marked("loss 20% seed 7", "lost", "--peer") != marked("loss 20% seed 7", "lost")


def test_times(tmp_path):
    """Evenly, from a file or from standard input; the same times give the same delays."""
    line = "delay 20ms jitter 5ms half-life 10ms seed 7"
    evenly = verdicts(line, "--interval", "1ms", "--count", 50)
    text = "".join(f"{1000000 * number + 77}\n" for number in range(50))
    (tmp_path / "times").write_text(text)
    assert evenly == verdicts(line, "--times", tmp_path / "times") == verdicts(line, "--times", "-", input=text)
    assert evenly[:3] == verdicts(line, "--times", "-", "--count", 3, input=text)
    steps = [abs(b - a) for (*_, a), (*_, b) in zip(evenly, evenly[1:])]
    alone = [abs(b - a) for (*_, a), (*_, b) in zip(*[iter(verdicts("delay 20ms jitter 5ms seed 7"))] * 2)]
    assert statistics.mean(steps) < statistics.mean(alone) / 2
    still = verdicts(line, "--interval", "0")
    assert len({delay for *_, delay in still}) == 1


@pytest.mark.parametrize("line", ["loss 30% burst 2 delay 10ms jitter 10ms seed 5", "loss 100% seed 5", "seed 5"])
def test_summary(line):
    """What can be counted from the lines above it."""
    done = run("--summary", "--json", "--count", 1000, *line.split())
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    frames, summary = answer["frames"], answer["summary"]
    assert [(f["frame"], set(f["marks"]), f["delay"]) for f in frames] == verdicts(line, "--count", 1000)
    lost = ["lost" in frame["marks"] for frame in frames]
    bursts = sum(now and not before for now, before in zip(lost, [False, *lost]))
    delays = sorted(frame["delay"] for frame, gone in zip(frames, lost) if not gone) or [0]
    assert summary["frames"] == 1000 and summary["lost"] == sum(lost)
    assert abs(summary["burst"] - (sum(lost) / bursts if bursts else 0)) < 0.001
    assert abs(summary["mean"] - statistics.fmean(delays)) <= 1
    assert abs(summary["deviation"] - statistics.pstdev(delays)) <= 1
    assert (summary["p50"], summary["p99"]) == (delays[(len(delays) + 1) // 2 - 1], delays[(99 * len(delays) + 99) // 100 - 1])
    text = run("--summary", "--count", 1000, *line.split()).stdout
    assert f"# lost {sum(lost)}, {sum(lost) / 10:.7f} %\n" in text and "# delay: mean " in text
    assert len(re.findall("^# ", text, re.M)) == len(text.splitlines()) - 1000


@pytest.mark.parametrize("words, sentence", [
    ("", 'vnet-dryrun: give a seed, such as "seed 7"; without one the kernel takes any'),
    ("loss 1%", 'vnet-dryrun: give a seed, such as "seed 7"; without one the kernel takes any'),
    ("--peer loss 1% seed 7 peer loss 1%", 'vnet-dryrun: give a seed, such as "seed 7"; without one the kernel takes any'),
    ("delay 1ms jitter 2ms", "vnet-dryrun: The jitter must not be larger than the delay, or frames would come before "
                             "they are sent"),
    ("seed 7 los 1%", 'vnet-dryrun: unknown word "los"; --help shows all'),
    ("seed 7 name vn1", 'vnet-dryrun: unknown word "name"; --help shows all'),
    ("seed 7 peer los 1%", 'vnet-dryrun: unknown word "los"; --help shows all'),
    ("seed 7 peer peer", 'vnet-dryrun: unknown word "peer"; --help shows all'),
    ("seed 7 loss 1", 'vnet: "loss 1": give 0% to 100%, with at most seven decimals, or ge, 4state, pattern or none'),
    ("seed 7 delay 1ms jitter 2ms", "vnet-dryrun: The jitter must not be larger than the delay, or frames would come before "
                                    "they are sent"),
    ("seed 7 loss pattern 3,2", "vnet-dryrun: The frames of a pattern must ascend"),
    ("seed 7 delay 5ms jitter 1ms half-life 1s", "vnet-dryrun: with a half-life it matters when frames come: give --interval "
                                                 "or --times"),
    ("--count 0 seed 7", "vnet-dryrun: --count 0: give at least 1"),
    ("--count x seed 7", "vnet-dryrun: --count x: give a whole number below 2^64"),
    ("--interval 5min seed 7", "vnet-dryrun: --interval 5min: give a time in ns, us, ms or s, such as 20ms"),
    ("--times /nonexistent seed 7", "vnet-dryrun: --times /nonexistent: No such file or directory"),
    ("--times - --interval 1ms seed 7", "vnet-dryrun: give --interval or --times, not both"),
    ("--frames 7", "vnet-dryrun: --frames: it is unknown or lacks a value; --help shows all"),
    ("seed 7 --summary", 'vnet-dryrun: "--summary": options come before the words'),
    ("--count", "vnet-dryrun: --count: it is unknown or lacks a value; --help shows all"),
])
def test_one_sentence(words, sentence):
    """And nothing is printed."""
    done = run(*words.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence + "\n")


def test_bad_time():
    """It says which line."""
    done = run("--times", "-", "seed", 7, input="5\nx\n")
    assert (done.returncode, done.stderr) == (2, "vnet-dryrun: --times -, line 2: give a time in ns\n")


def test_a_full_disk_is_seen():
    """What could not be written was not said."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([TREE / "build/vnet-dryrun", "seed", "7"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "vnet-dryrun: cannot write: No space left on device\n")


def test_words_for_those_of_netem():
    """What docs/impairments.md offers in the place of netem's words is understood."""
    rows = re.findall(r"^\| `[^`]*` \| `([^`]*)` \|", (TREE / "docs/impairments.md").read_text(), re.M)
    assert len(rows) > 10
    for words in rows:
        done = run("--interval", "1ms", *f"seed 7 {words}".replace("seed 7 seed 7", "seed 7").split())
        assert (done.returncode, done.stderr) == (0, ""), words
