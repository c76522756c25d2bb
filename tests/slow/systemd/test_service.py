"""The service under a real systemd: installed, ready, watched, stopped, and taken away again (in this order)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST, free_port, wait_for
from tests.support.daemon import STOP_SECONDS
from tests.support.service import CLIP, CONFIG, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.service import Service

pytestmark = pytest.mark.rooted

BACK_S, KILLED_S, START_S = 10.0, 5.0, 5.0
"""What the service may take until it publishes again: frozen, killed, started."""


@pytest.fixture
def running(service: Service) -> Service:
    """`systemctl start` returns once the daemon has said READY."""
    service.systemctl("start")
    service.wait_for_detections()
    return service


@pytest.fixture
def misconfigured(service: Service) -> Iterator[Service]:
    service.configure({"yard": {"source": "/srv/clip.mp4", "rotate": 45}})
    yield service
    service.configure(CLIP)


@pytest.fixture
def watching_nothing(service: Service) -> Iterator[Service]:
    """With one camera, which is away."""
    service.configure({"gone": {"source": f"rtsp://{HOST}:{free_port()}/live"}})
    yield service
    service.configure(CLIP)
    service.systemctl("restart")


def test_the_first_install_says_what_to_edit(service: Service) -> None:
    assert CONFIG in service.first_install
    assert "sudo systemctl start vedette" in service.first_install
    assert service.systemctl("is-enabled") == "enabled"
    assert service.container.run("stat", "-c", "%U:%G %a", CONFIG).stdout == "root:vedette 640\n"


def test_the_next_install_keeps_the_config_and_starts_it(service: Service) -> None:
    assert "installed and started" in service.second_install
    assert "device: gate" in service.container.run("cat", CONFIG).stdout


def test_root_checks_with_the_models_and_secrets_of_the_service(service: Service) -> None:
    service.systemctl("stop")  # then no credentials are laid out
    done = service.container.run("vedette", "check", "-c", CONFIG, check=False)
    assert (done.returncode, done.stdout) == (0, f"{CONFIG}: ok\n"), done.stderr


def test_it_is_ready_and_detects(running: Service) -> None:
    assert running.show("ActiveState") == "active"
    assert running.show("StatusText") == "running"
    assert running.container.run("ps", "-o", "user=", "-p", str(running.pid)).stdout.strip() == "vedette"
    told = running.container.run("runuser", "-u", "nobody", "--", "vedette", "status").stdout
    assert f"pid {running.pid} " in told
    assert "online" in told


def test_journald_can_be_asked_for_a_camera_an_engine_or_an_event(running: Service) -> None:
    camera = running.entries("CAMERA=yard", "EVENT=vedette.camera.status")
    engine = running.entries("ENGINE=openvino-person", "BACKEND=openvino")
    assert camera[0]["LOGGER"] == "vedette.capture"
    assert {entry["SYSLOG_IDENTIFIER"] for entry in camera + engine} == {"vedette"}
    assert any("serves on" in entry["MESSAGE"] for entry in engine)


def test_the_password_came_by_a_credential_and_is_nowhere_to_be_read(running: Service) -> None:
    assert PASSWORD not in running.container.run("cat", "/run/vedette/status.json").stdout
    assert PASSWORD not in running.journal("--output=json", "--all")


def test_a_second_one_in_its_state_directory_is_refused(running: Service) -> None:
    places = ("STATE_DIRECTORY=/var/lib/vedette", "CACHE_DIRECTORY=/var/cache/vedette")
    environment = ("env", *places, f"VEDETTE_SECRET_MQTT_PASSWORD={PASSWORD}")
    second = running.container.run(
        "runuser", "-u", "vedette", "--", *environment, "vedette", "run", "-c", CONFIG, check=False
    )
    assert second.returncode == 75, second.stderr
    assert f"pid {running.pid}" in second.stderr


def test_it_begins_anew_by_command_and_is_the_same_service(running: Service) -> None:
    """systemd is told of no stop, which it would wait for and then enforce."""
    before = (running.pid, running.show("NRestarts"))
    running.audience.subscriber.publish(TOPICS.command("restart"), b"{}")
    wait_for(lambda: "restarting: by command" in running.journal(), 10)
    running.wait_for_detections()
    time.sleep(4)  # longer than a stop may take
    assert (running.pid, running.show("NRestarts")) == before
    assert running.systemctl("is-active") == "active"


def test_a_killed_worker_does_not_end_the_daemon(running: Service) -> None:
    pid, workers = running.pid, running.workers()
    running.container.run("kill", "-KILL", *workers)
    wait_for(lambda: running.workers() and running.workers() != workers, 10)
    running.wait_for_detections()
    assert running.pid == pid


def test_a_hanging_daemon_is_restarted_by_the_watchdog(running: Service) -> None:
    pid, restarts = running.pid, int(running.show("NRestarts"))
    running.container.run("kill", "-STOP", str(pid))
    frozen = time.monotonic()
    wait_for(lambda: int(running.show("NRestarts")) > restarts, BACK_S, "the watchdog did not bite")
    running.wait_for_detections()
    assert time.monotonic() - frozen <= BACK_S
    print(f"frozen: detections again after {time.monotonic() - frozen:.1f} s")
    assert running.pid != pid
    assert "Watchdog timeout" in running.journal()
    assert "most recent call first" in running.journal(), "the stacks of the hanging threads are not in the journal"


def test_an_edit_is_taken_over_by_systemctl_reload(running: Service) -> None:
    pid = running.pid
    running.configure({"yard": {**CLIP["yard"], "zones": {"porch": {"polygon": [[0, 0], [1, 0], [1, 1]]}}}})
    running.systemctl("reload")
    assert running.show("ActiveState") == "active"
    wait_for(lambda: TOPICS.count("yard", "all", "porch") in dict(running.audience.heard()), 10, running.journal)
    running.configure({"yard": {"sorce": "x"}})
    done = running.container.run("systemctl", "reload", "vedette", check=False)
    assert done.returncode == 1
    assert "cameras.yard.sorce" in running.journal()
    running.configure(CLIP)
    running.systemctl("reload")
    running.wait_for_detections()
    assert running.pid == pid


def test_what_its_groups_may_open_is_open_in_its_sandbox(running: Service) -> None:
    """A file in place of a device: proves the group, not the device list; and that another group's stays closed."""
    container = running.container
    container.run("sh", "-c", "echo seen >/srv/node && chgrp video /srv/node && chmod 0640 /srv/node")
    command = (
        "systemd-run",
        "--wait",
        "--pipe",
        "-q",
        "-p",
        "User=vedette",
        "-p",
        "PrivateUsers=yes",
        "cat",
        "/srv/node",
    )
    assert container.run(*command).stdout == "seen\n"
    container.run("chgrp", "root", "/srv/node")
    assert container.run(*command, check=False).returncode != 0


def test_a_jetson_s_daemon_for_cameras_is_within_reach(running: Service) -> None:
    """With the /tmp that install.sh gives the service on a Jetson; a socket of root's in place of the daemon's."""
    container = running.container
    serve = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/argus_socket'); s.listen(); s.accept()"
    container.run("systemd-run", "-q", "--unit=argus", "sh", "-c", f'umask 0; exec python3 -c "{serve}"')
    wait_for(lambda: container.run("test", "-S", "/tmp/argus_socket", check=False).returncode == 0, 20)
    connect = "import socket; socket.socket(socket.AF_UNIX).connect('/tmp/argus_socket')"
    as_service = ("systemd-run", "--wait", "--pipe", "-q", "-p", "User=vedette", "-p", "PrivateUsers=yes")
    sandbox = ("-p", "ProtectSystem=strict", "-p", "ReadWritePaths=/tmp", "-p", "PrivateTmp=no")
    container.run(*as_service, *sandbox, "python3", "-c", connect)
    done = container.run(*as_service, "-p", "PrivateTmp=yes", "python3", "-c", connect, check=False)
    assert "FileNotFoundError" in done.stderr, "so it would be hidden by the other one"
    container.run("rm", "/tmp/argus_socket")


def test_a_second_instance_runs_beside_the_first(running: Service) -> None:
    text = running.container.run("cat", CONFIG).stdout
    other = text.replace(f"device: {DEVICE}", f"device: {DEVICE}-two").replace("!secret mqtt_password", PASSWORD)
    running.container.run("tee", "/etc/vedette/two.yaml", stdin=other.encode())
    running.container.run("systemctl", "start", "vedette@two")
    assert running.container.run("systemctl", "is-active", "vedette@two").stdout.strip() == "active"
    running.wait_for_detections()
    running.container.run("test", "-e", "/var/lib/vedette-two/device_uid")
    running.container.run("systemctl", "stop", "vedette@two")


def test_a_killed_daemon_is_restarted_without_orphans(running: Service) -> None:
    pid, workers = running.pid, running.workers()
    running.container.run("kill", "-KILL", str(pid))
    killed = time.monotonic()
    wait_for(lambda: running.show("ActiveState") == "active" and running.pid not in {0, pid}, 15)
    running.wait_for_detections()
    assert time.monotonic() - killed <= KILLED_S
    print(f"killed: detections again after {time.monotonic() - killed:.1f} s")
    assert len(running.workers()) == 1
    assert not set(workers) & set(running.workers())


def test_an_install_over_a_bad_config_says_what_is_wrong_and_the_fix_is_picked_up(misconfigured: Service) -> None:
    done = misconfigured.container.run("sh", "/opt/checkout/systemd/install.sh", check=False)
    assert done.returncode == 1
    assert f"{CONFIG}:3:" in done.stderr
    assert "cameras.yard.rotate" in done.stderr
    misconfigured.configure(CLIP)
    misconfigured.wait_for_detections()  # nobody had to start it


def test_a_camera_that_is_away_is_no_reason_to_restart(watching_nothing: Service) -> None:
    watching_nothing.systemctl("restart")  # returns at READY
    pid = watching_nothing.pid
    assert dict(watching_nothing.audience.heard())[TOPICS.camera_status("gone")] == b"offline"
    time.sleep(7)  # longer than the watchdog waits
    assert watching_nothing.pid == pid
    assert watching_nothing.show("ActiveState") == "active"


def test_from_the_start_of_the_unit_to_the_first_detection(running: Service) -> None:
    running.systemctl("stop")
    began = time.monotonic()
    running.systemctl("start", "--no-block")
    running.wait_for_detections()
    print(f"started: first detection after {time.monotonic() - began:.1f} s")
    assert time.monotonic() - began <= START_S


def test_stopped_it_says_offline_within_two_seconds(running: Service) -> None:
    began = time.monotonic()
    running.systemctl("stop")
    took = time.monotonic() - began
    assert took < STOP_SECONDS, running.journal()
    assert running.show("Result") == "success"
    wait_for(lambda: running.audience.statuses()[-1:] == [b"offline"], 10)
    assert running.workers() == []
    told = running.container.run("vedette", "status", check=False)
    assert (told.returncode, "no vedette is running here" in told.stderr) == (1, True)


def test_uninstalled_only_config_and_state_are_left(running: Service) -> None:
    assert "/etc/vedette" in running.make("uninstall")
    gone = ("/opt/vedette", "/var/cache/vedette", "/usr/local/bin/vedette", "/etc/systemd/system/vedette.service")
    for path in gone:
        assert running.container.run("test", "-e", path, check=False).returncode == 1, path
    assert "device: gate" in running.container.run("cat", CONFIG).stdout
    running.container.run("test", "-e", "/var/lib/vedette/device_uid")
    running.make("uninstall")
