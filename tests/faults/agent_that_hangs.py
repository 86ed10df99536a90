"""The agent, in which SIGRTMIN blocks the main thread for 8 seconds, as a bug in a check would."""

from __future__ import annotations

import signal
import time

from anyplane.cli.main import main

signal.signal(signal.SIGRTMIN, lambda *_: time.sleep(8))
main()
