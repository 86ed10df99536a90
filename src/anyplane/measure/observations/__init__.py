"""Files that others measured become observations: which site answered which network; and their store."""

from anyplane.measure.observations.peering import Kind, read_experiment, read_peering_catchments
from anyplane.measure.observations.store import append_observations, read_observations, write_observations

__all__ = [
    "Kind",
    "append_observations",
    "read_experiment",
    "read_observations",
    "read_peering_catchments",
    "write_observations",
]
