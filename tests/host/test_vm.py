"""tools/vm and its helpers, seen from the host: what they promise holds, above all when something goes wrong.

A boot takes about 5 s, so each is used for as much as fits.
"""

import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
KERNEL = os.environ.get("VNET_KERNEL", "6.12")

# A driver with a mistake: a NULL pointer is followed. noipa and the minus sign keep the compiler
# from merging the two functions or jumping from one to the other, so that both are on the way to
# the crash.
TOY = """
#include <linux/module.h>
struct toy { long pad; int value; };
static __attribute__((noipa)) int toy_value(struct toy *toy)
{
	return toy->value;		/* the mistake */
}
static int __init toy_init(void)
{
	return -toy_value(NULL);
}
module_init(toy_init);
MODULE_LICENSE("GPL");
"""


def run(*command, **more):
    """Runs a command in the tree; returns its result with the output as text unless told otherwise."""
    more.setdefault("text", True)
    return subprocess.run([str(word) for word in command], cwd=TREE, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180, **more)


def vm(out, *arguments, **more):
    """Runs tools/vm with a folder of its own."""
    return run("tools/vm", "--kernel", KERNEL, "--out", out, "--timeout", "170", *arguments, **more)


def bash(script):
    """Returns the arguments that have the guest run a script."""
    return "--", "bash", "-c", script


@pytest.fixture(scope="module")
def kernel():
    """The folder of the kernel in the cache."""
    return Path(run("tools/kernel", KERNEL, ).stdout.strip())


@pytest.fixture
def stubs(tmp_path):
    """Returns a function that puts programs in front of the real ones; gives the environment for it."""
    folder = tmp_path / "stubs"
    folder.mkdir()

    def make(**programs):
        for name, script in programs.items():
            path = folder / name.replace("_", "-")
            path.write_text("#!/bin/sh\n" + script + "\n")
            path.chmod(0o755)
        return dict(os.environ, PATH=f"{folder}:/usr/sbin:/usr/bin:/sbin:/bin")
    return make


def test_status_output_and_files(tmp_path):
    """The status passes through, the output is exact to the byte, and the host's files are safe."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    script = f"""
        echo gone >{victim}; rm -f {TREE}/tools/vm; touch {tmp_path}/new   # all of it only in the guest's memory
        cat {victim} >$VNET_OUT/seen
        env >$VNET_OUT/env; pwd >$VNET_OUT/pwd; uname -r >$VNET_OUT/release
        touch $VNET_OUT/log-judged; echo 'WARNING: judged by the guest' >/dev/kmsg
        modprobe pktgen && modprobe veth && modprobe sch_netem && echo fine >$VNET_OUT/modules
        head -c 500000 /dev/urandom >$VNET_OUT/sent; printf '\\r\\n\\0\\n\\r' >>$VNET_OUT/sent
        cat $VNET_OUT/sent; echo end >/dev/stderr
        exit 7"""
    out = tmp_path / "out"
    result = vm(out, *bash(script), text=False, env=dict(os.environ, SECRET="secret"))
    assert result.returncode == 7, result.stderr
    assert result.stdout == (out / "sent").read_bytes() + b"end\n"
    assert b"not clean" not in result.stderr
    assert (out / "seen").read_text() == "gone\n"
    assert victim.read_text() == "untouched"
    assert (TREE / "tools/vm").exists()
    assert not (tmp_path / "new").exists()
    assert (out / "pwd").read_text().strip() == str(TREE)
    assert (out / "modules").exists()
    environment = (out / "env").read_text()
    assert "VNET_GUEST=1" in environment and f"VNET_KERNEL={KERNEL}" in environment
    assert "SECRET" not in environment


def test_panic_is_a_failure(tmp_path):
    """QEMU exits with 0 after a panic; we do not."""
    result = vm(tmp_path / "out", *bash("echo before; echo c >/proc/sysrq-trigger; echo after"))
    assert result.returncode == 125
    assert result.stdout == "before\n"
    assert "the guest died" in result.stderr
    assert "somebody asked for this crash" in result.stderr


def test_timeout(tmp_path):
    """A command that does not end is ended."""
    result = vm(tmp_path / "out", "--timeout", "2", "--", "sleep", "1000")
    assert result.returncode == 124
    assert "no end after 2 s" in result.stderr


def test_warning_in_the_log_is_a_failure(tmp_path):
    """A command that says 0 has failed nevertheless if the kernel has warned; what is allowed does not count."""
    result = vm(tmp_path / "out", "--allow", "harmless", *bash(
        "echo 'BUG: harmless' >/dev/kmsg; echo 'WARNING: CPU: 0 PID: 1 at vnet.c:5' >/dev/kmsg"))
    assert result.returncode == 126
    assert "WARNING: CPU: 0 PID: 1 at vnet.c:5" in result.stderr
    assert "harmless" not in result.stderr


def test_oops_is_resolved_to_the_line(tmp_path, kernel):
    """A crash in a driver is explained in words, with file and line."""
    (tmp_path / "Kbuild").write_text("obj-m := vnet.o\n")
    (tmp_path / "vnet.c").write_text(TOY)
    built = run("make", "-C", kernel / "build", f"M={tmp_path}", "modules")
    assert built.returncode == 0, built.stderr
    module = tmp_path / "vnet.ko"
    out = tmp_path / "out"
    result = vm(out, *bash(f"echo {module} >$VNET_OUT/loaded; insmod {module}"))
    assert result.returncode == 125
    line = next(number for number, text in enumerate(TOY.splitlines(), 1) if "the mistake" in text)
    assert "NULL pointer dereference: reading at address 0x8" in result.stderr
    assert f"{tmp_path}/vnet.c:{line} in toy_value" in result.stderr
    assert re.search(rf"> +{line} .*the mistake", result.stderr)
    assert re.search(r"toy_value .*\n +toy_init ", result.stderr)


@pytest.mark.parametrize("line", [
    "WARNING: CPU: 0 PID: 162 at net/core/dev.c:4 toy+0x11/0x20 [vnet]",  # up to 6.12
    "WARNING: net/core/dev.c:4 at toy+0x11/0x20 [vnet], CPU#1: insmod/136",  # 7.2
])
def test_warning_is_explained(line, tmp_path):
    """Kernels say the same in different ways."""
    log = tmp_path / "console.log"
    log.write_text(f"[    4.909687] ------------[ cut here ]------------\n[    4.910065] {line}\n")
    result = run("tools/oops", log)
    assert result.returncode == 0, result.stderr
    assert "a condition that should not be true was true (checked at net/core/dev.c:4)\n" in result.stdout


@pytest.mark.parametrize("command", [
    ["tools/vm", "--kernel", "5.4", "--", "true"],
    ["tools/build", "phases/01-module", "5.4"],
    ["tools/kernel", "5.4"],
])
def test_unknown_kernel(command):
    """One line that names the right ones."""
    result = run(*command)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    for series in run("tools/kernel", "--list").stdout.split():
        assert series in result.stderr


@pytest.mark.parametrize("size", ["63", "0", "8192", "-4", "x", "08"])
def test_ring_size_is_checked(size):
    """Only powers of two."""
    result = run("tools/build", "phases/01-module", KERNEL, env=dict(os.environ, VNET_TX_RING_SIZE=size))
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1 and "power of two" in result.stderr


def test_out_folder_of_others_is_not_emptied(tmp_path):
    """--out with a folder that holds something else is refused."""
    (tmp_path / "thesis").write_text("all my work")
    result = vm(tmp_path, "--", "true")
    assert result.returncode == 2
    assert (tmp_path / "thesis").exists()


def test_cached_kernel_needs_no_network(kernel, stubs, tmp_path):
    """With the kernel in the cache, apt is not even called."""
    assert kernel.is_dir()
    touch = f"touch {tmp_path}/called; exit 1"
    result = run("tools/kernel", KERNEL, env=stubs(apt_get=touch, apt_cache=touch, apt_config=touch))
    assert result.stdout.strip() == str(kernel)
    assert result.stderr == ""
    assert not (tmp_path / "called").exists()


def test_deps_without_root(stubs):
    """Who may not install is told the exact command."""
    environment = stubs(dpkg_query="exit 1", sudo="exit 1", id="echo 1000", apt_get="exit 99")
    result = run("tools/deps", "vm", env=environment)
    assert result.returncode == 1
    assert re.search(r"^ +apt-get install .*qemu-system-x86", result.stderr, re.M)
    everything = stubs(dpkg_query="shift 3; for p; do echo installed $p; done")
    result = run("tools/deps", "vm", "build", env=everything)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_shellcheck():
    """Our shell scripts are clean."""
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed: run tools/deps test")
    scripts = ["tools/" + name for name in ("deps", "kernel", "build", "load", "vm-init", "vm-guest")]
    result = run("shellcheck", *scripts)
    assert result.stdout == ""


@pytest.mark.parametrize("log, accel, again", [
    ("Oops: int3: 0000 [#1] SMP", "tcg", True),
    ("Oops: int3: 0000 [#1] SMP", "icount", True),
    ("Oops: int3: 0000 [#1] SMP", "kvm", False),
    ("Oops: 0002 [#1] SMP", "tcg", False),
    ("vnet-guest: ready\nOops: int3: 0000 [#1] SMP", "tcg", False),
])
def test_only_the_emulators_fault_boots_again(tmp_path, log, accel, again):
    """Code that was run as it was before it was patched, while the guest booted; nothing that it has done is repeated."""
    loader = importlib.machinery.SourceFileLoader("vm", str(TREE / "tools/vm"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("vm", loader))
    loader.exec_module(module)
    (tmp_path / "console.log").write_text(log)
    assert module.died_of_emulation(tmp_path, accel) is again
