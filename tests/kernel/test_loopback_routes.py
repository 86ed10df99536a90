"""LoopbackRoutes: a whole prefix leads here for as long as we say, and nobody else's route is touched."""

from __future__ import annotations

from ipaddress import ip_network

from loopback_place import place
from namespaces import Host, needs_namespaces

from anyplane.kernel.loopback_routes import LoopbackRoute, LoopbackRoutes

V4, V6 = ip_network("127.90.0.0/16"), ip_network("fd5a:6e79:706c::/64")
ROUTES = tuple(LoopbackRoute(prefix=one, is_local=is_local) for one in (V4, V6) for is_local in (True, False))


def routes(host: Host) -> str:
    """All of the host's routes to our prefixes."""
    found = [host.run("ip", family, "-N", "route", "show", "table", "all") for family in ("-4", "-6")]
    return "\n".join(
        line for line in "".join(found).splitlines() if "127.90.0.0/16" in line or "fd5a:6e79" in line
    )


def test_the_prefixes_are_delivered_here_and_shown_in_the_main_table() -> None:
    needs_namespaces()
    with place() as here:
        ways = LoopbackRoutes(here.netlink, ROUTES)

        ways.ensure()
        ways.ensure()

        found = routes(here.host)
        assert len(found.splitlines()) == 4
        assert found.count("table 255") == 2
        assert found.count("proto 97") == 4
        assert "local 127.90.3.4" in here.host.run("ip", "route", "get", "127.90.3.4")
        assert "local fd5a:6e79:706c::7" in here.host.run("ip", "route", "get", "fd5a:6e79:706c::7")


def test_they_are_gone_when_forgotten_and_the_operators_own_stays() -> None:
    needs_namespaces()
    with place() as here:
        here.host.run("ip", "-6", "route", "add", "local", str(V6), "dev", "lo")
        ways = LoopbackRoutes(here.netlink, ROUTES)

        ways.ensure()
        LoopbackRoutes(here.netlink, ROUTES).forget()
        ways.forget()

        (left,) = routes(here.host).splitlines()
        assert "fd5a:6e79:706c::/64 dev lo table 255 metric 1024" in left
