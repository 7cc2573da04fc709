"""The driver's tracepoints: vnet_verdict, vnet_drop, vnet_deliver."""

import re
from pathlib import Path

from nic import run

ROOT = Path("/sys/kernel/tracing")


class Trace:
    """Traces events of the driver in an instance of its own, so that nobody else's trace gets mixed in."""

    def __init__(self, *events, name="test"):
        if not (ROOT / "trace").exists():
            run("mount", "-t", "tracefs", "tracefs", str(ROOT))
        self.path = ROOT / "instances" / name
        self.path.mkdir()
        (self.path / "buffer_size_kb").write_text("8192")
        for event in events:
            (self.path / "events/vnet" / event / "enable").write_text("1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        (self.path / "events/enable").write_text("0")
        self.path.rmdir()

    def count(self):
        """Returns how many events there are so far; to read them takes much longer."""
        return sum(int(re.search(r"^entries: (\d+)$", path.read_text(), re.M)[1])
                   for path in (self.path / "per_cpu").glob("cpu*/stats"))

    def read(self, event, device):
        """Returns the events of one kind and device so far, each as a dictionary of texts, oldest first."""
        found = []
        for line in (self.path / "trace").read_text().splitlines():
            _, _, text = line.partition(f" {event}: dev={device} ")
            text, _, data = text.partition(" bytes=")
            if text:
                found.append({**dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", text)), "bytes": data})
        return found

    def clear(self):
        """Forgets all events so far."""
        (self.path / "trace").write_text("")
