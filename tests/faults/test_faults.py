"""The faults that every change must survive; `make faults` measures all of them ten times."""

from __future__ import annotations

import fleet_faults  # noqa: F401  # it fills FAULTS
import pytest
import site_faults  # noqa: F401
from namespaces import needs_namespaces, needs_program
from table import FAULTS, Result, row

CHOSEN = [name for name, fault in FAULTS.items() if fault.in_ci]


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_the_fault_is_survived_as_promised(name: str) -> None:
    needs_namespaces()
    needs_program("bird", "unbound", "kdig")

    result = Result(FAULTS[name], FAULTS[name].measure(2))

    # The machine that runs this may be busy; the figures themselves are `make faults`'s.
    slack = 1.5 if result.fault.unit == "s" else 10 if result.fault.unit == "ms" else 0
    assert result.worst <= result.fault.worst * (1 + slack), row(result)
