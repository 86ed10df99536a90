"""run: one scenario on one stage, everything written down; whatever happens, the stage is healed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from anyplane.design.quantities import Unfit
from anyplane.lab.gameday import references
from anyplane.lab.gameday.expectations import AsPlanned
from anyplane.lab.gameday.network_steps import FlapRoute, RestoreRoute, WithdrawRoute
from anyplane.lab.gameday.outcome import Outcome
from anyplane.lab.gameday.reckoning import outcome
from anyplane.lab.gameday.record import Done, Record
from anyplane.lab.gameday.scenario import Scenario, TimedStep
from anyplane.lab.gameday.site_steps import FlapService, KillService, RestoreService
from anyplane.lab.gameday.stage import NO_SITE, Applied, Facts, Stage
from anyplane.lab.gameday.step import Step, Wait, WaitUntil
from anyplane.lab.gameday.verdict import judge
from anyplane.model.errors import AnyplaneError, DesignError

POLL_S = 0.05
SETTLED_S = 10.0
OnEvent = Callable[[Mapping[str, object]], None]


def run(stage: Stage, scenario: Scenario, *, on_event: OnEvent = lambda _: None) -> Outcome:
    """What became of it. DesignError where the scenario does not fit the stage: then nothing was done.

    A step that fails, or a stage that does, ends the game day early; the Outcome says so in `errors`. Ctrl-C
    heals too, and goes on up.
    """
    facts = stage.facts()
    if wrong := references.problems(scenario, facts):
        raise DesignError(wrong)
    if refused := [
        scenario.document.problem(("steps", one.place), f"{one.step}: {why}")
        for one in scenario.steps
        if (why := stage.refusal(one.step))
    ]:
        raise DesignError(tuple(refused))
    if scenario.words:
        _reword(stage, scenario)
        facts = stage.facts()
    return _Run(stage, scenario, facts, on_event).outcome()


def _reword(stage: Stage, scenario: Scenario) -> None:
    """The design with the scenario's own words; the stage is healed where they cannot be put in force."""
    try:
        with told_at_its_line(scenario):
            stage.reword(scenario.words)
    except BaseException:
        stage.heal()
        raise


@contextmanager
def told_at_its_line(scenario: Scenario) -> Iterator[None]:
    """What is wrong with a scenario's words for the design is told where they stand."""
    try:
        yield
    except (Unfit, DesignError) as error:
        said = (
            [(error.message, error.hint)]
            if isinstance(error, Unfit)
            else [(f"{one.path} of the design: {one.message}", one.hint) for one in error.problems]
        )
        raise DesignError(
            tuple(
                scenario.document.problem(("with",), message, hint=hint, of_key=True)
                for message, hint in said
            )
        ) from None


class _Run:
    """One game day under way."""

    def __init__(self, stage: Stage, scenario: Scenario, facts: Facts, on_event: OnEvent) -> None:
        self._stage = stage
        self._scenario = scenario
        self._on_event = on_event
        self._done: list[Done] = []
        self._errors: list[str] = []
        now = stage.now()
        self._record = Record(scenario=scenario, facts=facts, began=now, ended=now, is_whole=False)
        self._updates = 0
        self._ended = now

    def outcome(self) -> Outcome:
        is_probing = False
        try:
            self._before()
            self._stage.start_probes(self._scenario.probes)
            is_probing = True
            self._record = replace(self._record, began=self._stage.now())
            self._say("probing", scenario=self._scenario.name)
            self._stage.sleep(self._scenario.settle_s)
            self._steps()
            self._stage.sleep(self._scenario.settle_s)
            self._after()
        except Exception as error:  # noqa: BLE001  # whatever it is, it must be healed and told
            self._failed(error)
        finally:
            self._end(is_probing=is_probing)
        record = replace(self._record, ended=self._ended, done=tuple(self._done), errors=tuple(self._errors))
        made = outcome(record, judge(record))
        self._say("ended", is_kept=made.is_kept, errors=list(made.errors))
        return made

    def _before(self) -> None:
        stage = self._stage
        self._record = replace(
            self._record,
            announced_before=stage.announced(),
            catchment_before=self._settled(),
        )
        self._updates = stage.updates()

    def _settled(self) -> dict[str, str]:
        """The catchment as planned, waited for a while: sessions that the day before broke may be late."""
        stage = self._stage
        planned = stage.prediction(frozenset()) or {}
        deadline = stage.now() + SETTLED_S
        while True:
            found = dict(stage.catchment())
            is_planned = all(
                found.get(node, NO_SITE) in (sites or {NO_SITE}) for node, sites in planned.items()
            )
            if is_planned or stage.now() >= deadline:
                return found
            stage.sleep(POLL_S)

    def _after(self) -> None:
        """The state at the end, before anything is healed."""
        stage, record = self._stage, self._record
        announced = stage.announced()
        gone = frozenset(site.name for site in record.facts.sites) - announced
        wanted = {gone} | {
            frozenset(map(str, one.without))
            for one in self._scenario.expectations
            if isinstance(one, AsPlanned)
        }
        self._record = replace(
            record,
            is_whole=True,
            announced_after=announced,
            catchment_after=dict(stage.catchment()),
            updates=stage.updates() - self._updates,
            planned={without: stage.prediction(without) for without in wanted},
        )

    def _steps(self) -> None:
        began = self._stage.now()
        for timed in self._scenario.steps:
            now = self._stage.now()
            wait = timed.after if timed.at is None else began + timed.at - now
            if wait > 0:
                self._stage.sleep(wait)
            self._say("step", name=timed.name, text=str(timed.step))
            try:
                done = self._perform(timed)
            except Exception as error:
                self._done.append(Done(timed=timed, at=self._stage.now(), error=_said(error)))
                raise
            self._done.append(done)
            self._say("done", name=timed.name, at_s=done.at - self._record.began, note=done.note)

    def _perform(self, timed: TimedStep) -> Done:
        step = timed.step
        if isinstance(step, Wait):
            at = self._stage.now()
            self._stage.sleep(step.time)
            return Done(timed=timed, at=at)
        if isinstance(step, WaitUntil):
            return self._wait_until(timed, step)
        if isinstance(step, FlapService | FlapRoute):
            return self._flap(timed, step)
        applied = self._stage.apply(step)
        return Done(timed=timed, at=applied.at, note=applied.note)

    def _flap(self, timed: TimedStep, step: FlapService | FlapRoute) -> Done:
        first: Applied | None = None
        for half in _halves(step):
            applied = self._stage.apply(half)
            first = first or applied
            self._stage.sleep(step.every / 2)
        at = first.at if first else self._stage.now()
        return Done(timed=timed, at=at, note=f"{step.times} times")

    def _wait_until(self, timed: TimedStep, step: WaitUntil) -> Done:
        began = self._stage.now()
        while not self._is_true(step):
            if self._stage.now() - began >= step.within:
                return Done(timed=timed, at=began, is_late=True, note=f"not within {step.within:g} s")
            self._stage.sleep(POLL_S)
        return Done(timed=timed, at=began, note=f"after {(self._stage.now() - began) * 1000:.0f} ms")

    def _is_true(self, step: WaitUntil) -> bool:
        if step.serves is not None:
            return step.serves in self._stage.announced()
        if step.serves_not is not None:
            return step.serves_not not in self._stage.announced()
        found = self._stage.catchment()
        return all(
            found.get(client.node) == step.reaches
            for client in step.clients.among(self._record.facts.clients)
        )

    def _end(self, *, is_probing: bool) -> None:
        """Stop the probers, heal, and look what happened; one that fails does not keep the others from it."""
        self._ended = self._stage.now()
        try:
            if is_probing:
                self._record = replace(self._record, measured=self._stage.stop_probes())
        except Exception as error:  # noqa: BLE001  # it still has to be healed
            self._failed(error, doing="the probers")
        try:
            self._record = replace(self._record, observations=self._stage.observations(self._record.began))
        except Exception as error:  # noqa: BLE001  # as above
            self._failed(error, doing="the observations")
        try:
            self._errors += [f"not healed: {text}" for text in self._stage.heal()]
        except Exception as error:  # noqa: BLE001  # as above
            self._failed(error, doing="healing")
        self._say("healed")

    def _failed(self, error: Exception, *, doing: str = "") -> None:
        text = ": ".join(filter(None, (doing, _said(error))))
        self._errors.append(text)
        self._say("error", text=text)

    def _say(self, what: str, **facts: object) -> None:
        self._on_event({"event": what, "at_s": self._stage.now() - self._record.began, **facts})


def _halves(step: FlapService | FlapRoute) -> Iterator[Step]:
    for _ in range(step.times):
        if isinstance(step, FlapService):
            yield KillService(site=step.site)
            yield RestoreService(site=step.site)
        else:
            yield WithdrawRoute(site=step.site)
            yield RestoreRoute(site=step.site)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, AnyplaneError) else f"{type(error).__name__}: {error}"
