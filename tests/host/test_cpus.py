"""On a machine with more CPUs than the other tests have: which CPU sends a frame, and when, decides nothing."""

import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]


def test_four_cpus_and_one_get_the_same_verdicts(tmp_path):
    """Frame by frame what vnet-dryrun has foretold, from four CPUs through four queues, and from one."""
    for command in (["tools/build", "vnet", "6.12"], ["tools/plugin"], ["tools/vnet-dryrun", "--build"]):
        subprocess.run(command, cwd=TREE, check=True)
    done = subprocess.run(["tools/vm", "--smp", "4", "--timeout", "300", "--out", tmp_path / "out", "--", "/usr/bin/python3",
                           "-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/vm/test_vnet_dryrun.py",
                           "-k", "as_many_queues_as_cpus"], cwd=TREE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout
    assert (tmp_path / "out/cpus").read_text() == "4\n"
