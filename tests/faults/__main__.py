"""`make faults`: break everything, n times each, and print the table; exit 1 when a promise was missed.

python tests/faults [NAME ...] [-n 10]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in ("network", "speaker_contract", "faults"):
    sys.path.insert(0, str(HERE.parent / folder))

import fleet_faults  # noqa: F401
import site_faults  # noqa: F401
from table import FAULTS, HEADER, Result, row


def main() -> int:
    """The table on standard output, progress on standard error."""
    parser = argparse.ArgumentParser(prog="make faults", description="Break a site on purpose and measure.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("-n", type=int, default=10, help="how often each (10)")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(FAULTS)
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    if os.geteuid() != 0:
        sys.stderr.write("network namespaces need root: sudo make faults\n")
        return 2
    print(HEADER, flush=True)
    missed = 0
    for number, name in enumerate(chosen.names or FAULTS, start=1):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{number}/{len(chosen.names or FAULTS)} {name}\033[K\r")
        try:
            result = Result(FAULTS[name], FAULTS[name].measure(chosen.n))
        except Exception as error:  # noqa: BLE001  # that row is missed, and the others go on
            print(f"{FAULTS[name].name:58}   BROKEN: {type(error).__name__}: {error}"[:2000], flush=True)
            missed += 1
            continue
        print(row(result), flush=True)
        missed += not result.is_kept
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
