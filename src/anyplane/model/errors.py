"""Every error that Anyplane raises on purpose, split by who can act on it.

AnyplaneError
├── DesignError        the user: the design file (collects Problems)         exit 2
├── UsageError         the user: an argument, a name, a combination          exit 2
├── DataError          the dataset: a file that cannot be read as promised   exit 2
├── FetchError         the network: a download that did not arrive           exit 3
├── TopologyError      the graph: something asked of it that it lacks        exit 2
├── SpeakerError       the BGP daemon; carries daemon, command and reply     exit 4
│   ├── SpeakerUnreachable   no socket, no permission, no answer in time
│   └── SpeakerRejected      it answered, and the answer is no
├── KernelError        the machine: netlink refused; carries the fix         exit 4
├── AgentUnreachable   the site's agent: not running, or not for you         exit 4
└── LabError           the lab: this machine cannot, or a part did not start exit 4

Facts are attributes; the text is made in `__str__`. The command line prints `str(error)` and exits with
`error.exit_code`; nobody sees a traceback for one of these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a text file, with all that is needed to point at it.

    line and column count from 1; column 0 means that the whole line is meant.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    source: str = ""
    width: int = 1
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        subject = f"  {self.path}: " if self.path else "  "
        lines = [f"{where}{subject}{self.message}"]
        if self.source:
            gutter = f"{self.line:5d} | "
            lines.append(gutter + self.source)
            if self.column:
                lines.append(" " * 5 + " | " + " " * (self.column - 1) + "^" * max(1, self.width))
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class AnyplaneError(Exception):
    """The base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 2


class DesignError(AnyplaneError):
    """The design file is not valid; `problems` holds every fault found, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__(problems)

    def __str__(self) -> str:
        count = len(self.problems)
        tail = "1 error" if count == 1 else f"{count} errors"
        return "\n\n".join(str(problem) for problem in self.problems) + f"\n\n{tail}"


class UsageError(AnyplaneError):
    """An argument that cannot be honoured."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class DataError(AnyplaneError):
    """A data file is truncated, malformed or not what its name promises; line 0 means the file as a whole."""

    def __init__(self, file: str, message: str, *, line: int = 0, hint: str = "") -> None:
        self.file = file
        self.line = line
        self.message = message
        self.hint = hint
        super().__init__(file, message)

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{where}: {self.message}"
        return f"{text}\nhint: {self.hint}" if self.hint else text


class FetchError(AnyplaneError):
    """A download failed; says what was asked, why it failed and how to go on without a network."""

    exit_code = 3

    def __init__(self, url: str, message: str, *, hint: str = "") -> None:
        self.url = url
        self.message = message
        self.hint = hint
        super().__init__(url, message)

    def __str__(self) -> str:
        text = f"{self.url}: {self.message}"
        return f"{text}\nhint: {self.hint}" if self.hint else text


class TopologyError(AnyplaneError):
    """The topology lacks what was asked of it (a network, a metro, an IXP)."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class SpeakerError(AnyplaneError):
    """The BGP daemon did not do what was asked; the announcement may be unchanged."""

    exit_code = 4

    def __init__(
        self, daemon: str, message: str, *, command: str = "", reply: str = "", hint: str = ""
    ) -> None:
        self.daemon = daemon
        self.message = message
        self.command = command
        self.reply = reply
        self.hint = hint
        super().__init__(daemon, message)

    def __str__(self) -> str:
        lines = [f"{self.daemon}: {self.message}"]
        if self.command:
            lines.append(f"  asked:    {self.command}")
        if self.reply:
            lines.append(f"  answered: {self.reply}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class SpeakerUnreachable(SpeakerError):  # noqa: N818  # it reads as what it says
    """Nobody answers: the daemon is absent, hung, or its socket may not be opened."""


class SpeakerRejected(SpeakerError):  # noqa: N818  # it reads as what it says
    """The daemon answered, and refused or made no sense."""


class KernelError(AnyplaneError):
    """The kernel refused an address, a nexthop or a socket; `hint` names the capability or setting."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class AgentUnreachable(AnyplaneError):  # noqa: N818  # it reads as what it says
    """No agent answers at its socket: none runs, or it is not for this user; `hint` says how to mend that."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class LabError(AnyplaneError):
    """This machine cannot hold the lab, or a part of it did not come up; `hint` carries the fix."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message
