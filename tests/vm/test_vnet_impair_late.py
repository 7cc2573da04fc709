"""By how much frames came later than they were due: the columns of ip and of ethtool, and what is read from them."""

import re

import pytest
from impaired import MS, cross, line, make, numbers, quick

BOUNDS = re.compile(r"late_(?:(\d+)_to_(\d+)|from_(\d+))ns")


def columns(end):
    """Returns the columns of `ip -d -s -j link`, as {by so many ns at most: frames}, and all its counters."""
    counters = end.show()["linkinfo"]["info_xstats"]["line"]
    return {column["up_to_ns"]: column["frames"] for column in counters["lateness"]}, counters


def coarse(end):
    """Returns those of `ethtool -S`, as {(from, to): frames}; each begins where the one before has ended."""
    found, begin = {}, 0
    for name, value in end.extra().items():
        if bounds := BOUNDS.fullmatch(name.removeprefix("line_")):
            assert int(bounds[1] or bounds[3]) == begin
            end_of = int(bounds[2] or (1 << 64) - 1)
            found[begin, end_of], begin = value, end_of + 1
    assert begin == 1 << 64
    return found


def column_of(lateness):
    """Returns the column for a time, by its longest."""
    return max(7, (1 << lateness.bit_length()) - 1)


def check(end):
    """Checks that the columns are one account of the frames that were delivered; returns them."""
    fine, counters = columns(end)
    assert sum(fine.values()) == counters["delivered"] == line(end)["delivered"] and all(fine.values())
    assert all(bound == column_of(bound) for bound in fine) and list(fine) == sorted(fine)
    for (first, last), frames in coarse(end).items():
        assert frames == sum(count for bound, count in fine.items() if first <= bound <= last)
    # Half are late by no more than p50, so the column that it is in is the one in which half is reached.
    for name, percent in (("late_p50_ns", 50), ("late_p99_ns", 99), ("late_max_ns", 100)):
        reached = [bound for bound in fine if 100 * sum(count for other, count in fine.items() if other <= bound)
                   >= percent * counters["delivered"]]
        assert column_of(counters[name]) == reached[0], name
    return fine


@pytest.mark.once
def test_each_frame_is_in_one_column(vnet):
    """However many, in order or not; columns only grow, and what takes no time is not in them."""
    link = vnet.pair()
    assert not any(coarse(link.a).values())
    before = {}
    for words, frames in (("delay 2ms", 300), ("delay 3ms jitter 3ms", 300), ("rate 100mbit delay 0", 100)):
        link.a.impair(words)
        cross(link, frames)
        after = check(link.a)
        assert sum(after.values()) == sum(before.values()) + frames
        assert all(after[bound] >= count for bound, count in before.items())
        before = after
    assert not any(coarse(link.b).values())
    link.a.impair("clear loss 0.0000001%")
    assert len(numbers(link, 50)) == 50
    assert columns(link.a)[0] == before and line(link.a)["delivered"] == 750


@pytest.mark.once
def test_columns_tell_how_late(vnet):
    """Frames that wait for company, as they are due within an eighth of rx-usecs, are late by that eighth."""
    link = vnet.pair()
    link.b.ethtool("-C", "adaptive-rx", "off", "rx-usecs", "1000000")
    link.a.impair("delay 300ms")
    before = []
    # The second comes no more than 50 ms after the first, and both wait until 125 ms after that was due.
    quick(link, make(link, 2), 50 * MS, lambda: before.append(check(link.a) if before else {}))
    after = check(link.a)
    late = {bound for bound, count in after.items() if count > before[-1].get(bound, 0)}
    assert min(late) >= column_of(75 * MS) > 100 * MS
    assert coarse(link.a)[1 << 20, (1 << 64) - 1] == sum(after.values())
    text = link.a.run("ip", "-d", "-s", "link", "show", "vn0")
    shown = re.search(r" late_up_to_ns ((?:\d+:\d+ )+)", text)[1]
    assert {int(bound): int(count) for bound, count in (pair.split(":") for pair in shown.split())} == after
