"""What of this host's settings keeps backends from sharing a service address's load."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def forwarding_problems(
    *, families: Iterable[int] = (4, 6), sysctl: Path = Path("/proc/sys/net")
) -> tuple[str, ...]:
    """What on this host (in this thread's namespace) keeps backends from sharing the load; () is fine.

    The operator sets these in sysctl.d, since the agent runs without the right to: forwarding, and the hash
    over ports (`fib_multipath_hash_policy` 1), without which all flows of one client go to one backend.
    """
    settings = {
        4: (("ipv4/ip_forward", "1"), ("ipv4/fib_multipath_hash_policy", "1")),
        6: (("ipv6/conf/all/forwarding", "1"), ("ipv6/fib_multipath_hash_policy", "1")),
    }
    problems = []
    for family in families:
        for name, right in settings[family]:
            try:
                value = (sysctl / name).read_text().strip()
            except OSError as error:
                problems.append(f"net.{name.replace('/', '.')} cannot be read: {error.strerror}")
                continue
            if value != right and not (name.endswith("policy") and value in ("2", "3")):
                problems.append(f"net.{name.replace('/', '.')} is {value}; set it to {right} in sysctl.d")
    return tuple(problems)
