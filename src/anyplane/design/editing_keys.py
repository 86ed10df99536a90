"""What an upstream must say itself to be announced to in another way, as the values of its own keys.

Own keys win over policies, so most changes are one key. Communities and actions of policies add up instead:
to be rid of one that a policy sends, the upstream leaves that policy and says the rest of it itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from anyplane.design import communities as words
from anyplane.design.document import Value
from anyplane.design.quantities import Unfit
from anyplane.design.raw import one_or_many
from anyplane.design.setting import Setting

Keys = dict[str, Value]
LAST_WINS = ("kind", "prepend", "med", "no_export", "backup", "blackhole", "announce")
FLAGS = {"no_export": words.NO_EXPORT, "backup": words.GRACEFUL_SHUTDOWN}


def own_keys(
    own: Mapping[str, Value],
    policies: Mapping[str, Mapping[str, Value]],
    *,
    before: Setting,
    after: Setting,
) -> Keys:
    """The upstream's own keys with which it is announced to as in `after`; before: as it is now.

    own: its keys as written. policies: all of the design by name, as written. Keys whose value stays keep
    that very value; a key that is no longer there is to be removed (only `policy` can be).
    """
    keys = dict(own)
    dropped = set(before.actions) - set(after.actions)
    wanted = {"no_export": after.is_no_export, "backup": after.is_backup}
    dropped |= {text for name, text in FLAGS.items() if not wanted[name]}
    _leave_policies(keys, policies, dropped)
    kept = [item for item in items(keys, "communities") if canonical(item) not in dropped]
    layers = [*(policies[name] for name in named(keys)), keys]
    sent = {canonical(item) for layer in layers for item in items(layer, "communities")}
    kept += [text for text in after.actions if text not in sent]
    _set_list(keys, "communities", kept)
    if after.prepend != before.prepend:
        keys["prepend"] = after.prepend
    if after.med != before.med:
        keys["med"] = after.med
    for name, text in FLAGS.items():
        said = _last(layers, name) is True
        if wanted[name] != (said or text in sent - dropped):
            keys[name] = wanted[name]
    return keys


def items(layer: Mapping[str, Value], key: str) -> list[Value]:
    """The items of a list, or the lone value; none where the key is not there."""
    return [item for _, item in one_or_many(layer[key])] if key in layer else []


def named(layer: Mapping[str, Value]) -> list[str]:
    """The names of the policies that an upstream merges in, in order."""
    return [str(item).strip() for item in items(layer, "policy")]


def canonical(value: Value) -> str:
    """A community in decimal, "" for what is none."""
    try:
        return words.community(value)
    except Unfit:
        return ""


def _leave_policies(
    keys: Keys, policies: Mapping[str, Mapping[str, Value]], dropped: Collection[str]
) -> None:
    """Takes the policies out that send a dropped community, and says all else of them in `keys`."""
    left = {
        name
        for name in named(keys)
        if any(canonical(item) in dropped for item in items(policies[name], "communities"))
    }
    if not left:
        return
    layers = [(name, policies[name]) for name in named(keys)]
    for key in LAST_WINS:
        saying = [(name, layer[key]) for name, layer in layers if key in layer]
        if key not in keys and saying and saying[-1][0] in left:
            keys[key] = saying[-1][1]
    sent = [item for name, layer in layers if name in left for item in items(layer, "communities")]
    mine = {canonical(item) for item in items(keys, "communities")}
    others = {
        canonical(item) for name, layer in layers if name not in left for item in items(layer, "communities")
    }
    new = {canonical(item): item for item in sent if canonical(item) not in mine | others | set(dropped)}
    _set_list(keys, "communities", [*items(keys, "communities"), *new])
    actions = [item for name, layer in layers if name in left for item in items(layer, "actions")]
    _set_list(keys, "actions", [*items(keys, "actions"), *actions])
    stay: list[Value] = [item for item in items(keys, "policy") if str(item).strip() not in left]
    if stay:
        _set_list(keys, "policy", stay)
    else:
        del keys["policy"]


def _set_list(keys: Keys, name: str, wanted: list[Value]) -> None:
    if wanted != items(keys, name):
        keys[name] = wanted


def _last(layers: list[Mapping[str, Value]], key: str) -> Value:
    said = [layer[key] for layer in layers if key in layer]
    return said[-1] if said else None
