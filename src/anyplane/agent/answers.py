"""Answers: what each request on the control socket does; every order is kept, journaled and logged."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from anyplane.agent import standing_orders
from anyplane.agent.control_socket import Reply
from anyplane.agent.files import FileWriter
from anyplane.agent.loop import Loop
from anyplane.agent.record import Recorder
from anyplane.agent.settings import Settings
from anyplane.agent.standing_orders import LONGEST_BLACKHOLE_S, StandingOrders
from anyplane.agent.status import Status
from anyplane.model.errors import UsageError

Request = Mapping[str, object]


class Answers:
    """`answer(request, who)` is called by the control socket."""

    def __init__(
        self,
        settings: Settings,
        *,
        loop: Loop,
        status: Status,
        recorder: Recorder,
        files: FileWriter,
        now: Callable[[], float],
        wall: Callable[[], float],
        survives_agent: bool = True,
    ) -> None:
        self._settings = settings
        self._loop = loop
        self._status = status
        self._recorder = recorder
        self._files = files
        self._now = now
        self._wall = wall
        self._survives_agent = survives_agent

    def answer(self, request: Request, who: str) -> Reply:
        """Do what is asked and say what is."""
        actions: dict[str, Callable[[Request, str], Reply]] = {
            "status": lambda _request, _who: dict(self._status.whole()),
            "drain": self._drain,
            "undrain": self._undrain,
            "freeze": lambda _request, who: self._freeze(who, is_frozen=True),
            "thaw": lambda _request, who: self._freeze(who, is_frozen=False),
            "blackhole": self._blackhole,
            "upgrade": self._upgrade,
        }
        name = str(request["do"])
        if name not in actions:
            raise UsageError(f"there is no request {name}", hint=f"there are {', '.join(actions)}")
        return actions[name](request, who)

    def _drain(self, request: Request, who: str) -> Reply:
        services = standing_orders.services_meant(self._loop.accepted.plan, _text(request, "service"))
        is_forced = request.get("force") is True
        words = f"drain {', '.join(sorted(services))}" + (", forced" if is_forced else "")
        return self._give(self._loop.standing.drained(services, is_forced=is_forced), words, who, services)

    def _undrain(self, request: Request, who: str) -> Reply:
        services = standing_orders.services_meant(self._loop.accepted.plan, _text(request, "service"))
        words = f"undrain {', '.join(sorted(services))}"
        return self._give(self._loop.standing.undrained(services), words, who, services)

    def _freeze(self, who: str, *, is_frozen: bool) -> Reply:
        return self._give(
            self._loop.standing.frozen(is_frozen=is_frozen), "freeze" if is_frozen else "thaw", who
        )

    def _blackhole(self, request: Request, who: str) -> Reply:
        accepted = self._loop.accepted
        host = standing_orders.blackhole_host(
            accepted.plan,
            _text(request, "host"),
            addresses=frozenset(one for listed in accepted.addresses.values() for one in listed),
            is_forced=request.get("force") is True or request.get("action") == "del",
        )
        if request.get("action") == "del":
            if host not in self._loop.standing.expiries:
                raise UsageError(f"{host.network_address} is not blackholed")
            return self._give(self._loop.standing.without_blackhole(host), f"blackhole del {host}", who)
        for_s = request.get("for_s")
        if isinstance(for_s, bool) or not isinstance(for_s, int | float) or not math.isfinite(for_s):
            raise UsageError("a blackhole needs an end", hint="say --for 1h")
        if not 1.0 <= for_s <= LONGEST_BLACKHOLE_S:
            raise UsageError("a blackhole lasts from 1 second to 24 hours", hint="say --for 1h")
        standing = self._loop.standing.blackholed(host, for_s=for_s, now=self._now(), wall=self._wall())
        return self._give(standing, f"blackhole add {host} for {for_s:g} s", who)

    def _upgrade(self, _request: Request, who: str) -> Reply:
        self._recorder.note("order", "order", order="upgrade", by=who)
        self._loop.upgrade()
        if self._survives_agent:
            return {}
        return {"warning": "this daemon ends with the agent, and so do its sessions, for some seconds"}

    def _give(
        self, standing: StandingOrders, words: str, who: str, services: frozenset[str] = frozenset()
    ) -> Reply:
        reply: Reply = {"services": sorted(services)}
        for path in (self._settings.orders_copy, self._settings.orders_file):
            self._files.put(path, standing_orders.to_text(standing))
            if path in self._files.troubles:
                reply["warning"] = f"it will not outlive the agent: {path}: {self._files.troubles[path]}"
        self._recorder.note("order", "order", order=words, by=who)
        self._loop.order(standing)
        return reply


def _text(request: Request, key: str) -> str:
    value = request.get(key) or ""
    if not isinstance(value, str) or len(value) > 200:
        raise UsageError(f"{key} is a short text")
    return value
