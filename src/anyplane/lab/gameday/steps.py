"""STEPS: all that a scenario can say, by its key."""

from __future__ import annotations

from anyplane.lab.gameday import parts
from anyplane.lab.gameday.network_steps import (
    FlapRoute,
    Hijack,
    HijackEnd,
    LeakEnd,
    LeakNoExport,
    LinkDown,
    LinkRestore,
    RegionBack,
    RegionLost,
    RestoreRoute,
    SessionReset,
    SilentCut,
    UplinksBack,
    UplinksLost,
    UpstreamBack,
    UpstreamLost,
    WithdrawRoute,
)
from anyplane.lab.gameday.site_steps import (
    BlackholeAddress,
    BlackholeEnd,
    DependencyBack,
    DependencyLost,
    Drain,
    FlapService,
    HangAgent,
    HangDaemon,
    HangService,
    HostDeath,
    HostReturn,
    KillAgent,
    KillDaemon,
    KillService,
    MisconfigureDaemon,
    Partition,
    PartitionEnd,
    RemoveBackend,
    RestartAgent,
    RestoreBackend,
    RestoreDaemon,
    RestoreService,
    SlowService,
    Undrain,
    WrongAnswers,
)
from anyplane.lab.gameday.step import Step, Wait, WaitUntil

STEPS: dict[str, type[Step]] = {
    parts.key_of(kind): kind
    for kind in (
        KillService, HangService, SlowService, WrongAnswers, RestoreService,
        HostDeath, HostReturn,
        LinkDown, SilentCut, LinkRestore, SessionReset,
        KillDaemon, HangDaemon, MisconfigureDaemon, RestoreDaemon,
        KillAgent, HangAgent, RestartAgent,
        FlapService, FlapRoute, WithdrawRoute, RestoreRoute,
        UpstreamLost, UpstreamBack, UplinksLost, UplinksBack, RegionLost, RegionBack,
        Drain, Undrain, BlackholeAddress, BlackholeEnd,
        Hijack, HijackEnd, LeakNoExport, LeakEnd,
        DependencyLost, DependencyBack, Partition, PartitionEnd, RemoveBackend, RestoreBackend,
        Wait, WaitUntil,
    )
}  # fmt: skip
"""Every step by its key, in the order of the reference page."""
