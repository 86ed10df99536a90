"""Which backend answers each of 2,000 flows: run in a client's node of a lab, prints {source port: backend}.

python bench/flows.py SERVICE SOURCE
"""

from __future__ import annotations

import json
import select
import socket
import sys

from anyplane.lab.probes.questions import question, site_of

FLOWS, FIRST_PORT, AT_ONCE = 2_000, 20_000, 200
TRIES, PATIENCE_S = 3, 0.5


def main() -> None:
    """One question of every flow, a few hundred at a time; what is lost is asked again."""
    service, source = sys.argv[1:]
    found: dict[int, str] = {}
    for _ in range(TRIES):
        lacking = [port for port in range(FIRST_PORT, FIRST_PORT + FLOWS) if port not in found]
        for begin in range(0, len(lacking), AT_ONCE):
            found |= _asked(lacking[begin : begin + AT_ONCE], service, source)
    sys.stdout.write(json.dumps(found))


def _asked(ports: list[int], service: str, source: str) -> dict[int, str]:
    found: dict[int, str] = {}
    with select.epoll() as epoll:
        flows: dict[int, tuple[int, socket.socket]] = {}
        for port in ports:
            flow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            flow.bind((source, port))
            flow.sendto(question(port), (service, 53))
            flows[flow.fileno()] = port, flow
            epoll.register(flow, select.EPOLLIN)
        while len(found) < len(ports) and (events := epoll.poll(PATIENCE_S)):
            for file, _ in events:
                port, flow = flows[file]
                found[port] = site_of(flow.recv(2048))
        for _, flow in flows.values():
            flow.close()
    return found


if __name__ == "__main__":
    main()
