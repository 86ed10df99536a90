"""ask: one request to a running agent over its socket, and its reply, for the command line."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from anyplane.agent.control_socket import VERSION
from anyplane.model.errors import AgentUnreachable, UsageError

ANSWER_S = 5.0
REPLY_BYTES = 32_000_000


def find(run_dir: Path, site: str) -> Path:
    """The socket of the agent of `site`, or of the only one on this machine; AgentUnreachable without one."""
    if site:
        return run_dir / f"{site}.sock"
    try:
        found = sorted(run_dir.glob("*.sock"))
    except OSError:
        found = []
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


def ask(path: Path, request: dict[str, object]) -> dict[str, object]:
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
            hint="systemctl status anyplane-agent@…, or start it",
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
    reply = json.loads(received)
    if reply.get("ok") is not True:
        raise UsageError(str(reply.get("error", "the agent refused")), hint=str(reply.get("hint") or ""))
    return dict(reply)
