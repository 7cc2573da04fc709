"""What README.md tells people to type works as written, and prints what README.md shows."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
README = (TREE / "README.md").read_text()


def run(command, cwd=TREE):
    """Runs a shell command as a user would, outside of any make; returns (exit status, output)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(command, shell=True, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def shape(text):
    """Returns a text without its figures and the rounding of its columns: what is left must be the same each time."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "#", text)).strip()


COMMANDS = re.findall(r"^\$ (.*)$", README, re.M)


def test_output_is_as_shown():
    """The blocks that tools/readme fills in, figures aside."""
    blocks = re.findall(r"<!-- output: (?!cost|bench)(.*?) -->\n```console\n\$ .*?\n(.*?)```\n<!-- end -->", README, re.S)
    assert blocks
    for command, shown in blocks:
        status, text = run(command + " 2>/dev/null")
        assert status == 0, text
        assert shape(text) == shape(shown)
    for name in ("report.txt", "frames.pcap", "delay.svg"):
        assert (TREE / "build/demo" / name).stat().st_size > 0


@pytest.mark.parametrize("command", [c for c in COMMANDS if re.match(r"make .*(PHASE|LAB)=", c)])
def test_phase_commands(command):
    """Those for one phase."""
    status, text = run(command)
    assert status == 0, text


def test_everything_else_is_known():
    """No command in README that nothing tests: besides the above, `make test` itself and one's own machine."""
    rest = [c for c in COMMANDS if not re.match(r"make .*(PHASE|LAB)=|make -s demo$|make test$", c)]
    # The demonstration shows the impaired link, too.
    assert rest == [IMPAIRED[0], *OWN_MACHINE]


def test_pictures():
    """Each is there; the one of delays is what the last `make bench` for README has drawn, with all three lines."""
    shown = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README)
    assert [path for _, path in shown] == ["docs/delays.svg"]
    root = ET.parse(TREE / "docs/delays.svg").getroot()
    text = "".join(root.itertext())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert all(line in text for line in ("asked for", "vnet", "veth + netem", "milliseconds"))


IMPAIRED = re.findall(r"^# (ip .*)$", README, re.M)


def test_impaired_link():
    """The commands for a link that misbehaves, in the VM; the last one shows what is left of it, as JSON."""
    script = "\n".join(["set -e", "insmod build/vnet/6.12/vnet.ko", "ip netns add B", *IMPAIRED])
    for tool in ("tools/build vnet 6.12", "tools/plugin"):
        assert run(tool)[0] == 0
    status, text = run(f"tools/vm --out build/readme -- bash -c '{script}'")
    assert status == 0 and len(IMPAIRED) == 4, text
    assert '"impair":{"seed":' in text and '"delay"' not in text


OWN_MACHINE = [c for c in re.search(r"## On a machine of your own.*?```console\n(.*?)```", README, re.S).group(1)
               .replace("$ ", "", 1).split("\n$ ") if c]
OWN_MACHINE = [c.strip() for c in OWN_MACHINE]


def test_own_machine(tmp_path):
    """The commands for a machine of one's own: built here, the rest run in the VM, where sudo is not needed."""
    _, kernel = run("tools/kernel 6.12")
    shutil.copytree(TREE / "vnet", tmp_path / "vnet")
    build, clean = (OWN_MACHINE[n].replace("/lib/modules/$(uname -r)", kernel.split()[-1]) for n in (0, -1))
    status, text = run(build, cwd=tmp_path)
    assert status == 0 and "warning: unused" not in text, text
    assert OWN_MACHINE[1] == "tools/plugin"
    assert run(OWN_MACHINE[1])[0] == 0
    shutil.copytree(TREE / "build/ip-link", tmp_path / "build/ip-link")
    script = "\n".join(["set -e", f"cd {tmp_path}", *(c.replace("sudo ", "") for c in OWN_MACHINE[2:-1])])
    status, text = run(f"tools/vm --out build/readme -- bash -c '{script}'")
    assert status == 0 and " 0 received" not in text, text
    assert run(clean, cwd=tmp_path)[0] == 0
    assert sorted(path.name for path in (tmp_path / "vnet").iterdir()) == sorted(path.name for path in (TREE / "vnet").iterdir())
