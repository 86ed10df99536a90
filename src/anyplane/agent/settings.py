"""Settings: what the command line says about one agent, and where its files are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

STATE_DIR = Path("/var/lib/anyplane")
RUN_DIR = Path("/run/anyplane")
METRICS = "127.0.0.1:9179"


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One agent. `metrics` is ADDRESS:PORT, empty: none; `group` owns the control socket, empty: our own."""

    design: Path
    site: str
    state_dir: Path = STATE_DIR
    run_dir: Path = RUN_DIR
    metrics: str = METRICS
    log_format: LogFormat = LogFormat.TEXT
    group: str = ""
    is_dry_run: bool = False
    is_traced: bool = False

    @property
    def socket(self) -> Path:
        """Where operators reach the agent."""
        return self.run_dir / f"{self.site}.sock"

    @property
    def lock(self) -> Path:
        """Held by the one agent of the site on this machine."""
        return self.run_dir / f"{self.site}.lock"

    @property
    def state_file(self) -> Path:
        """What a successor needs to go on; in the run directory, for it means nothing after a reboot."""
        return self.run_dir / f"{self.site}.state.json"

    @property
    def report_file(self) -> Path:
        """This site's own word, for others."""
        return self.run_dir / f"{self.site}.report.json"

    @property
    def journal(self) -> Path:
        """Decisions and facts, kept over restarts."""
        return self.state_dir / f"{self.site}.journal.sqlite"

    @property
    def orders_file(self) -> Path:
        """The operators' standing orders, kept over reboots."""
        return self.state_dir / f"{self.site}.orders.json"

    @property
    def orders_copy(self) -> Path:
        """The same, again: a drained site must not come back because one file was lost."""
        return self.state_dir / f"{self.site}.orders.copy.json"

    @property
    def accepted_design(self) -> Path:
        """The last design that was accepted, whole."""
        return self.state_dir / f"{self.site}.accepted.yaml"
