"""Servers of a few lines, good and bad, for checks to ask; `ask` runs one probe as the agent would."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import anyio
import pytest

from anyplane.design.operation import Endpoint, Probe
from anyplane.measure import Outcome, Shared, once
from anyplane.measure.streams import Trust

HOSTS = {4: "127.0.0.1", 6: "::1"}


def ask(probe: Probe, *, timeout_s: float = 2.0, ca_file: str = "", family: int = 0) -> Outcome:
    """What one run says."""

    async def run() -> Outcome:
        shared = Shared(trust=Trust(ca_file))
        try:
            return await once(probe, timeout_s=timeout_s, family=family, shared=shared)
        finally:
            shared.close()

    return anyio.run(run)


@contextlib.contextmanager
def tcp_server(
    serve: Callable[[socket.socket], None], *, family: int = 4, tls: ssl.SSLContext | None = None
) -> Iterator[Endpoint]:
    """Calls `serve` with each connection in a thread; connections are closed when it returns."""
    listener = socket.create_server(
        (HOSTS[family], 0), family=socket.AF_INET6 if family == 6 else socket.AF_INET, backlog=1024
    )
    listener.settimeout(0.05)
    is_over = threading.Event()
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            if tls is None:
                serve(connection)
                return
            with tls.wrap_socket(connection, server_side=True) as wrapped:
                serve(wrapped)

    def accept() -> None:
        while not is_over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=handle, args=(connection,)))
                threads[-1].start()

    main = threading.Thread(target=accept)
    main.start()
    try:
        yield Endpoint(host=HOSTS[family], port=listener.getsockname()[1])
    finally:
        is_over.set()
        main.join()
        for thread in threads:
            thread.join()
        listener.close()


@contextlib.contextmanager
def udp_server(answer: Callable[[bytes], list[bytes]], *, family: int = 4) -> Iterator[Endpoint]:
    """Sends what `answer` makes of each datagram."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    is_over = threading.Event()
    with socket.socket(kind, socket.SOCK_DGRAM) as sock:
        sock.bind((HOSTS[family], 0))
        sock.settimeout(0.05)

        def serve() -> None:
            while not is_over.is_set():
                with contextlib.suppress(OSError):
                    data, source = sock.recvfrom(4096)
                    for one in answer(data):
                        sock.sendto(one, source)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield Endpoint(host=HOSTS[family], port=sock.getsockname()[1])
        finally:
            is_over.set()
            thread.join()


@contextlib.contextmanager
def black_hole(*, family: int = 4) -> Iterator[Endpoint]:
    """A port that takes connections and datagrams, and never says a word."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    with socket.create_server((HOSTS[family], 0), family=kind, backlog=2048) as listener:
        port = listener.getsockname()[1]
        with socket.socket(kind, socket.SOCK_DGRAM) as datagrams:
            datagrams.bind((HOSTS[family], port))
            yield Endpoint(host=HOSTS[family], port=port)


@contextlib.contextmanager
def daemon(*command: str, port: int) -> Iterator[None]:
    """A real daemon, ready when its TCP port on 127.0.0.1 answers."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, process.stdout.read().decode()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


def free_ports(count: int) -> list[int]:
    """Ports that nothing has just now."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in socks]


def needs_daemon(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails under CI."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path:
        return path
    reason = f"{name} is not installed"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
