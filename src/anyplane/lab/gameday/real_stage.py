"""RealStage: the orders of a scenario at real sites, each confirmed, and queries asked from this machine.

Only what an operator may order is done: drain, undrain, wait. Everything that breaks something is refused
before the first step. An order goes through the agent's socket where it is on this machine, else through a
command that the operator gives, for example `ssh {site} anyplane site {order} {group} --wait 0`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from anyplane.design.design import Design
from anyplane.design.quantities import Unfit
from anyplane.lab.gameday import references, site_steps
from anyplane.lab.gameday.clients import Client
from anyplane.lab.gameday.scenario import Probes, Scenario
from anyplane.lab.gameday.stage import NO_SITE, Applied, Facts, Measured, Observation, Probed, SiteFacts, Span
from anyplane.lab.gameday.step import Step, Wait
from anyplane.lab.gameday.words import Words
from anyplane.model.errors import LabError, UsageError

HERE = "here"
ORDER_S = 30.0
ANSWER_S = 1.0
CALM_QPS = 10.0
"""More than that is not asked of a production service, whatever the scenario says."""
REFUSED = "REFUSED: "
OWN_DESIGN = "real sites go by their own design"
Confirm = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """How orders reach the sites.

    run_dir: where the agents' sockets are. command: instead of it, with {site}, {order} and {group}.
    """

    run_dir: Path | None = None
    command: str = ""

    def argv(self, site: str, order: str, group: str) -> tuple[str, ...]:
        """The command without a shell, each word filled in."""
        known = {"site": site, "order": order, "group": group}

        def fill(found: re.Match[str]) -> str:
            if found[1] not in known:
                raise UsageError(
                    f"--order-command: nobody knows what {found[0]} is",
                    hint="write {site}, {order} and {group}",
                )
            return known[found[1]]

        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise UsageError(f"--order-command: {str(error).lower()}") from None
        filled = (re.sub(r"\{(\w*)\}", fill, word) for word in words)
        return tuple(word for word in filled if word)

    def give(self, site: str, order: str, group: str) -> None:
        """The order is accepted; AnyplaneError with the site's own words where it is not."""
        if self.command:
            self._run(self.argv(site, order, group))
            return
        from anyplane.agent import client

        if self.run_dir is None:
            raise UsageError("nobody says how orders reach the sites", hint="give a command, or --run-dir")
        client.ask(client.find(self.run_dir, site), {"do": order, "service": group})

    def _run(self, argv: Sequence[str]) -> None:
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=ORDER_S, check=False)  # noqa: S603  # the operator's own command
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LabError(f"{shlex.join(argv)}: {error}") from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()[-500:]
            raise LabError(f"{shlex.join(argv)} ended with {done.returncode}: {said}")


def plan(scenario: Scenario, design: Design, orders: Orders) -> tuple[str, ...]:
    """What would happen, a line for each step; nothing is done and nobody is asked."""
    lines = [
        f"{scenario.name}: {scenario.shows}",
        f"probe {', '.join(_addresses(design))} from here, {_rate(scenario.probes):g} qps",
    ]
    if scenario.words:
        lines.append(f"with {', '.join(scenario.words)}\n     {REFUSED}{OWN_DESIGN}")
    at, stage = scenario.settle_s, RealStage(design, orders, confirm=lambda _: False)
    lines += [
        f"line {one.line}, {one.path}\n     {REFUSED}{one.message}"
        for one in references.problems(scenario, stage.facts())
    ]
    for number, one in enumerate(scenario.steps, 1):
        at = one.at + scenario.settle_s if one.at is not None else at + one.after
        how = stage.refusal(one.step)
        if how:
            how = f"{REFUSED}{how}"
        elif isinstance(one.step, site_steps.Drain | site_steps.Undrain):
            how = _said(one.step, orders)
        lines.append(f"{number}. {at:7.1f} s  {one.step}" + (f"\n     {how}" if how else ""))
        at += one.step.time if isinstance(one.step, Wait) else 0.0
    lines.append("at the end, whatever happened: undrain what this game day drained")
    return tuple(lines)


class RealStage:
    """Implements gameday.stage.Stage. `confirm` is asked before each order, with the words of the order."""

    def __init__(self, design: Design, orders: Orders, *, confirm: Confirm) -> None:
        self._design = design
        self._orders = orders
        self._confirm = confirm
        self._drained: dict[tuple[str, str], site_steps.Drain] = {}
        self._prober: _Prober | None = None

    def now(self) -> float:
        """Monotonic."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def facts(self) -> Facts:
        """The sites of the design; the one client is this machine."""
        return Facts(
            sites=tuple(
                SiteFacts(name=str(site.name), upstreams=tuple(int(one.asn) for one in site.upstreams))
                for site in self._design.sites
            ),
            clients=(Client(node=HERE, metro="", asn=0),),
            where=f"{self._design.name}: the real sites, asked from this machine",
        )

    def refusal(self, step: Step) -> str:
        """Everything but orders and waiting."""
        if not type(step).is_order:
            return (
                "it would break a production network; real sites are only drained, undrained and waited for"
            )
        if isinstance(step, site_steps.Drain) and step.force:
            return "a forced drain does not ask the guard; give it by hand if you must"
        return ""

    def reword(self, words: Words) -> None:  # noqa: ARG002  # as a Stage is asked
        """Never."""
        raise Unfit(OWN_DESIGN, hint="leave `with` out, or run it in a lab")

    def start_probes(self, probes: Probes) -> None:
        """Queries at the scenario's rate, but never more than CALM_QPS."""
        self._prober = _Prober(_addresses(self._design)[0], _rate(probes), self._sites())

    def stop_probes(self) -> Measured:
        """What this machine saw."""
        if self._prober is None:
            return Measured()
        spans = self._prober.stop()
        self._prober = None
        return Measured(probed=(Probed(client=HERE, kind="udp", spans=spans),))

    def apply(self, step: Step) -> Applied:
        """Asked for first; LabError where the answer is no."""
        if isinstance(step, site_steps.Drain):
            self._ask(step)
            self._drained[step.site, step.group or ""] = step
            at = self.now()
            self._orders.give(step.site, "drain", step.group or "")
            return Applied(at=at)
        if isinstance(step, site_steps.Undrain):
            self._ask(step)
            at = self.now()
            self._orders.give(step.site, "undrain", step.group or "")
            self._drained.pop((step.site, step.group or ""), None)
            return Applied(at=at)
        raise LabError(f"{step}: {self.refusal(step) or 'nothing to do'}")

    def heal(self) -> tuple[str, ...]:
        """Every drain of ours is taken back, without asking: that is what was promised."""
        failed = []
        for (site, group), _ in [*self._drained.items()]:
            try:
                self._orders.give(site, "undrain", group)
                del self._drained[site, group]
            except Exception as error:  # noqa: BLE001  # the other sites must be undrained all the same
                failed.append(f"{site} is still drained: {error}")
        return tuple(failed)

    def announced(self) -> frozenset[str]:
        """All that no drain of ours takes away: from here nobody can see more."""
        return frozenset(self._sites()) - {site for site, _ in self._drained}

    def catchment(self) -> Mapping[str, str]:
        """Who answers this machine now."""
        return {HERE: _ask(_addresses(self._design)[0], self._sites())}

    def updates(self) -> int:
        """Not known here."""
        return 0

    def observations(self, since: float) -> tuple[Observation, ...]:
        """None: the tables of others cannot be seen from here."""
        del since
        return ()

    def prediction(self, without: frozenset[str]) -> Mapping[str, frozenset[str]] | None:
        """None: the plan knows no client called "here"."""
        del without
        return None

    def _sites(self) -> tuple[str, ...]:
        return tuple(str(site.name) for site in self._design.sites)

    def _ask(self, step: site_steps.Drain | site_steps.Undrain) -> None:
        if not self._confirm(f"{step} now? ({_said(step, self._orders)})"):
            raise LabError(f"{step}: not confirmed", hint="nothing more is done")


class _Prober:
    """Asks at a fixed rate in a thread; a query that has no answer within ANSWER_S is lost."""

    def __init__(self, address: str, rate: float, sites: tuple[str, ...]) -> None:
        self._address, self._rate, self._sites = address, rate, sites
        self._answers: list[tuple[float, str]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gameday prober", daemon=True)
        self._thread.start()

    def stop(self) -> tuple[Span, ...]:
        """The spans of one answer."""
        self._is_over.set()
        self._thread.join(ANSWER_S * 3)
        runs: list[list[tuple[float, str]]] = []
        for answer in self._answers:
            if not runs or runs[-1][0][1] != answer[1]:
                runs.append([])
            runs[-1].append(answer)
        ends = [following[0][0] for following in runs[1:]] + [runs[-1][-1][0] if runs else 0.0]
        return tuple(
            Span(start=run[0][0], end=run[-1][0] if run[0][1] else end, site=run[0][1], queries=len(run))
            for run, end in zip(runs, ends, strict=True)
        )

    def _run(self) -> None:
        due = time.monotonic()
        while not self._is_over.wait(max(0.0, due - time.monotonic())):
            sent = time.monotonic()
            self._answers.append((sent, _ask(self._address, self._sites)))
            due = max(due + 1 / self._rate, sent)


def _ask(address: str, sites: tuple[str, ...]) -> str:
    """The site that answers; whoever answers without a name we know is called by what it says."""
    query = dns.message.make_query("id.server", "TXT", "CH")
    try:
        reply = dns.query.udp(query, address, timeout=ANSWER_S)
    except (dns.exception.DNSException, OSError):
        return NO_SITE
    texts = [
        b"".join(item.strings).decode("utf-8", "replace")
        for answer in reply.answer
        if answer.rdtype == dns.rdatatype.TXT
        for item in answer
    ]
    if not texts:
        return "unnamed"
    words = texts[0].lower().replace(".", "-").split("-")
    return next((site for site in sites if site.lower() in words), texts[0])


def _addresses(design: Design) -> tuple[str, ...]:
    found = tuple(
        str(address)
        for health in (design.health, *(site.health for site in design.sites))
        for one in health.values()
        for address in one.addresses
    )
    if not found:
        raise UsageError("the design has no service address", hint="give `health:` its `addresses`")
    return found


def _rate(probes: Probes) -> float:
    return min(probes.rate, CALM_QPS)


def _said(step: site_steps.Drain | site_steps.Undrain, orders: Orders) -> str:
    order, group = ("drain" if isinstance(step, site_steps.Drain) else "undrain"), step.group or ""
    if orders.command:
        return shlex.join(orders.argv(step.site, order, group))
    return f"{order} through the socket of the agent of {step.site}"
