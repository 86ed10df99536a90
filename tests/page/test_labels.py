"""Names on the map: near their points, never upon each other, the important ones first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from anyplane.planning.page.labels import Label, Point, breadth, place

SIZE = 13.0


def _box(label: Label) -> tuple[float, float, float, float]:
    long = breadth(label.text, SIZE)
    left = {"start": label.x, "end": label.x - long, "middle": label.x - long / 2}[label.anchor]
    return left, label.y - SIZE * 0.9, left + long, label.y + SIZE * 0.2


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


points = st.builds(
    lambda text, x, y: Point(text=text, x=x, y=y, radius=6.0),
    st.text("abcdefgh", min_size=1, max_size=12),
    st.floats(0, 1000),
    st.floats(0, 430),
)


@settings(deadline=None)
@given(st.lists(points, max_size=60))
def test_no_two_names_touch_and_all_stay_inside(found: list[Point]) -> None:
    placed = [label for label in place(found, size=SIZE, width=1000, height=430) if label]

    for number, label in enumerate(placed):
        box = _box(label)
        assert box[0] >= 0
        assert box[2] <= 1000
        assert not any(_touch(box, _box(other)) for other in placed[:number])


def test_a_lonely_name_stands_to_the_right_of_its_point() -> None:
    (label,) = place([Point(text="fra", x=500, y=200, radius=6)], size=SIZE, width=1000, height=430)

    assert label is not None
    assert label.anchor == "start"
    assert label.x > 506
    assert label.line is None


def test_a_name_at_the_right_edge_turns_to_the_left() -> None:
    (label,) = place([Point(text="auckland", x=995, y=200, radius=4)], size=SIZE, width=1000, height=430)

    assert label is not None
    assert label.anchor == "end"


def test_where_room_ends_the_later_names_are_left_out() -> None:
    crowd = [Point(text=f"site-{k}", x=500, y=200, radius=6) for k in range(60)]

    labels = place(crowd, size=SIZE, width=1000, height=430)

    assert labels[0] is not None
    assert labels[-1] is None


def test_no_more_names_than_wanted_and_none_far_off_when_it_may_not_move() -> None:
    crowd = [Point(text=f"s{k}", x=20 + 9 * k, y=200, radius=4) for k in range(100)]

    placed = [
        label
        for label in place(crowd, size=SIZE, width=1000, height=430, most=5, may_move=False)
        if label is not None
    ]

    assert 0 < len(placed) <= 5
    assert all(label.line is None for label in placed)
