"""Probe -> Prober. A kind is imported when a check of it is made: an agent pays for what it uses."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from anyplane.design.operation import (
    DnsProbe,
    ExecProbe,
    GrpcProbe,
    HttpProbe,
    IcmpProbe,
    NtpProbe,
    Probe,
    ProcessProbe,
    TcpProbe,
    TlsProbe,
)
from anyplane.measure.outcome import Alarm, Outcome, Prober, bad, milliseconds, told
from anyplane.measure.shared import Shared


def prober(probe: Probe, *, family: int = 0, shared: Shared, alarm: Alarm) -> Prober:
    """What asks for `probe`; `alarm` hears what cannot wait. Unhealthy: it is no question."""
    if isinstance(probe, DnsProbe):
        from anyplane.measure.dns import DnsProber

        return DnsProber(probe, family=family, shared=shared)
    if isinstance(probe, HttpProbe):
        from anyplane.measure.http import HttpProber

        return HttpProber(probe, family=family, shared=shared)
    if isinstance(probe, TcpProbe):
        from anyplane.measure.tcp import TcpProber

        return TcpProber(probe, family=family, shared=shared)
    if isinstance(probe, TlsProbe):
        from anyplane.measure.tls import TlsProber

        return TlsProber(probe, family=family, shared=shared)
    if isinstance(probe, IcmpProbe):
        from anyplane.measure.icmp import IcmpProber

        return IcmpProber(probe, family=family, shared=shared)
    if isinstance(probe, NtpProbe):
        from anyplane.measure.ntp import NtpProber

        return NtpProber(probe, family=family, shared=shared)
    if isinstance(probe, GrpcProbe):
        from anyplane.measure.grpc import GrpcProber

        return GrpcProber(probe, family=family, shared=shared)
    if isinstance(probe, ProcessProbe):
        from anyplane.measure.process import ProcessProber

        return ProcessProber(probe, shared=shared, alarm=alarm)
    if isinstance(probe, ExecProbe):
        from anyplane.measure.exec import ExecProber

        return ExecProber(probe, shared=shared)
    raise TypeError(f"there is no prober for {type(probe).__name__}")


async def once(
    probe: Probe, *, timeout_s: float = 0.5, family: int = 0, shared: Shared | None = None
) -> Outcome:
    """One run of one probe, with a deadline; whatever goes wrong is an Outcome."""
    mine = shared or Shared()
    began = time.monotonic()
    asking: Prober | None = None
    try:
        asking = prober(probe, family=family, shared=mine, alarm=lambda _: None)
        async with asyncio.timeout(timeout_s):
            outcome = await asking.probe()
    except TimeoutError:
        return bad(too_late(timeout_s, asking), latency_s=time.monotonic() - began)
    except Exception as error:  # noqa: BLE001  # whatever a probe raises is its answer
        return bad(told(error), latency_s=time.monotonic() - began)
    finally:
        if asking is not None:
            asking.close()
        if shared is None:
            mine.close()
    return replace(outcome, latency_s=outcome.latency_s or time.monotonic() - began)


def too_late(timeout_s: float, asking: Prober | None) -> str:
    """The detail of a missed deadline."""
    return f"no answer in {milliseconds(timeout_s)}" + (f", {asking.doing}" if asking else "")
