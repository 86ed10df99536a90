"""`make faults`: break everything, n times each, and print the table; exit 1 when a promise was missed.

python tests/faults [NAME ...] [-n 10] [--markdown docs/explanation/failure-modes.md]

A NAME is a row (service_dies:frr), a fault of all daemons (service_dies), a daemon (:frr) or a group (agent).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in ("network", "speaker_contract", "control", "faults"):
    sys.path.insert(0, str(HERE.parent / folder))

import every_fault  # noqa: F401
from fault_page import rewritten
from scene import POLLS
from table import FAULTS, HEADER, Fault, Result, chosen, row

MEASURED = """\
A figure is the time from just before the fault (the signal, the write) to the end of the first poll of a real
upstream's table that shows its effect, so it errs upwards by one poll. The fault comes at a random moment of
the check's second. Check every 1 s, fall 2, lease 3 s. Median and worst of n.
"""


def main() -> int:
    """The table on standard output, progress on standard error."""
    parser = argparse.ArgumentParser(prog="make faults", description="Break a site on purpose and measure.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_names()))
    parser.add_argument("-n", type=int, default=10, help="how often each (10)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the rows into this page too")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    asked = parser.parse_args()
    try:
        rows = chosen(asked.names) if asked.names else list(FAULTS.values())
    except KeyError as error:
        parser.error(f"no such fault: {error.args[0]}")
    if asked.list:
        print("\n".join(one.key for one in rows))
        return 0
    if os.geteuid() != 0:
        sys.stderr.write("network namespaces need root: sudo make faults\n")
        return 2
    print(MEASURED)
    print(HEADER, flush=True)
    missed = sum(not _is_kept(one, asked.n, asked.markdown) for one in rows)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"\npolls of the upstream's table: {POLLS}; load average {load} on {os.cpu_count()} cores")
    if POLLS.count and POLLS.per_second < 500:
        print("fewer than 500 polls a second: the machine was too busy for these figures")
    return 1 if missed else 0


def _is_kept(one: Fault, n: int, page: Path | None) -> bool:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{one.key}\033[K\r")
    try:
        result = Result(one, one.measure(one.daemon, n))
    except Exception as error:  # noqa: BLE001  # that row is missed, and the others go on
        print(f"{one.key:56}   BROKEN: {type(error).__name__}: {error}"[:3000], flush=True)
        return False
    print(row(result), flush=True)
    if page is not None:
        page.write_text(rewritten(page.read_text(), [result]))
    return result.is_kept


def _names() -> list[str]:
    return list(dict.fromkeys(key.partition(":")[0] for key in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
