"""Probes out, answers in: each health check speaks its own protocol, in its own task, with a deadline."""

from anyplane.measure.outcome import Outcome
from anyplane.measure.probers import once
from anyplane.measure.runner import Runner, run
from anyplane.measure.shared import Shared

__all__ = ["Outcome", "Runner", "Shared", "once", "run"]
