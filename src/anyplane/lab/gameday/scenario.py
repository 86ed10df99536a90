"""Scenario: a game day as a value: what is probed, what is done when, and what is promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from anyplane.design.document import Document
from anyplane.lab.gameday.clients import EVERYONE, Clients
from anyplane.lab.gameday.expectations import Expectation
from anyplane.lab.gameday.step import Step
from anyplane.lab.gameday.words import Words


class ProbeKind(StrEnum):
    """How a prober asks: one query and one answer, or (stream) a TCP connection that stays."""

    UDP = "udp"
    TCP = "tcp"
    HTTP = "http"
    STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Who asks, how, and how often (queries per second of each client and kind)."""

    clients: Clients = EVERYONE
    kinds: tuple[ProbeKind, ...] = (ProbeKind.UDP,)
    rate: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedStep:
    """A step and its time: `at` seconds after the settling, or `after` seconds after the step before."""

    step: Step
    name: str
    at: float | None = None
    after: float = 0.0
    place: int = 0
    """Among the steps of the file, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One game day. `settle_s`: how long is probed before the first step and after the last."""

    name: str
    shows: str
    design: str
    routers: int
    probes: Probes
    settle_s: float
    steps: tuple[TimedStep, ...]
    expectations: tuple[Expectation, ...]
    document: Document = field(repr=False, compare=False)
    words: Words = field(default_factory=dict, hash=False)
    """Of the design, for this day alone."""

    @property
    def first_fault(self) -> TimedStep | None:
        """The step that times are counted from where none is named: the first fault, else the first order."""
        faults = [one for one in self.steps if type(one.step).breaks]
        return faults[0] if faults else next(iter(self.steps), None)

    @property
    def source(self) -> str:
        """The text that it was read from."""
        return "\n".join(self.document.lines)
