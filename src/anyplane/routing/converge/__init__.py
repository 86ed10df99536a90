"""How routing gets from one stable state to the next: BGP's messages, timers and detours, in time."""

from anyplane.routing.converge.lines import Lines
from anyplane.routing.converge.simulate import Change, Convergence, Sample, Start
from anyplane.routing.converge.timing import RFC_2439, RIPE_580, Damping, Timing

__all__ = ["RFC_2439", "RIPE_580", "Change", "Convergence", "Damping", "Lines", "Sample", "Start", "Timing"]
