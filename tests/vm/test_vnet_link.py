"""Links of the kind vnet: made, shown, moved, taken away."""


def test_plain_pair(vnet):
    """Two ends that ping each other."""
    link = vnet.pair()
    link.a.run("ping", "-c", "3", "-i", "0.01", "192.0.2.2")
    assert link.a.carrier() and link.b.carrier()
    assert link.a.stat("tx_packets") >= 3
