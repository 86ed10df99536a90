"""main: runs the `anyplane` command and turns whatever ends it into an exit code, never into a traceback.

Little is imported here before `main` runs, so that Ctrl-C in the first tenths of a second ends well too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys

INTERRUPTED = 130
READER_GONE = 141


def main() -> None:
    """Run the command line; ends the process with the exit code of docs/reference/exit-codes.md."""
    try:
        code = _run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    # The answer is given; Ctrl-C while the interpreter takes itself apart would change nothing but the code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _close_streams()
    sys.exit(code)


def _run() -> int:
    from anyplane.cli import kernel_cache, streams
    from anyplane.model.errors import AnyplaneError

    try:
        streams.prepare()
        kernel_cache.prepare()
        code = _command()
        sys.stdout.flush()
    except AnyplaneError as error:
        return _failed(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader (head, less) went away; that is its right.
        return READER_GONE
    except OSError as error:
        # What no command has caught: a full disk below standard output, a kernel that cannot be kept, ...
        where = f"{error.filename}: " if error.filename else ""
        hint = (
            "\nhint: look at the disks of the output and of the cache" if error.errno == errno.ENOSPC else ""
        )
        return _failed(f"cannot go on: {where}{error.strerror or error}{hint}", AnyplaneError.exit_code)
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return _failed(
            "no directory can be written for the compiled kernels\nhint: set ANYPLANE_CACHE to one that can",
            AnyplaneError.exit_code,
        )
    except MemoryError:
        return _failed("there is not enough memory for this", AnyplaneError.exit_code)
    return code


def _command() -> int:
    from anyplane.cli.app import app

    try:
        app()
    except SystemExit as end:
        # Click swallows EPIPE and exits with 1, which here means "an objective is broken".
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        if isinstance(end.code, int):
            return end.code
        return 0 if end.code is None else 1
    return 0


def _failed(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{message}\n")
    return code


def _close_streams() -> None:
    """Leave nothing in a stream that nobody takes: the interpreter would complain of it at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
