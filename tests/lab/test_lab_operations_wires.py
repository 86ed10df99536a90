"""The operations on cables: which cables and directions are meant, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from namespaces import needs_namespaces, needs_program, wait_until
from wired import A, B, C, Wired, wired

from anyplane.lab.container.control import Arguments
from anyplane.lab.wires.operations_wires import OPERATIONS
from anyplane.model.errors import LabError


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    needs_namespaces()
    needs_program("ping")
    with wired(tmp_path_factory.mktemp("operations")) as lab:
        yield lab


@pytest.fixture
def lab(running: Wired) -> Iterator[Wired]:
    yield running
    running.wires.clear()


def do(lab: Wired, name: str, **arguments: Any) -> Any:
    """What the operation returns."""
    return anyio.run(OPERATIONS[name], SimpleNamespace(wires=lab.wires), Arguments(arguments), lambda _: None)


def chosen(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(cable, direction) of a result."""
    return [(each["cable"], each["direction"]) for each in result["cables"]]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({"link": 0}, [("l0", "both")]),
        ({"link": "l0", "from": B}, [("l0", "from_b")]),
        ({"link": "l0", "to": B}, [("l0", "from_a")]),
        ({"link": "x0p3", "from": C}, [("x0p3", "from_a")]),
        ({"link": "x0p3", "to": C}, [("x0p3", "from_b")]),
        ({"between": [C, B]}, [("l1", "both")]),
        ({"node": B}, [("l0", "both"), ("l1", "both"), ("x0p2", "both")]),
        ({"node": B, "from": B}, [("l0", "from_b"), ("l1", "from_a"), ("x0p2", "from_a")]),
    ],
)
def test_cables_are_chosen_by_link_by_ends_or_by_node(
    lab: Wired, arguments: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert chosen(do(lab, "cut", **arguments)) == wanted


def test_a_node_whose_cables_are_cut_is_gone_until_they_are_healed(lab: Wired) -> None:
    everywhere = (lab.plan.links[0].v4(B).ip, lab.plan.exchanges[0].v4(B).ip)
    do(lab, "cut", node=B)
    assert [lab.round_trips(A, address, 2) for address in everywhere] == [[], []]

    do(lab, "heal", node=B)
    for address in everywhere:
        wait_until(lambda address=address: lab.round_trips(A, address, 2))  # type: ignore[misc]


def test_shape_clear_and_stats_speak_of_the_same(lab: Wired) -> None:
    do(lab, "shape", link=0, loss=0.25, **{"from": A})
    stats = do(lab, "wire_stats", link=0)
    assert stats["way"] == "relay"
    assert stats["harmed"] == {"l0 from_a": {"loss": 0.25}}
    assert set(stats["cables"]) == {"l0"}

    assert do(lab, "clear") == {"cables": "all"}
    assert do(lab, "wire_stats", is_reset=True)["harmed"] == {}


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("cut", {}, "which cables is not clear"),
        ("cut", {"link": 0, "node": A}, "which cables is not clear"),
        ("cut", {"link": 99}, "no cable l99"),
        ("cut", {"link": [1]}, "link cannot be"),
        ("cut", {"link": 0, "loss": 0.1}, "no argument loss"),
        ("cut", {"link": 0, "from": C}, "does not end at as3-cph"),
        ("cut", {"link": 0, "from": A, "to": A}, "the same node"),
        ("cut", {"node": "as9-fra"}, "no cable ends at as9-fra"),
        ("cut", {"between": [A, C]}, "no link joins"),
        ("shape", {"link": 0}, "needs something to do"),
        ("shape", {"link": 0, "loss": 7}, "loss is a probability"),
        ("wire_stats", {"link": "l9"}, "no cable l9"),
    ],
)
def test_what_is_not_clear_is_refused_with_a_hint(
    lab: Wired, name: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(LabError, match=text) as caught:
        do(lab, name, **arguments)

    assert caught.value.hint
    assert lab.wires.stats()["harmed"] == {}


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("shape", {"link": 0, "loss": "high"}, "loss is a number"),
        ("shape", {"link": 0, "is_cut": 1}, "is_cut is true or false"),
        ("cut", {"link": 0, "from": 3}, "from is a text"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_the_name_of_its_argument(
    lab: Wired, name: str, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(LabError, match=text):
        do(lab, name, **arguments)

    assert lab.wires.stats()["harmed"] == {}
