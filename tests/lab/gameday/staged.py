"""A scripted stage: a small invented network with a clock of its own, where faults are felt at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anyplane.lab.gameday import site_steps
from anyplane.lab.gameday.clients import Client
from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.reading import parse
from anyplane.lab.gameday.runner import run
from anyplane.lab.gameday.scenario import Probes, Scenario
from anyplane.lab.gameday.stage import (
    NO_SITE,
    Applied,
    Facts,
    Measured,
    Observation,
    Probed,
    Seen,
    SiteFacts,
    Span,
    Stalled,
)
from anyplane.lab.gameday.step import Step
from anyplane.lab.gameday.words import Words, worded
from anyplane.model.errors import LabError

OUTAGE_S = 0.1
RATE = 100.0
CLIENTS = (
    Client(node="as1-lis", metro="LIS", asn=1, users=3.0, country="PT", continent="EU"),
    Client(node="as2-tyo", metro="TYO", asn=2, users=6.0, country="JP", continent="AS"),
    Client(node="as3-chi", metro="CHI", asn=3, users=1.0, country="US", continent="NA"),
)
HOME = {"as1-lis": "mad", "as2-tyo": "tyo", "as3-chi": "chi"}
SITES = (
    SiteFacts(name="mad", country="ES", continent="EU", upstreams=(174, 1299), backends=("web1",),
              capacity_users=8.0),
    SiteFacts(name="tyo", country="JP", continent="AS", upstreams=(174, 2914), capacity_users=20.0),
    SiteFacts(name="chi", country="US", continent="NA", upstreams=(174,), capacity_users=20.0),
)  # fmt: skip
FACTS = Facts(
    sites=SITES,
    clients=CLIENTS,
    networks=frozenset({174, 1299, 2914, 37100}),
    where="Lab invented: 9 routers",
)


class ScriptedStage:
    """Killing or draining a site moves its clients to the first site left; `fails_at` breaks one step."""

    def __init__(self, *, fails_at: str = "", fails_in: str = "", unhealed: tuple[str, ...] = ()) -> None:
        self.clock = 1000.0
        self.done: list[str] = []
        self.calls: list[str] = []
        self.gone: dict[str, float] = {}
        self.spans: dict[str, list[Span]] = {}
        self.seen: list[Observation] = []
        self.is_probing = False
        self._fails_at, self._fails_in, self._unhealed = fails_at, fails_in, unhealed
        self._probed_from = 0.0

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.clock += seconds

    def facts(self) -> Facts:
        return FACTS

    def refusal(self, step: Step) -> str:
        return "there is no fleet here" if isinstance(step, site_steps.Partition) else ""

    def reword(self, words: Words) -> None:
        worded("service: {}\n", words)
        self._call("reword")

    def start_probes(self, probes: Probes) -> None:
        self._call("start_probes")
        self.is_probing, self._probed_from = True, self.clock
        self.spans = {client.node: [] for client in probes.clients.among(CLIENTS)}
        for node in self.spans:
            self._turn(node, self._answer(node))

    def stop_probes(self) -> Measured:
        self._call("stop_probes")
        assert self.is_probing
        self.is_probing = False
        return Measured(
            probed=tuple(
                Probed(client=node, kind="udp", spans=self._closed(spans))
                for node, spans in self.spans.items()
            ),
            stalls=(Stalled(at=self._probed_from + 0.5, for_s=0.03),),
        )

    def apply(self, step: Step) -> Applied:
        if self._fails_at and self._fails_at in str(step):
            raise LabError(f"{step}: the machine is on fire", hint="water")
        self.clock += 0.01
        self.done.append(str(step))
        site = getattr(step, "site", "")
        if type(step).breaks or isinstance(step, site_steps.Drain):
            self.gone[site] = self.clock
            self.seen.append(
                Observation(
                    at=self.clock + 0.05, what=Seen.WITHDRAWN, where=site, text=f"{site} is withdrawn"
                )
            )
            self.seen.append(Observation(at=self.clock + 0.07, what=Seen.FIB, where="as174-mad"))
            self._shift(OUTAGE_S if type(step).breaks else 0.0)
        elif site in self.gone:
            del self.gone[site]
            self.seen.append(Observation(at=self.clock, what=Seen.ANNOUNCED, where=site))
            self._shift(0.0)
        return Applied(at=self.clock)

    def heal(self) -> tuple[str, ...]:
        self._call("heal")
        self.gone.clear()
        return self._unhealed

    def announced(self) -> frozenset[str]:
        self._call("announced")
        return frozenset(site.name for site in SITES) - set(self.gone)

    def catchment(self) -> Mapping[str, str]:
        self._call("catchment")
        return {client.node: self._answer(client.node) for client in CLIENTS}

    def updates(self) -> int:
        self._call("updates")
        return 100 + 7 * len(self.done)

    def observations(self, since: float) -> tuple[Observation, ...]:
        self._call("observations")
        return tuple(one for one in self.seen if one.at >= since)

    def prediction(self, without: frozenset[str]) -> Mapping[str, frozenset[str]] | None:
        left = [site.name for site in SITES if site.name not in without]
        return {node: frozenset({home if home in left else left[0]}) for node, home in HOME.items()}

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self._fails_in:
            raise RuntimeError(f"{name} is broken")

    def _answer(self, node: str) -> str:
        left = [site.name for site in SITES if site.name not in self.gone]
        return HOME[node] if HOME[node] in left else left[0] if left else NO_SITE

    def _shift(self, outage_s: float) -> None:
        for node, spans in self.spans.items():
            if spans[-1].site != self._answer(node):
                if outage_s:
                    self._turn(node, NO_SITE)
                    self.clock += outage_s
                    self._turn(node, self._answer(node))
                    self.clock -= outage_s
                else:
                    self._turn(node, self._answer(node))

    def _turn(self, node: str, site: str) -> None:
        self.spans[node].append(Span(start=self.clock, end=self.clock, site=site, queries=0))

    def _closed(self, spans: list[Span]) -> tuple[Span, ...]:
        ends = [span.start for span in spans[1:]] + [self.clock]
        return tuple(
            replace(span, end=end, queries=max(1, round((end - span.start) * RATE)))
            for span, end in zip(spans, ends, strict=True)
            if end > span.start
        )


def scenario(steps_text: str, expect: str = "[{lost: 1000}]", *, more: str = "") -> Scenario:
    """A scenario of these steps and expectations, in YAML's flow form."""
    head = "version: 1\nname: tried\nshows: what happens\nsettle: 1 s\n"
    return parse(f"{head}{more}steps: {steps_text}\nexpect: {expect}\n")


def day(
    steps_text: str, expect: str = "[{lost: 1000}]", *, more: str = "", stage: ScriptedStage | None = None
) -> Outcome:
    """What becomes of it on a scripted stage."""
    return run(stage or ScriptedStage(), scenario(steps_text, expect, more=more))
