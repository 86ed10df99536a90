"""What BIRD shows of its table, read as routes."""

from __future__ import annotations

from ipaddress import ip_network

from router_parts import parts

from anyplane.bgp.bird.protocol import Reply
from anyplane.lab.routers.neighbours import neighbours
from anyplane.lab.routers.read_bird import missing, routes

SHOWN = """\
198.51.100.0/24      blackhole [injected4 16:02:32.269] * (200)
\tBGP.local_pref: 400
                     unicast [pop1_as10_nyc 16:02:32.932 from 100.64.0.2] (100-/620050) [AS64500i]
\tvia 100.72.0.1 on l0
\tBGP.as_path: 64500
\tBGP.local_pref: 200
                     unicast [link1_as20_ams 16:02:32.996] (100) [AS64500i]
\tvia 100.72.0.3 on l1
\tBGP.as_path: 20 64500
\tBGP.local_pref: 100"""


def test_a_route_that_deterministic_med_sets_aside_is_a_route_of_its_own() -> None:
    blueprint = parts()
    sessions = neighbours(blueprint, blueprint.by_name["as10-fra"])
    reply = Reply(code=0, lines=tuple((1007, line) for line in SHOWN.splitlines()))

    found = routes(reply, ip_network("198.51.100.0/24"), sessions)

    assert [one.as_path for one in found] == [(), (64500,), (20, 64500)]
    assert [one.igp_metric for one in found] == [0, 620050, 0]
    assert [one.from_ for one in found] == ["", "as10-nyc", "as20-ams"]


def test_a_session_that_is_not_established_is_missing_with_birds_own_reason() -> None:
    blueprint = parts()
    wanted = neighbours(blueprint, blueprint.by_name["as10-fra"])
    up, connecting, *absent = wanted
    lines = (
        "Name       Proto      Table      State  Since         Info",
        "device1    Device     ---        up     2026-01-02 16:02:32.269  ",
        f"{up.name} BGP        ---        up     2026-01-02 16:02:33.001  Established   ",
        f"{connecting.name} BGP        ---        start  2026-01-02 16:02:32.269  Active  Socket: refused",
    )

    found = missing(Reply(code=0, lines=tuple((1002, line) for line in lines)), wanted)

    assert [one.name for one in found] == [one.name for one in wanted[1:]]
    assert not any(one.is_up for one in found)
    assert found[0].reason.split() == ["Active", "Socket:", "refused"]
    assert {one.reason for one in found[1:]} == ({"BIRD has no such protocol"} if absent else set())
