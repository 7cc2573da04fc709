"""Milestone 1: loads, talks, refuses nonsense, leaves without a trace."""

import os
from pathlib import Path

import pytest

from nic import TREE, run

pytestmark = pytest.mark.milestone(1)


@pytest.mark.once
def test_debug_messages_on_request_only(nic, kernel_log):
    """Silent by default; with dynamic debug on, load and unload say so."""
    nic.load()
    nic.unload()
    assert not kernel_log.has("vnet: .*loaded")
    nic.load(dyndbg="+p")
    nic.unload()
    assert kernel_log.has("vnet: loaded, devices=1")
    assert kernel_log.has("vnet: unloaded")


@pytest.mark.parametrize("value", ["0", "-1", "1001", "many", "4294967297", "1x", ""])
def test_parameter_rejects_nonsense(nic, value):
    """Every wrong value is refused, with the allowed ones named, and leaves nothing behind."""
    said = nic.load(devices=value)
    assert said == "vnet: devices must be 1 to 1000"
    assert not Path("/sys/module/vnet").exists()


def test_parameter_is_documented_and_readable(nic):
    """modinfo explains the parameter; sysfs shows its value."""
    nic.load(devices=3)
    assert nic.parameter("devices").read_text() == "3\n"
    module = TREE / "build" / nic.target / os.environ["VNET_KERNEL"] / "vnet.ko"
    assert "devices:how many NICs to make (1 to 1000, default 1)" in run("modinfo", str(module))
