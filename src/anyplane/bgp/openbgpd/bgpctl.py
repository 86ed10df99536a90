"""Bgpctl: bgpctl as a subprocess, killed when it takes too long; its refusals as errors."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

import anyio

from anyplane.model.errors import SpeakerRejected, SpeakerUnreachable

DEADLINE_S = 1.2


class Bgpctl:
    """`socket` "": the one that bgpctl takes by itself; `command`: bgpctl, or e.g. "doas bgpctl"."""

    def __init__(self, socket: str, command: str = "bgpctl", *, deadline_s: float = DEADLINE_S) -> None:
        self.command = (*shlex.split(command), *(("-s", socket) if socket else ()))
        self.deadline_s = deadline_s

    async def run(self, *words: str, lines: Iterable[str] = ()) -> str:
        """The output; `lines` are its input."""
        asked = " ".join((*self.command, *words))
        given = "".join(f"{line}\n" for line in lines).encode()
        try:
            with anyio.fail_after(self.deadline_s):
                done = await anyio.run_process([*self.command, *words], input=given, check=False)
        except TimeoutError as error:
            raise SpeakerUnreachable(
                "openbgpd",
                f"bgpctl has not come back for {self.deadline_s:g} s and was killed",
                command=asked,
                hint="is bgpd hung? systemctl status openbgpd",
            ) from error
        except OSError as error:
            raise SpeakerUnreachable(
                "openbgpd",
                f"{self.command[0]} does not start: {error.strerror}",
                command=asked,
                hint="install OpenBGPD (Debian: openbgpd), or say daemon: settings: bgpctl: /path/to/bgpctl",
            ) from error
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            raise _failure(asked, " ".join((done.stderr.decode("utf-8", "replace") + text).split())[:400])
        return text

    async def ask(self, *words: str) -> dict[str, object]:
        """The JSON object of a `show`."""
        text = await self.run("-j", *words)
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) or document.get("status") == "FAILED":
            raise SpeakerRejected(
                "openbgpd",
                "bgpctl's answer is not the JSON object that was asked for",
                command=" ".join((*self.command, "-j", *words)),
                reply=" ".join(text.split())[:200],
                hint="OpenBGPD 7.7 and later are supported: bgpctl -V",
            )
        return document


def _failure(asked: str, complaint: str) -> SpeakerRejected | SpeakerUnreachable:
    # "bgpctl: connect: ...", "bgpctl: imsg_read error: ...": the way to bgpd; a refused word stands alone.
    if complaint.startswith("bgpctl:") or not complaint:
        return SpeakerUnreachable(
            "openbgpd",
            "bgpctl does not reach bgpd",
            command=asked,
            reply=complaint,
            hint="is openbgpd running, and may this user open its socket (root, or the socket's group)? "
            "daemon: control: names the socket",
        )
    return SpeakerRejected(
        "openbgpd",
        "bgpctl refuses a command",
        command=asked,
        reply=complaint,
        hint="`anyplane render DESIGN --site SITE --daemon openbgpd` prints what bgpd.conf should be",
    )
