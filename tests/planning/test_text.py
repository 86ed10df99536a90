"""text: the plan of the tiny world as it is printed, and that 300 sites still fit a terminal."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

from rich.console import Console, RenderableType
from tiny_world import LATENCY, V4, V6, design, promising, site, topology, upstream

from anyplane.design.design import PrefixGroup
from anyplane.planning import difference_text, explain_text
from anyplane.planning.compile import compile as compile_design
from anyplane.planning.difference import of_reports
from anyplane.planning.explain import explain
from anyplane.planning.figures import bar, count, interval, ms, percent, rate, whole
from anyplane.planning.plan import plan
from anyplane.planning.report import Share
from anyplane.planning.text import render
from anyplane.routing import propagate


def printed(renderable: RenderableType) -> str:
    console = Console(file=StringIO(), width=100, highlight=False)
    console.print(renderable)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


GOLDEN = """\
tiny  AS64500, 2 sites  on  a tiny world: 6 networks, 1.00 k users

all  192.0.2.0/24, 2001:db8::/48
85.0 % of users have one possible site; 10.0 % have several, as ties fall that nobody can see from
outside; 5.0 % (50) have no route.
RTT of the users who reach a site: p50 2.0, p90 42.0, p95 42.0, p99 42.0 ms.

site  metro  users   share  cert. – poss.               p50   p90   p99       load     full
───────────────────────────────────────────────────────────────────────────────────────────
a     AAA      650  65.0 %  60.0 – 70.0 %  █████████░   2.0  42.0  42.0  1.30 kqps  130 % !
c     CCC      300  30.0 %  25.0 – 35.0 %  ████░       32.0  32.0  32.0    600 qps     40 %
█ certain  █▓ expected (share)  █▓░ possible; RTT in ms
over capacity: a

Against the nearest site  35.0 % of users (350) do not reach it and lose 26.7 ms each. If all did:
p50 1.0, p95 11.0 ms.
users  lost ms  the groups that lose most, and why
────────────────────────────────────────────────────────────────────────────────────────────────────
  250     21.0  AS102 B-Net in BBB reaches c: further on, AS20's customer route over its own session
                wins over the peer route to a through AS10
  100     41.0  AS103 C-Net in CCC reaches a: its provider route through AS10 and that to c through
                AS20 are equally good; the lowest ASN is assumed, so it may be otherwise (not
                certain)

Against one site alone
announced from  p50 ms  p95 ms  p50 EU  p50 NA  no route
────────────────────────────────────────────────────────
all of them        2.0    42.0     2.0    42.0        50
a alone            2.0    42.0     2.0    42.0        50
c alone           43.0    43.0    43.0     2.0        50

When one site fails
without  users  go to (part of them)  p50 ms  p95 ms  fullest site  lose service
────────────────────────────────────────────────────────────────────────────────
a          650  c 100 %                 43.0    43.0  c 127 % !                –
c          300  a 100 %                  2.0    42.0  a 190 % !                –

Promises
promise             state      what is so
────────────────────────────────────────────────────────────────────────────────────────────────────
p50_rtt             BROKEN     half of the users are within 2.0 ms; promised 1.0 ms
p95_rtt             kept       95 % of users are within 42.0 ms; promised 50.0 ms
largest_share       may break  a gets 65.0 % of users (60.0 – 70.0 %); promised at most 65.0 %
worst_failure_load  BROKEN     without c, a carries 190 % of its capacity; promised at most 100 %
residency german    kept       600 users in DE: all served from a
residency american  may break  150 users in US: 0 are certainly served from elsewhere, 100 may be;
                               most in US; AS103 C-Net
residency french    BROKEN     250 users in FR: 250 are certainly served from elsewhere, 250 may be;
                               most in FR; AS102 B-Net
"""


def test_a_long_name_of_a_virtual_site_leaves_room_for_every_column() -> None:
    sink = upstream(10, is_blackhole=True)
    drained = design(
        groups=(PrefixGroup(name="all", prefixes=(V4, V6)),),
        sites=(site("a", 0, sink), site("c", 2, upstream(20))),
    )

    world = topology(users=[600, 0, 0, 0, 0, 600, 250, 100, 50])

    text = printed(render(plan(drained, world, latency=LATENCY)))

    (heading,) = [line for line in text.splitlines() if line.startswith("site ")]
    assert heading.split()[-3:] == ["p50", "p90", "p99"]
    assert "(blackhole at AS10)" in text


def test_the_plan_of_the_tiny_world_reads_like_this() -> None:
    assert printed(render(plan(promising(), topology(), latency=LATENCY))) == GOLDEN


def test_ascii_bars_leave_no_block_characters() -> None:
    text = printed(render(plan(promising(), topology(), latency=LATENCY), is_plain=True))

    assert "#" in text
    assert not set(text) & set("█▓░")


def test_three_hundred_sites_are_cut_to_the_largest_with_a_pointer_to_the_rest() -> None:
    sites = tuple(site(f"s{i:03d}", (0, 2)[i % 2], upstream((10, 20)[i % 2])) for i in range(300))
    report = plan(replace(promising(), sites=sites, residency=()), topology(), latency=LATENCY)

    text = printed(render(report))

    assert len(text.splitlines()) < 90
    assert max(map(len, text.splitlines())) <= 100
    assert "280 more sites" in text
    assert "(the 10 worst of 300; --json has all)" in text


def test_an_explanation_shows_each_decision_and_the_way() -> None:
    world = topology()
    (scenario,) = compile_design(design(), world)
    routes = propagate(world, scenario.seeds)

    text = printed(explain_text.render(explain(routes, scenario, world.pop_at(3, 1), latency=LATENCY)))

    assert "AS102 B-Net in BBB reaches c" in text
    assert "Certain: c is its only possible site." in text
    assert "AS path 102 20 64500; 3,000 km; RTT about 32.0 ms." in text
    assert "relationship: customer first" in text
    assert "The way: BBB -> CCC (3,000 km, AS20) -> c (0 km, AS20 to c)" in text


def test_a_difference_says_who_moves_and_what_changes() -> None:
    a, c = promising().sites
    drained = replace(promising(), sites=(replace(a, is_enabled=False), c), file="drained.yaml")
    reports = [plan(item, topology(), latency=LATENCY) for item in (promising(), drained)]

    text = printed(difference_text.render(of_reports(*reports)))

    assert "tiny.yaml -> drained.yaml" in text
    assert "At least 65.0 % of users (650) move." in text
    assert "RTT p50 2.0 -> 43.0 ms (+41.0)" in text
    assert "residency german" in text


def test_numbers_read_well_at_every_size() -> None:
    assert [count(value) for value in (0, 0.4, 999, 1240, 31_280_348, 5.41e9)] == [
        "0",
        "0.4",
        "999",
        "1.24 k",
        "31.3 M",
        "5.41 bn",
    ]
    assert [rate(12_400, "qps"), rate(12, "qps")] == ["12.4 kqps", "12 qps"]
    assert [percent(value) for value in (None, 0, 0.0001, 0.566)] == ["–", "0 %", "<0.1 %", "56.6 %"]
    assert [ms(value) for value in (None, 2, 99.97, 1234)] == ["–", "2.0", "100", "1,234"]
    assert [interval(0.24, 0.374), whole(0.82), whole(0.001)] == ["24.0 – 37.4 %", "82 %", "<1 %"]


def test_a_bar_has_the_length_of_what_is_possible() -> None:
    share = Share(certain=0.25, expected=0.5, possible=1.0, chosen=0.5)

    assert bar(share, full=1.0, width=8, is_plain=True) == "##++...."
    assert bar(share, full=0.0, width=8) == ""


def test_a_narrow_terminal_gets_numbers_rather_than_bars() -> None:
    report = plan(promising(), topology(), latency=LATENCY)
    console = Console(file=StringIO(), width=80, highlight=False)
    console.print(render(report, width=80))
    text = console.file.getvalue()  # type: ignore[attr-defined]

    assert "60.0 – 70.0 %" in text
    assert "██" not in text
