"""The dead man's order for ExaBGP: kill the process that a file names, if it is still the same one.

    python -S -E end.py /run/anyplane-exabgp-x/child

The file holds "PID START", START being field 22 of /proc/PID/stat, so that a number used again harms nobody.
Ends with 0 when the process is gone. Standard library only.
"""

import os
import select
import signal
import sys
from pathlib import Path


def main(path: str) -> int:
    """0: it is dead, or there never was one."""
    try:
        pid, start = (int(word) for word in Path(path).read_text().split())
        child = os.pidfd_open(pid)
        if started(pid) != start:
            return 0
        signal.pidfd_send_signal(child, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{path}: {error}\n")
        return 1
    poller = select.poll()
    poller.register(child, select.POLLIN)
    return 0 if poller.poll(2000) else 1


def started(pid: int) -> int:
    """When the process began, in clock ticks since boot; FileNotFoundError where there is none."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
