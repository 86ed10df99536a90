"""edited: the text of a design with other settings, in which all that is not edited stays as it was written.

Comments, order, quotes, indents and line ends stay, since only the characters of the edits are exchanged.
An upstream that is withdrawn becomes a comment where it stands on lines of its own, and goes where a list in
brackets holds it; a site of which nothing is announced any more says `enabled: false`. Before the text is
handed out it is read again: it is a design that announces what was asked for and differs in nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from anyplane.design import raw
from anyplane.design.design import Design, Site, Upstream
from anyplane.design.document import Path, Value, read
from anyplane.design.editing_keys import Keys, own_keys
from anyplane.design.editing_places import Kind, Node, at, located, value_at
from anyplane.design.editing_sharing import own
from anyplane.design.editing_surgery import (
    Cut,
    applied,
    commented_out,
    entry_added,
    entry_removed,
    items_changed,
    replaced,
)
from anyplane.design.intent import announcements
from anyplane.design.reading import parse
from anyplane.design.setting import Setting, Uplink, setting_of, uplink_name, upstream_at, with_settings
from anyplane.model.errors import DesignError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One upstream that is announced to in another way than the file says.

    path: where it stands, "sites.fra.upstreams.0". name: "fra/AS3320". words: the edit in one line.
    """

    path: str
    uplink: Uplink
    name: str
    before: Setting
    after: Setting
    words: str


def edits(design: Design, settings: Mapping[Uplink, Setting]) -> tuple[Edit, ...]:
    """What is to be edited for these settings, in the file's order; a setting as designed is no edit."""
    found = []
    for uplink in sorted(settings):
        upstream, after = upstream_at(design, uplink), settings[uplink]
        before = setting_of(design, upstream)
        if after != before:
            site = design.sites[uplink.site]
            path = f"sites.{site.name}.upstreams.{uplink.upstream}"
            found.append(
                Edit(
                    path=path,
                    uplink=uplink,
                    name=uplink_name(design, uplink),
                    before=before,
                    after=after,
                    words=f"{path} (AS{int(upstream.asn)}): {_words(before, after)}",
                )
            )
    return tuple(found)


def edited(text: str, design: Design, settings: Mapping[Uplink, Setting]) -> str:
    """`text`, which `design` was read from, with the settings written in.

    parse(edited(...)) announces what with_settings(design, settings) announces. UsageError where that cannot
    be written into this text; then nothing was lost, and it says what to write by hand.
    """
    if design.source.removeprefix("\ufeff") != text.removeprefix("\ufeff"):
        raise ValueError("the design was not read from this text")
    wanted = edits(design, settings)
    if not wanted:
        return text
    expected = with_settings(design, settings)
    try:
        result = _edited(text, design, wanted)
        got = parse(result, file=design.file)
    except ValueError as error:
        raise _refused(design, wanted, str(error)) from None
    except (LookupError, RecursionError):
        raise _refused(design, wanted, "what is to be edited cannot be found in it") from None
    except DesignError as error:
        said = error.problems[0]
        raise _refused(design, wanted, f"line {said.line} would not be read: {said.message}") from None
    if _strictly(got) != _strictly(_as_written(design, expected)):
        raise _refused(design, wanted, "the file would announce something else than was asked for")
    return result


def alike(design: Design) -> object:
    """All that a design means, without places in the text, for a comparison: order in a list of communities
    or rules counts for nothing, nor does a site's announcing nothing by one way or another."""
    announced = [
        replace(
            item,
            communities=tuple(sorted(item.communities)),
            export_rules=tuple(sorted(item.export_rules, key=repr)),
        )
        for item in announcements(design)
    ]
    bare = replace(
        design, file="", source="", locations={}, sites=tuple(_alike_site(site) for site in design.sites)
    )
    return announced, bare


def _as_written(design: Design, expected: Design) -> Design:
    """What is expected, with the sites of which nothing is announced as they are to be written: disabled."""
    return replace(
        expected,
        sites=tuple(
            replace(before, is_enabled=False) if before.upstreams and not after.upstreams else after
            for before, after in zip(design.sites, expected.sites, strict=True)
        ),
    )


def _strictly(design: Design) -> object:
    """As `alike`, but of disabled sites too everything counts: an edit elsewhere must not touch them."""
    enabled = replace(design, sites=tuple(replace(site, is_enabled=True) for site in design.sites))
    return alike(enabled), [site.is_enabled for site in design.sites]


def _alike_site(site: Site) -> Site:
    def alike_upstream(upstream: Upstream) -> Upstream:
        sessions = tuple(replace(one, name="", path="") for one in upstream.sessions)
        said = replace(upstream, path="", sessions=sessions)
        # What is announced is compared as announcements.
        return replace(said, communities=(), rules=(), is_no_export=False, is_backup=False)

    if not site.is_enabled or not site.upstreams:
        return replace(site, upstreams=(), is_enabled=False)
    daemon = replace(site.daemon, path="") if site.daemon else None
    return replace(site, upstreams=tuple(map(alike_upstream, site.upstreams)), daemon=daemon)


def _words(before: Setting, after: Setting) -> str:
    if not after.is_announced:
        return "withdraw"
    said = []
    for name, was, will in (
        ("prepend", before.prepend, after.prepend),
        ("MED", before.med, after.med),
        ("no-export", before.is_no_export, after.is_no_export),
        ("graceful-shutdown", before.is_backup, after.is_backup),
    ):
        if was != will:
            said.append(f"{name} {_shown(was)} -> {_shown(will)}")
    said += [f"+{one}" for one in after.actions if one not in before.actions]
    said += [f"-{one}" for one in before.actions if one not in after.actions]
    return ", ".join(said)


def _shown(value: int) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _refused(design: Design, wanted: Iterable[Edit], why: str) -> UsageError:
    return UsageError(
        f"the edits cannot be written into {design.file}: {why}; the file is as it was",
        hint="write them by hand: " + "; ".join(edit.words for edit in wanted),
    )


def _edited(text: str, design: Design, wanted: tuple[Edit, ...]) -> str:
    values = read(text, file=design.file).root
    off = [edit for edit in wanted if not edit.after.is_announced]
    silent = {
        number
        for number, site in enumerate(design.sites)
        if {edit.uplink.upstream for edit in off if edit.uplink.site == number}
        == {*range(len(site.upstreams))}
    }
    gone = {_path(design, edit.uplink) for edit in off if edit.uplink.site not in silent}
    names = raw.keys(raw.at(values, "policies"))
    policies = {name: _mapping(values, ("policies", name)) for name in names}
    keys: dict[Path, tuple[Keys, Keys]] = {}
    for edit in wanted:
        if edit.after.is_announced:
            path = _path(design, edit.uplink)
            mine = _mapping(values, path)
            keys[path] = (mine, own_keys(mine, policies, before=edit.before, after=edit.after))
    replaced_values = {
        (*path, key)
        for path, (old, new) in keys.items()
        for key in old
        if key not in new or new[key] is not old[key]
    }
    sites: set[Path] = {("sites", str(design.sites[number].name)) for number in silent}
    flags = {(*path, "enabled") for path in sites if "enabled" in _mapping(values, path)}
    text = own(text, edited={*keys, *sites}, gone={*gone, *replaced_values, *flags})
    root = located(text)
    cuts: list[Cut] = []
    for path, (old, new) in keys.items():
        cuts += _in_upstream(text, at(root, path), old, new)
    for path in {one[:-1] for one in gone}:
        places = sorted(int(one[-1]) for one in gone if one[:-1] == path)
        cuts += _without_items(text, at(root, path), places)
    for path in sites:
        cuts += _silenced(text, at(root, path))
    return applied(text, cuts)


def _in_upstream(text: str, node: Node, old: Keys, new: Keys) -> list[Cut]:
    cuts: list[Cut] = []
    for key, was in old.items():
        if key not in new:
            cuts += entry_removed(text, node, key)
        elif new[key] is not was:
            cuts += _other_value(text, node.entries[key], was, new[key])
    added = {key: value for key, value in new.items() if key not in old}
    return [*cuts, *entry_added(text, node, added, after=_beside(node, new, apart=("session", "actions")))]


def _other_value(text: str, node: Node, was: Value, will: Value) -> list[Cut]:
    if node.kind is not Kind.LIST or not isinstance(was, list) or not isinstance(will, list):
        return [replaced(node, value=will)]
    # What stays keeps its order, and what is new comes behind it.
    kept, removed = 0, []
    for place, item in enumerate(was):
        if kept < len(will) and item == will[kept]:
            kept += 1
        else:
            removed.append(place)
    return items_changed(text, node, removed=removed, added=will[kept:])


def _without_items(text: str, node: Node, places: list[int]) -> list[Cut]:
    if node.is_flow:
        return items_changed(text, node, removed=places, added=())
    return commented_out(text, node, places)


def _silenced(text: str, node: Node) -> list[Cut]:
    if "enabled" in node.entries:
        return [replaced(node.entries["enabled"], value=False)]
    beside = _beside(node, {"metro": "", "at": ""}, apart=())
    return entry_added(text, node, {"enabled": False}, after=beside)


def _beside(node: Node, kept: Mapping[str, Value], *, apart: tuple[str, ...]) -> str:
    """The last key with a value on one line that is kept, and is none of those that come last."""
    names = [
        name
        for name, value in node.entries.items()
        if name in kept and name not in apart and (node.is_flow or value.is_flow or not value.children())
    ]
    if not names:
        raise ValueError("a key has no place beside the others")
    return names[-1]


def _path(design: Design, uplink: Uplink) -> Path:
    return ("sites", str(design.sites[uplink.site].name), "upstreams", uplink.upstream)


def _mapping(values: Value, path: Path) -> Keys:
    here = value_at(values, path)
    return here if isinstance(here, dict) else {}
