"""Housekeeping: the witness against what is wanted, other sites' words, our own report."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
from site_parts import DESIGN, Stage

from anyplane.agent.files import FileWriter
from anyplane.agent.housekeeping import Housekeeping
from anyplane.agent.settings import Settings
from anyplane.agent.status import Status
from anyplane.agent.systemd import Supervisor
from anyplane.bgp.speaker import Observation


class Ring:
    """A witness that says what it is told to say."""

    def __init__(self) -> None:
        self.seen = Observation(routes=frozenset())

    def observation(self) -> Observation:
        return self.seen


def housekeeping(stage: Stage, directory: Path, ring: Ring | None, files: FileWriter) -> Housekeeping:
    (directory / "d.yaml").write_text(stage.accepted.text)
    settings = Settings(design=directory / "d.yaml", site="fra", run_dir=directory, state_dir=directory)
    parts = {
        "loop": stage.loop,
        "announcer": stage.announcer,
        "anchors": stage.anchors,
        "recorder": stage.recorder,
        "now": stage.clock,
        "wall": lambda: 1.7e9,
        "witness": ring,
    }
    status = Status(settings, **parts)  # type: ignore[arg-type]
    return Housekeeping(
        settings,
        status=status,
        supervisor=Supervisor({}),
        files=files,
        journal=None,
        on_design=lambda design: None,
        **parts,  # type: ignore[arg-type]
    )


def test_a_witness_that_disagrees_for_three_seconds_is_an_alarm_until_it_agrees(tmp_path: Path) -> None:
    async def main() -> list[bool]:
        stage, ring, files = Stage(), Ring(), FileWriter()
        house = housekeeping(stage, tmp_path, ring, files)
        stage.all_up()
        stands = []
        for _ in range(3):
            await house.beat()
            stands.append("witness disagrees" in stage.recorder.alarms)
        ring.seen = Observation(routes=stage.announcer.expected)
        await house.beat()
        stands.append("witness disagrees" in stage.recorder.alarms)
        files.close()
        stage.log()
        return stands

    assert anyio.run(main) == [False, False, True, False]


def test_our_own_word_is_left_for_any_transport_and_others_are_heard(tmp_path: Path) -> None:
    others = tmp_path / "fleet.json"
    others.write_text(
        json.dumps({"sites": {"nyc": {"at": 1.7e9 - 3, "services": {"dns/v4": "up"}}, "lon": 5}})
    )
    text = DESIGN.replace("sites:\n", f"safety: {{fleet: {{file: {others}}}}}\nsites:\n", 1)

    async def main() -> Stage:
        stage, files = Stage(text), FileWriter()
        house = housekeeping(stage, tmp_path, None, files)
        stage.all_up()
        await house.beat()
        files.close()
        stage.log()
        return stage

    stage = anyio.run(main)
    own = json.loads((tmp_path / "fra.report.json").read_text())

    assert [(one.site, one.age_s) for one in stage.loop.fleet.reports] == [("nyc", 3.0)]
    assert "lon" in stage.recorder.alarms["fleet"]
    assert own["sites"]["fra"]["services"] == {"dns/v4": "up", "web/v4": "up"}
    assert json.loads((tmp_path / "fra.state.json").read_text())["levels"]["dns/v4"] == "full"
