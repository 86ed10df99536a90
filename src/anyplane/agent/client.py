"""ask: one request to a running agent over its socket, and its reply, for the command line."""

from __future__ import annotations

import difflib
import json
import socket
from pathlib import Path
from typing import Any

from anyplane.agent.control_socket import VERSION
from anyplane.model.errors import AgentUnreachable, UsageError

ANSWER_S = 5.0
REPLY_BYTES = 32_000_000
STATUS = frozenset(
    ("site", "services", "routes", "daemon", "sessions", "checks", "lease", "orders", "fleet", "alarms")
)


def find(run_dir: Path, site: str) -> Path:
    """The socket of the agent of `site`, or of the only one on this machine; AgentUnreachable without one."""
    try:
        found = sorted(run_dir.glob("*.sock"))
    except OSError:
        found = []
    if site:
        wanted = run_dir / f"{site}.sock"
        others = [one.stem for one in found if one != wanted]
        if wanted not in found and others:
            near = difflib.get_close_matches(site, others, n=1)
            raise AgentUnreachable(
                f"no agent of {site} listens in {run_dir}",
                hint=f"did you mean {near[0]}?" if near else f"there is one of {', '.join(others)}",
            )
        return wanted
    if len(found) > 1:
        # What an agent that was killed left behind is no second agent.
        found = [one for one in found if not _is_left_behind(one)] or found[:1]
    if not found:
        raise AgentUnreachable(
            f"no agent runs here: {run_dir} has no socket",
            hint="start one (anyplane agent DESIGN --site NAME), or say --run-dir",
        )
    if len(found) > 1:
        raise UsageError(
            f"several agents run here: {', '.join(one.stem for one in found)}", hint="say which with --site"
        )
    return found[0]


def _is_left_behind(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(ANSWER_S)
        try:
            stream.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def ask(path: Path, request: dict[str, object]) -> dict[str, Any]:
    """The agent's reply; UsageError with its words where it refused, AgentUnreachable where there is none."""
    content = json.dumps({"v": VERSION, **request}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(ANSWER_S)
            stream.connect(str(path))
            stream.sendall(content)
            received = b""
            while not received.endswith(b"\n"):
                part = stream.recv(65_536)
                if not part or len(received) > REPLY_BYTES:
                    raise AgentUnreachable(f"the agent at {path} went away before it answered")
                received += part
    except FileNotFoundError:
        raise AgentUnreachable(
            f"no agent listens at {path}",
            hint="start one (anyplane agent DESIGN --site NAME), or say --run-dir",
        ) from None
    except ConnectionRefusedError:
        raise AgentUnreachable(
            f"the agent that listened at {path} is gone",
            hint=f"systemctl status anyplane-agent@{path.stem}, or start it",
        ) from None
    except PermissionError:
        raise AgentUnreachable(
            f"you may not speak to the agent: {path} is for its group",
            hint=f"join that group (ls -l {path}), or use sudo",
        ) from None
    except TimeoutError:
        raise AgentUnreachable(f"the agent at {path} did not answer within {ANSWER_S:g} s") from None
    except OSError as error:
        raise AgentUnreachable(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        reply = json.loads(received)
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict):
        raise AgentUnreachable(f"what listens at {path} is no agent: it does not answer in JSON")
    if reply.get("ok") is not True:
        raise UsageError(str(reply.get("error", "the agent refused")), hint=str(reply.get("hint") or ""))
    if request.get("do") == "status" and not STATUS.issubset(reply):
        raise AgentUnreachable(
            f"the status that {path} gave lacks {', '.join(sorted(STATUS.difference(reply)))}",
            hint="use the anyplane command of the same version as the agent",
        )
    return dict(reply)
