"""A place announces with the real agent, withdraws when its service dies, and any part of it can be hurt."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import lab_worlds
import pytest
from namespaces import needs_namespaces, needs_program, wait_until
from place_parts import V4, V6, Stand, design_of, unique, with_design

from anyplane.lab import paths
from anyplane.lab.places.fleet_words import FleetWords
from anyplane.lab.places.sites import Place
from anyplane.model.errors import LabError

pytestmark = pytest.mark.usefixtures("own_run")


def one_site(tmp_path: Path, *, kind: str = "bird", **more: object) -> tuple[Stand, Place]:
    """A site, its upstream, and a network beyond whose users the upstream serves: three nodes."""
    needs_namespaces()
    needs_program("bird", "knotd", "kdig")
    world = lab_worlds.World("place")
    router = world.router(200, "mad", is_client=True)
    site = world.site(unique("mad"), metro="mad")
    world.upstream(router, site)
    blueprint = world.blueprint()
    stand = Stand(with_design(blueprint, design_of(blueprint, kind=kind)), tmp_path, **more)  # type: ignore[arg-type]
    try:
        stand.upstream(router)
        return stand, stand.place(unique("mad"))
    except BaseException:
        stand.__exit__()
        raise


def heard(stand: Stand) -> set[str]:
    """The prefixes that the upstream has from the site."""
    control = paths.run_of(stand.blueprint.clients[0].name) / "bird.ctl"
    command = ["birdc", "-s", str(control), "show", "route", "where", "source", "=", "RTS_BGP"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return set(re.findall(r"^([0-9a-f:.]+/\d+)", done.stdout, re.MULTILINE))


ALL = {"198.51.100.0/24", "2001:db8:a::/48"}


@pytest.fixture
def bird(tmp_path: Path) -> Iterator[tuple[Stand, Place]]:
    stand, place = one_site(tmp_path)
    with stand:
        place.start()
        place.wait_ready()
        wait_until(lambda: heard(stand) == ALL)
        yield stand, place


def test_a_dead_service_is_withdrawn_at_once_and_announced_again_when_it_is_back(
    bird: tuple[Stand, Place],
) -> None:
    stand, place = bird

    at = place.server.kill()
    wait_until(lambda: heard(stand) == set(), every=0.005)
    assert time.monotonic() - at < 5
    place.server.restore()
    place.wait_ready()
    wait_until(lambda: heard(stand) == ALL)


def test_users_are_answered_from_the_service_addresses_by_the_site(bird: tuple[Stand, Place]) -> None:
    stand, _ = bird
    client = stand.blueprint.clients[0]

    for to, family in ((V4, 4), (V6, 6)):
        source = str(client.client_address(family))
        command = ["kdig", "+short", "+tcp", "-b", source, f"@{to}", "id.server", "CH", "TXT"]
        for words in (command, [word for word in command if word != "+tcp"]):
            done = stand.wiring.namespaces[client.name].call(
                lambda words=words: subprocess.run(words, capture_output=True, text=True, timeout=10)  # type: ignore[misc]
            )
            assert done.stdout.strip() == f'"{unique("mad")}"', done.stderr


def test_wrong_answers_and_a_drain_withdraw_too(bird: tuple[Stand, Place]) -> None:
    stand, place = bird

    place.server.wrong()
    wait_until(lambda: heard(stand) == set())
    place.server.restore()
    wait_until(lambda: heard(stand) == ALL)
    assert place.agent.order("drain", force=True)["services"]
    wait_until(lambda: all(one["is_drained_by_order"] for one in place.agent.order("status")["services"]))
    place.agent.order("undrain")
    place.wait_ready()


def test_a_daemon_is_killed_hung_and_misconfigured_and_what_it_announced_comes_back(
    bird: tuple[Stand, Place],
) -> None:
    stand, place = bird

    place.daemon.kill()
    wait_until(lambda: heard(stand) == set())
    place.daemon.restore()
    wait_until(lambda: heard(stand) == ALL)
    place.daemon.misconfigure()
    place.server.kill()
    wait_until(lambda: heard(stand) == set())
    place.server.restore()
    place.daemon.restore()
    wait_until(lambda: heard(stand) == ALL)
    place.daemon.hang()
    # A signal is taken when the process is next scheduled.
    wait_until(
        lambda: Path(f"/proc/{place.daemon.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    )
    place.daemon.restore()
    wait_until(place.is_announced)


def test_sessions_begin_anew_and_what_was_announced_comes_back(bird: tuple[Stand, Place]) -> None:
    stand, place = bird
    control = str(paths.bird_control(place.node.name))

    def since() -> set[str]:
        """When the sessions that are up came up."""
        command = ["birdc", "-s", control, "show", "protocols"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return set(re.findall(r"BGP +--- +up +(\S+ \S+) +Established", done.stdout))

    wait_until(lambda: len(since()) == len(place.daemon.plan.sessions))
    before = since()
    place.daemon.begin_sessions_anew()

    wait_until(lambda: len(since() - before) == len(place.daemon.plan.sessions))
    wait_until(lambda: heard(stand) == ALL)


def test_an_agent_that_dies_or_hangs_loses_its_lease_and_its_successor_takes_over(
    bird: tuple[Stand, Place],
) -> None:
    stand, place = bird

    at = place.agent.kill()
    wait_until(lambda: heard(stand) == set())
    assert time.monotonic() - at > 1.0  # the lease is 2 s, and was renewed less than 1 s before
    place.agent.restore()
    place.wait_ready()
    wait_until(lambda: heard(stand) == ALL)
    place.agent.hang()
    wait_until(lambda: heard(stand) == set())
    place.agent.restore()
    wait_until(lambda: heard(stand) == ALL)


def test_a_host_stands_still_with_all_that_runs_on_it(bird: tuple[Stand, Place]) -> None:
    stand, place = bird
    pids = place.processes()

    def states() -> set[str]:
        return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in pids}

    stand.processes.freeze(place.node.name)
    # One that has the word stops before it does anything more, but is shown so once it had its turn.
    wait_until(lambda: states() == {"T"})
    stand.processes.thaw(place.node.name)

    assert {place.agent.pid, place.daemon.pid, place.server.pid} <= set(pids)
    wait_until(place.is_announced)


def test_a_forked_agent_is_what_its_command_would_have_started(bird: tuple[Stand, Place]) -> None:
    stand, place = bird
    pid = place.agent.pid
    proc = Path(f"/proc/{pid}")

    words = proc.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    assert words[1:5] == [b"-m", b"anyplane", b"agent", os.fsencode(place.design_file)]
    assert os.getsid(pid) == pid
    assert proc.joinpath("ns/net").stat().st_ino == stand.wiring.namespaces[place.node.name].inode
    status = dict(
        line.split(":\t", 1) for line in proc.joinpath("status").read_text().splitlines() if ":\t" in line
    )
    # 32 and 33 are the C library's own, and nobody's business.
    ignored = {one for one in signal.valid_signals() if int(status["SigIgn"], 16) >> (one - 1) & 1}
    assert ignored == {signal.SIGPIPE, signal.SIGXFSZ}  # as in every Python
    opened = {str(one.readlink()) for one in proc.joinpath("fd").iterdir()}
    assert str(stand.directory / "nodes" / place.node.name / "agent.log") in opened
    # It executes the same command again when it is upgraded, and is still the same process.
    before = stack(pid)
    place.agent.order("upgrade")
    wait_until(lambda: stack(pid) != before and place.is_announced(), timeout=120)
    assert place.agent.pid == pid
    assert heard(stand) == ALL


def stack(pid: int) -> str:
    """Where its stack begins: elsewhere in each program that it executes."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[25]


@pytest.mark.parametrize("kind", ["exabgp", "gobgp", "frr", "openbgpd"])
def test_every_other_daemon_announces_and_withdraws(kind: str, tmp_path: Path) -> None:
    needs_program({"exabgp": "knotd", "gobgp": "gobgpd", "frr": "bgpd", "openbgpd": "bgpctl"}[kind])
    if kind == "gobgp":
        pytest.importorskip("grpc")
    stand, place = one_site(tmp_path, kind=kind)
    with stand:
        place.start()
        place.wait_ready(60)
        wait_until(lambda: heard(stand) == ALL)
        client = stand.blueprint.clients[0]
        source = str(client.client_address(4))
        command = ["kdig", "+short", "-b", source, f"@{V4}", "id.server", "CH", "TXT"]
        done = stand.wiring.namespaces[client.name].call(
            lambda: subprocess.run(command, capture_output=True, text=True, timeout=10)
        )
        assert done.stdout.strip() == f'"{unique("mad")}"', done.stdout

        place.server.kill()
        wait_until(lambda: heard(stand) == set())
        place.server.restore()
        wait_until(lambda: heard(stand) == ALL)
        place.daemon.kill()
        wait_until(lambda: heard(stand) == set())
        place.daemon.restore()
        wait_until(lambda: heard(stand) == ALL)


def test_backends_share_a_service_address_and_one_that_dies_is_left_out(tmp_path: Path) -> None:
    needs_namespaces()
    needs_program("bird", "knotd", "kdig")
    world = lab_worlds.World("backends")
    router = world.router(200, "mad", is_client=True)
    site = world.site(unique("mad"), metro="mad")
    world.upstream(router, site)
    names = ("web1", "web2")
    hosts = [world.backend(site, name) for name in names]
    blueprint = world.blueprint()
    lines = []
    for name, host in zip(names, hosts, strict=True):
        (link,) = blueprint.links_of[host]
        for family, address in ((4, link.v4(host).ip), (6, link.v6(host).ip)):
            lines.append(
                f'          - {{name: {name}-v{family}, address: "{address}", interface: {link.device}}}\n'
            )
    checks = "- {name: asked, dns: {name: www.example.net}, interval: 200 ms, rise: 1, fall: 1}\n"
    text = design_of(blueprint, checks="", backends=f"        backends:\n{''.join(lines)}").replace(
        "        backends:\n", "        backends:\n"
    )
    shared = f"        checks:\n          {checks}"
    text = text.replace("        backends:\n", f"{shared}        backends:\n")
    for line in lines:
        text = text.replace(line, line.replace("}\n", f", checks: [{checks.strip()[2:]}]}}\n"))
    with Stand(with_design(blueprint, text), tmp_path) as stand:
        stand.upstream(router)
        place = stand.place(unique("mad"))
        place.start()
        place.wait_ready()
        wait_until(lambda: heard(stand) == ALL)

        def answering() -> set[str]:
            client = stand.blueprint.clients[0]
            command = ["kdig", "+short", "+timeout=5", "+retry=0", "-b", str(client.client_address(4))]
            found = stand.wiring.namespaces[client.name].call(
                lambda: [
                    subprocess.run(
                        [*command, f"@{V4}", "id.server", "CH", "TXT"],
                        capture_output=True,
                        text=True,
                        timeout=30,
                    )
                    .stdout.strip()
                    .strip('"')
                    for _ in range(12)
                ]
            )
            return set(found)

        both = {f"{unique('mad')}/web{number}-v4" for number in (1, 2)}
        # A single question may be lost when the machine is busy; nobody else may answer, ever.
        wait_until(lambda: answering() == both)
        place.backend("web1-v4").kill()
        wait_until(lambda: answering() == {f"{unique('mad')}/web2-v4"})
        assert heard(stand) == ALL
        place.backend("web1-v4").restore()
        with pytest.raises(LabError, match="no server runs at"):
            _ = place.server


def test_the_words_of_the_sites_reach_each_other_and_a_partition_lets_them_grow_old(tmp_path: Path) -> None:
    needs_namespaces()
    needs_program("bird", "knotd", "kdig")
    world = lab_worlds.World("fleet")
    routers = [world.router(200, "mad", is_client=True), world.router(300, "fra")]
    for router, name in zip(routers, ("mad", "fra"), strict=True):
        world.upstream(router, world.site(unique(name), metro=name))
    blueprint = world.blueprint()
    text = design_of(blueprint).replace(
        "floor: 0", f"floor: 1, fleet: {{file: {paths.FLEET_FILE}}}, fresh: 2 s, patience: 300 ms"
    )
    with Stand(with_design(blueprint, text), tmp_path) as stand:
        for router in routers:
            stand.upstream(router)
        places = [stand.place(unique(name)) for name in ("mad", "fra")]
        madrid, frankfurt = places
        words = FleetWords(places)
        words.start()
        try:
            for place in places:
                place.start()
            for place in places:
                place.wait_ready()

            def age() -> float:
                status = madrid.agent.status()
                return status["fleet"][0]["age_s"] if status and status["fleet"] else 1e9

            wait_until(lambda: age() < 2)
            os.kill(madrid.agent.pid, signal.SIGSTOP)
            os.kill(frankfurt.agent.pid, signal.SIGSTOP)
            time.sleep(0.2)
            written = madrid.fleet_file.stat().st_mtime_ns
            time.sleep(0.2)
            assert madrid.fleet_file.stat().st_mtime_ns == written, "nothing new was said"
            os.kill(madrid.agent.pid, signal.SIGCONT)
            os.kill(frankfurt.agent.pid, signal.SIGCONT)
            assert set(json.loads(madrid.fleet_file.read_text())["sites"]) == {unique("mad"), unique("fra")}
            words.partition(unique("fra"))
            wait_until(lambda: age() > 2.5)
            # The floor needs a site that is fresh and well: the withdrawal is refused now.
            madrid.server.kill()
            time.sleep(1.5)
            assert heard(stand) == ALL
            words.heal()
            wait_until(lambda: age() < 2)
            wait_until(lambda: heard(stand) == set())
            assert frankfurt.agent.pid
        finally:
            words.close()


def test_a_place_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    stand, place = one_site(tmp_path, has_zygote=False)
    with stand:
        broken = replace(place.server.serving, argv=("/bin/false",))
        place.server.serving = broken
        place.start()
        with pytest.raises(LabError, match="dns does not run"):
            place.wait_ready(3)


def test_the_zygote_has_one_thread_so_that_a_fork_of_it_is_whole(bird: tuple[Stand, Place]) -> None:
    stand, _ = bird

    assert stand.zygote is not None
    assert len(list(Path(f"/proc/{stand.zygote.pid}/task").iterdir())) == 1
