"""All rows, in the order of the table: importing this fills FAULTS."""

from __future__ import annotations

import service_faults  # noqa: F401  # isort: skip
import agent_faults  # noqa: F401  # isort: skip
import router_faults  # noqa: F401  # isort: skip
import peer_faults  # noqa: F401  # isort: skip
import fleet_faults  # noqa: F401  # isort: skip
