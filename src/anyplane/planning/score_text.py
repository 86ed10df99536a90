"""score_text: a Score for the terminal: 100 columns, readable in a pipe, nothing said by colour alone."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anyplane.planning.figures import count, interval, listed, percent, whole
from anyplane.planning.score_report import Bin, By, Measures, Score

MOST_SITES = 20
MOST_MATRIX = 6
MOST_WRONG = 10
MOST_COUNTRIES = 8
MOST_WARNINGS = 8
BAR = 30


def render(score: Score, *, by: By = By.NETWORKS, is_plain: bool = False) -> RenderableType:
    """The whole score. by: what the tables count; is_plain: bars in ASCII."""
    shown = score.measures(by)
    parts: list[RenderableType] = [*headline(score), Text(verdict(shown)), Text(""), _figures(score)]
    parts += [Text(""), *_reliability(shown, is_plain=is_plain)]
    parts += [Text(""), *_sites(shown)]
    parts += [Text(""), *_confusion(shown)]
    if len(score.by_method) > 1 or score.agreements:
        parts += [Text(""), *_methods(score)]
    if score.countries:
        parts += [Text(""), *_countries(score)]
    if score.wrong:
        parts += [Text(""), *_wrong(score)]
    if score.warnings:
        parts += [Text(""), Text("Warnings", style="bold")]
        parts += [Text(f"- {text}") for text in score.warnings[:MOST_WARNINGS]]
    return Group(*parts)


def headline(score: Score) -> list[RenderableType]:
    """What is compared, and how much of it."""
    sets = listed([one.announced for one in score.announced if one.is_scored], most=2)
    return [
        Text.assemble(
            (score.service or "score", "bold"), f"  {score.predicted} against {score.observed}: {sets}"
        ),
        Text(overlap(score)),
    ]


def overlap(score: Score) -> str:
    """How many networks are scored, of how many."""
    users = f", with {count(score.users)} users" if score.users else ""
    text = (
        f"{score.networks:,} networks are in both{users}: {percent(score.observed_in_forecast)} of those "
        f"observed by {listed(score.methods, most=6)}, of {score.forecast_networks:,} predicted"
    )
    if score.split_networks:
        text += f"; {score.split_networks:,} answered from several sites"
    return text + "."


def verdict(shown: Measures) -> str:
    """One sentence: is it better than the guess that needs no prediction?"""
    always = f"always saying {shown.majority} ({percent(shown.majority_accuracy)})"
    right = f"Right for {percent(shown.accuracy)} of the {shown.by.value}"
    if shown.gain_low > 0:
        return f"{right}, better than {always}."
    if shown.gain_high < 0:
        return f"{right}, worse than {always}."
    if shown.gain == 0:
        return f"{right}, no better than {always}."
    return f"{right}: too close to {always} to tell them apart."


def points(value: float) -> str:
    """A difference of shares: "+9.1"."""
    rounded = round(value * 100, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def verdict_of(one: Bin) -> str:
    """Does the share that was right fit the certainty that was stated?"""
    if one.stated is None or one.right_low is None or one.right_high is None:
        return ""
    if one.right_high < one.stated:
        return "too sure"
    return "too modest" if one.right_low > one.stated else "as stated"


def class_of(one: Bin) -> str:
    """ "50 – 60 %"."""
    return f"below {whole(one.high)}" if one.low == 0 else f"{one.low * 100:.0f} – {whole(one.high)}"


def figure_rows(score: Score) -> list[tuple[str, list[str]]]:
    """(name, by networks and by users) of the figures, for terminal and page alike."""
    columns = [one for one in (score.by_networks, score.by_users) if one is not None]
    return [
        ("accuracy", [percent(one.accuracy) for one in columns]),
        ("  95 % interval", [interval(one.accuracy_low, one.accuracy_high) for one in columns]),
        ("always the most observed site", [f"{percent(one.majority_accuracy)}" for one in columns]),
        ("  gain over it, points", [points(one.gain) for one in columns]),
        ("  95 % interval", [f"{points(one.gain_low)} to {points(one.gain_high)}" for one in columns]),
        ("balanced accuracy", [percent(one.balanced_accuracy) for one in columns]),
        (f"log loss (floor {score.floor:g})", [f"{one.log_loss:.3f}" for one in columns]),
        ("  of the observed shares", [f"{one.base_log_loss:.3f}" for one in columns]),
        ("Brier score", [f"{one.brier:.3f}" for one in columns]),
        ("  of the observed shares", [f"{one.base_brier:.3f}" for one in columns]),
        ("calibration error", [percent(one.calibration_error) for one in columns]),
        ("shares off by (total variation)", [percent(one.total_variation) for one in columns]),
        ("best with one site for each network", [percent(one.best_accuracy) for one in columns]),
        (
            "agreement of the methods (ceiling)",
            [percent(score.ceiling) for _ in columns[:1]] + [""] * (len(columns) - 1),
        ),
    ]


def _figures(score: Score) -> Table:
    table = _table()
    table.add_column("")
    table.add_column("by networks", justify="right")
    if score.by_users is not None:
        table.add_column("by users", justify="right")
    for name, cells in figure_rows(score):
        table.add_row(name, *cells)
    return table


def _reliability(shown: Measures, *, is_plain: bool) -> list[RenderableType]:
    table = _table()
    table.add_column("certainty")
    table.add_column("networks", justify="right")
    table.add_column("stated", justify="right")
    table.add_column("right", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("", min_width=BAR + 1)
    table.add_column("")
    for one in shown.bins:
        if one.stated is None or one.right is None:
            table.add_row(class_of(one), "–", "–", "–", "–", "", "")
            continue
        table.add_row(
            class_of(one),
            f"{one.networks:,}",
            percent(one.stated),
            percent(one.right),
            interval(one.right_low or 0.0, one.right_high or 0.0),
            bar(one.right, one.stated, is_plain=is_plain),
            verdict_of(one),
        )
    full, mark = ("#", "|") if is_plain else ("█", "│")
    title = f"Is the certainty true?  (by {shown.by.value})"
    return [
        Text(title, style="bold"),
        table,
        Text(f"{full} share right, 0 to 100 %;  {mark} certainty stated", style="dim"),
    ]


def bar(right: float, stated: float, *, is_plain: bool) -> str:
    """The share right as a bar with a mark at the certainty that was stated."""
    full, space, mark = ("#", ".", "|") if is_plain else ("█", "·", "│")
    filled = round(BAR * right)
    cells = [full] * filled + [space] * (BAR - filled)
    at = round(BAR * stated)
    return "".join(cells[:at]) + mark + "".join(cells[at:])


def _sites(shown: Measures) -> list[RenderableType]:
    rows = sorted(shown.sites, key=lambda row: (-row.observed, -row.expected, row.site))
    table = _table()
    table.add_column("site", overflow="fold", max_width=24)
    for heading in ("predicted", "observed", "points", "most likely", "recall", "precision"):
        table.add_column(heading, justify="right")
    for row in rows[:MOST_SITES]:
        table.add_row(
            row.site,
            percent(row.expected),
            percent(row.observed),
            points(row.expected - row.observed),
            percent(row.likely),
            percent(row.recall),
            percent(row.precision),
        )
    notes = [
        "predicted: its mean probability; most likely: where it is the most probable site",
        "recall: so many of those observed here; precision: so many of those where it is most likely",
    ]
    if len(rows) > MOST_SITES:
        notes.append(f"{len(rows) - MOST_SITES} more in --json")
    return [
        Text(f"Shares of the sites  (by {shown.by.value})", style="bold"),
        table,
        *(Text(note, style="dim") for note in notes),
    ]


def _confusion(shown: Measures) -> list[RenderableType]:
    title = Text(f"Observed, and what was most likely  (by {shown.by.value})", style="bold")
    rows, columns = axes(shown)
    table = _table()
    if len(rows) <= MOST_MATRIX and len(columns) <= MOST_MATRIX:
        share = {(one.observed, one.predicted): one.share for one in shown.confusion}
        table.add_column("observed", overflow="fold", max_width=24)
        for column in columns:
            table.add_column(column or "no route", justify="right", overflow="fold", max_width=16)
        for row in rows:
            table.add_row(row, *(percent(share.get((row, column), 0.0)) for column in columns))
        return [title, table]
    table.add_column("observed")
    table.add_column("most likely")
    table.add_column("share", justify="right")
    errors = sorted(
        (one for one in shown.confusion if one.observed != one.predicted), key=lambda one: -one.share
    )
    for one in errors[:10]:
        table.add_row(one.observed, one.predicted or "no route", percent(one.share))
    if len(errors) > 10:
        table.add_row(f"{len(errors) - 10} more", "", percent(sum(one.share for one in errors[10:])))
    return [title, table]


def axes(shown: Measures) -> tuple[list[str], list[str]]:
    """The sites that were observed, and those that were most likely somewhere, most observed first."""
    order = [row.site for row in sorted(shown.sites, key=lambda row: (-row.observed, row.site))]
    observed = {one.observed for one in shown.confusion}
    predicted = {one.predicted for one in shown.confusion}
    rows = [site for site in order if site in observed]
    return rows, [site for site in (*order, "") if site in predicted]


def _methods(score: Score) -> list[RenderableType]:
    parts: list[RenderableType] = [Text("By method", style="bold")]
    table = _table()
    table.add_column("method")
    for heading in ("networks", "accuracy", "always the most observed"):
        table.add_column(heading, justify="right")
    for one in score.by_method:
        if one.networks:
            always = f"{percent(one.majority_accuracy)} ({one.majority})"
            table.add_row(one.method, f"{one.networks:,}", percent(one.accuracy), always)
    parts.append(table)
    parts += [
        Text(
            f"{one.one} and {one.other} agree on {percent(one.agreement)} of {one.networks:,} networks "
            f"({one.announced})"
        )
        for one in score.agreements[:6]
    ]
    if score.agreements:
        parts.append(
            Text("No prediction can agree with one method better than another measurement does.", style="dim")
        )
    return parts


def _countries(score: Score) -> list[RenderableType]:
    has_users = score.by_users is not None
    table = _table()
    table.add_column("country")
    for heading in (
        "networks",
        "accuracy",
        *(("users", "accuracy by users", "wrong users") if has_users else ()),
    ):
        table.add_column(heading, justify="right")
    for one in score.countries[:MOST_COUNTRIES]:
        people = (count(one.users), percent(one.accuracy_users), count(one.wrong_users)) if has_users else ()
        table.add_row(one.country, f"{one.networks:,}", percent(one.accuracy), *people)
    rest = len(score.countries) - MOST_COUNTRIES
    title = "Countries that cost most" + (f"  ({rest} more in --json)" if rest > 0 else "")
    return [Text(title, style="bold"), table]


def _wrong(score: Score) -> list[RenderableType]:
    table = _table()
    table.add_column("network")
    table.add_column("users", justify="right")
    table.add_column("most likely", overflow="fold")
    table.add_column("certainty", justify="right")
    table.add_column("observed", overflow="fold")
    table.add_column("was given", justify="right")
    for one in score.wrong[:MOST_WRONG]:
        where = f" {one.country}" if one.country else ""
        part = f" ({whole(one.share)})" if one.share < 1 else ""
        table.add_row(
            f"AS{one.asn}{where}",
            count(one.users) if score.users else "–",
            one.predicted or "no route",
            percent(one.certainty),
            one.observed + part,
            percent(one.given),
        )
    return [Text("Wrong networks with most users" if score.users else "Wrong networks", style="bold"), table]


def _table() -> Table:
    return Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
