"""output: what a command leaves behind, on standard output or as a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from anyplane.cli.streams import write_utf8
from anyplane.model.errors import UsageError

STANDARD_OUTPUT = "-"


def write(target: str, text: str) -> None:
    """Write text for machines to standard output ("-") or to a file."""
    if target == STANDARD_OUTPUT:
        write_utf8(text)
    else:
        write_text(Path(target), text)


def write_text(path: Path, text: str) -> None:
    """Write a file whole, or say in one line why not; what was there before stays until then."""
    try:
        # Through a symbolic link to what it names, so that the link stays; a pipe (/dev/fd/63) names no file.
        _replace(path if _is_stream(path) else path.resolve(), text.encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(f"{path} cannot be written: {reason}") from None


def refuse_overwriting(inputs: tuple[str | Path | None, ...], outputs: tuple[str | Path | None, ...]) -> None:
    """UsageError where an output is an input, as when a design follows `--json`, or cannot be written.

    So it is said before the work, and not after it.
    """
    for output in outputs:
        if output is not None and str(output) != STANDARD_OUTPUT and (reason := _unwritable(Path(output))):
            raise UsageError(f"{output} cannot be written: {reason}")
        for given in inputs:
            if output is None or given is None or STANDARD_OUTPUT in (str(output), str(given)):
                continue
            with contextlib.suppress(OSError):
                if Path(output).is_file() and Path(output).samefile(given):
                    raise UsageError(f"{output} is read here; it would be overwritten by the output")


def _unwritable(path: Path) -> str:
    """Why no file can be written there as things stand, "" where one can."""
    try:
        if _is_stream(path):
            return ""
        path = path.resolve()
        if path.is_dir():
            return "is a directory"
        if not path.parent.is_dir():
            return "not a directory" if path.parent.exists() else "no such file or directory"
        is_allowed = os.access(path, os.W_OK) if path.exists() else os.access(path.parent, os.W_OK)
    except (OSError, RuntimeError, ValueError) as error:
        return (getattr(error, "strerror", None) or str(error)).lower()
    return "" if is_allowed else "permission denied"


def _is_stream(path: Path) -> bool:
    """A pipe or a device: it is written to, never replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _replace(path: Path, content: bytes) -> None:
    import tempfile

    if path.exists() and (not path.is_file() or not os.access(path.parent, os.W_OK)):
        # A pipe or a device must not be replaced by a file; in a closed directory nothing can be.
        path.write_bytes(content)
        return
    before = path.stat() if path.exists() else None
    mode = 0o666 & ~_umask() if before is None else before.st_mode & 0o777
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if before is not None:
            # A daemon that runs as a user of its own must still be able to read its configuration.
            with contextlib.suppress(OSError):
                os.chown(name, before.st_uid, before.st_gid)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    # It can only be read by setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
