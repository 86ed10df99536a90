"""announcements: what each wish becomes in BGP attributes."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyplane import design
from anyplane.model.errors import UsageError
from anyplane.model.nouns import Announcement, Effect, ExportRule, UpstreamKind

ROOT = Path(__file__).parents[2]
KEEP = ExportRule(effect=Effect.NO_EXPORT)


def announced(upstream: str, *, more: str = "") -> tuple[Announcement, ...]:
    """What a site with this one upstream announces."""
    return design.announcements(
        design.parse(
            f"""
version: 1
service: {{name: x, origin: 64500, prefixes: [192.0.2.0/24, 2001:db8::/48]}}
communities: {{"174:970": {{prepend: 2, to: peers}}}}
sites:
  fra: {{metro: FRA, upstreams: [{{{upstream}}}]}}
{more}
"""
        )
    )


def test_each_prefix_is_announced_to_each_upstream_once() -> None:
    parsed = design.parse((ROOT / "examples/two-sites.yaml").read_text(encoding="utf-8"))

    made = design.announcements(parsed)

    assert [(str(one.prefix), one.site, one.upstream) for one in made] == [
        ("192.0.2.0/24", "fra", 174),
        ("2001:db8::/48", "fra", 174),
        ("192.0.2.0/24", "fra", 1299),
        ("2001:db8::/48", "fra", 1299),
        ("192.0.2.0/24", "nyc", 174),
        ("2001:db8::/48", "nyc", 174),
        ("192.0.2.0/24", "nyc", 3356),
        ("2001:db8::/48", "nyc", 3356),
    ]
    assert {one.origin for one in made} == {64500}


def test_a_plain_session_has_no_attributes() -> None:
    one = announced("asn: 174, announce: [192.0.2.0/24]")[0]

    assert (one.as_path_prepend, one.med, one.communities, one.export_rules) == (0, 0, (), ())
    assert one.kind is UpstreamKind.TRANSIT


def test_prepend_med_and_communities_are_sent_as_written() -> None:
    one = announced("asn: 174, prepend: 3, med: 9, communities: [64500:10, '64500:1:2']")[0]

    assert (one.as_path_prepend, one.med, one.communities) == (3, 9, ("64500:10", "64500:1:2"))


@pytest.mark.parametrize("wish", ["no_export: true", "communities: no-export", "communities: '65535:65281'"])
def test_no_export_is_a_community_and_a_rule(wish: str) -> None:
    one = announced(f"asn: 174, {wish}")[0]

    assert one.communities == ("65535:65281",)
    assert one.export_rules == (KEEP,)


@pytest.mark.parametrize("wish", ["backup: true", "communities: graceful-shutdown"])
def test_backup_is_graceful_shutdown(wish: str) -> None:
    one = announced(f"asn: 174, {wish}")[0]

    assert one.is_backup
    assert one.communities == ("65535:0",)
    assert one.export_rules == ()


@pytest.mark.parametrize("wish", ["blackhole: true", "communities: [no-export, blackhole]"])
def test_blackhole_stays_inside_the_upstream(wish: str) -> None:
    one = announced(f"asn: 174, {wish}")[0]

    assert one.is_blackhole
    assert sorted(one.communities) == ["65535:65281", "65535:666"]
    assert one.export_rules == (KEEP,)


def test_an_action_community_is_sent_and_understood() -> None:
    one = announced("asn: 174, communities: '174:970'")[0]

    assert one.communities == ("174:970",)
    assert [(rule.effect, rule.times) for rule in one.export_rules] == [(Effect.PREPEND, 2)]


def test_an_action_by_agreement_needs_no_community() -> None:
    one = announced("asn: 174, actions: [{no_export: true, to: AS3356}]")[0]

    assert one.communities == ()
    assert one.export_rules == (ExportRule(effect=Effect.NO_EXPORT, to_asns=frozenset({3356})),)


def test_a_disabled_site_announces_nothing() -> None:
    made = announced("asn: 174", more="  nyc: {metro: NYC, enabled: false, upstreams: [{asn: 174}]}")

    assert {one.site for one in made} == {"fra"}


def test_one_site_can_be_asked_for() -> None:
    parsed = design.parse((ROOT / "examples/two-sites.yaml").read_text(encoding="utf-8"))

    assert {one.site for one in design.announcements(parsed, site="nyc")} == {"nyc"}


def test_a_site_that_is_not_there_is_an_error_with_a_hint() -> None:
    parsed = design.parse((ROOT / "examples/two-sites.yaml").read_text(encoding="utf-8"))

    with pytest.raises(UsageError, match="did you mean nyc") as caught:
        design.announcements(parsed, site="nyx")

    assert caught.value.exit_code == 2
