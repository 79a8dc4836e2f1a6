"""The monitoring server over real connections, with a fake daemon."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from daemon.core.counters import Counters
from daemon.core.errors import Misconfigured
from daemon.monitoring import http_server
from daemon.monitoring.heartbeat import STALE_SECONDS
from daemon.monitoring.http_server import MonitoringServer
from daemon.monitoring.metrics import Exposition, Facts
from tests.support.running_daemon import until
from tests.unit.monitoring.test_health import FakeDaemon


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Asked:
    """An endpoint that listens, over a daemon that a test may spoil."""

    def __init__(self, ledger_file: Path) -> None:
        self.port = free_port()
        self.health, self.counters = FakeDaemon().health, Counters()
        facts = Facts(
            model="m", model_sha256="ab", backend="torchscript", precision="auto",
            segmenter="auto", folders={}, ledger_file=ledger_file,
        )  # fmt: skip
        exposition = Exposition(self.counters, self.health, facts)
        self.endpoint = MonitoringServer(
            "127.0.0.1", self.port, self.health, exposition, ["ocr-daemon"]
        )

    def get(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def is_well(asked: Asked) -> bool:
    """Tell whether it is; who is hung up on, as one too many, was not told."""
    try:
        return asked.get("/healthz")[0] == 200
    except (ConnectionError, HTTPException):
        return False


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    monkeypatch.setattr(http_server, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(http_server, "POLL_SECONDS", 0.05)
    made = Asked(tmp_path / "ledger")
    made.health.beat_at = time.monotonic()
    made.health.inbox.overdue_at = float("inf")  # type: ignore[misc]
    yield made
    made.endpoint.close()


def test_a_loop_that_does_not_turn_gives_503_and_the_seconds(asked: Asked) -> None:
    assert asked.get("/healthz")[0] == 200

    asked.health.beat_at = time.monotonic() - STALE_SECONDS - 5
    status, body = asked.get("/healthz")

    assert status == 503
    (loop,) = [check for check in json.loads(body)["checks"] if not check["ok"]]
    assert loop["check"] == "loop"
    assert loop["seconds"] > STALE_SECONDS


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics?x=1", 200),
        ("HEAD", "/readyz", 200),
        ("GET", "/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", "/metrics", 501),
    ],
)
def test_three_paths_can_be_read_and_nothing_else(
    asked: Asked, method: str, path: str, status: int
) -> None:
    assert asked.get(path, method)[0] == status


def test_a_head_has_no_body(asked: Asked) -> None:
    assert asked.get("/metrics", "HEAD")[1] == b""


def test_unfinished_requests_are_closed_and_occupy_no_thread(asked: Asked) -> None:
    slow = [socket.create_connection(("127.0.0.1", asked.port)) for _ in range(50)]
    for connection in slow:
        connection.settimeout(10)
        connection.sendall(b"GET /metrics HTTP/1.0\r\nX: ")
    threads = sum("process_request_thread" in each.name for each in threading.enumerate())
    ends = []
    for connection in slow:
        try:
            ends.append(connection.recv(1))
        except ConnectionError:
            ends.append(b"")
        connection.close()

    assert threads <= http_server.MAX_REQUESTS
    assert set(ends) == {b""}
    until(lambda: is_well(asked), 10)


def test_a_client_that_sends_single_bytes_gets_no_more_time(asked: Asked) -> None:
    with socket.create_connection(("127.0.0.1", asked.port)) as connection:
        began = time.monotonic()

        def is_hung_up() -> bool:
            try:
                connection.sendall(b"x")
                connection.sendall(b"x")
            except OSError:
                return True
            return False

        until(is_hung_up, 30)
        took = time.monotonic() - began

    assert took >= 0.4


def test_a_port_that_is_taken_is_named_with_a_remedy(asked: Asked) -> None:
    with pytest.raises(Misconfigured, match=r"metrics = 127.0.0.1:\d+: Address already in use; "):
        MonitoringServer("127.0.0.1", asked.port, asked.health, None)  # type: ignore[arg-type]


def test_it_listens_again_at_once_where_it_listened_before(asked: Asked) -> None:
    asked.get("/healthz")
    asked.endpoint.close()

    again = MonitoringServer("127.0.0.1", asked.port, asked.health, None)  # type: ignore[arg-type]
    again.close()


def test_hook_metrics_exist_only_with_hooks(asked: Asked) -> None:
    assert b"ocr_hooks" not in asked.get("/metrics")[1]

    asked.counters.hooks_waiting, asked.counters.hooks_dead = 3, 1

    assert b"ocr_daemon_hooks_dead 1.0" in asked.get("/metrics")[1]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9478", 200),
        ("[::1]:9478", 200),
        ("192.168.1.7", 200),
        ("LocalHost.", 200),
        (socket.gethostname(), 200),
        ("ocr-daemon:9478", 200),
        (None, 200),
        ("evil.example", 421),
        ("ocr-daemon.evil.example:9478", 421),
        ("127.0.0.1.evil.example", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_a_page_that_gives_this_machine_a_name_of_its_own_learns_nothing(
    asked: Asked, host: str | None, status: int
) -> None:
    """DNS rebinding: the browser sends the name of the page. Only `ocr-daemon` is configured."""
    head = f"GET /metrics HTTP/1.1\r\n{'' if host is None else f'Host: {host}'}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", asked.port), timeout=10) as line:
        line.sendall(head.replace("\r\n\r\n\r\n", "\r\n\r\n").encode())
        answer = line.makefile("rb").read()

    assert int(answer.split()[1]) == status
    assert (b"ocr_daemon_" in answer) == (status == 200)


def test_slow_clients_do_not_keep_a_probe_out(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hold more connections than there are threads, and open a new one for each that ends."""
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 60.0)
    monkeypatch.setattr(http_server, "ANSWER_SECONDS", 60.0)
    is_over = threading.Event()

    def attack() -> None:
        while not is_over.is_set():
            with socket.create_connection(("127.0.0.1", asked.port), timeout=60) as line:
                line.sendall(b"GET /metrics HTTP/1.0\r\nX: ")
                line.settimeout(0.05)
                while not is_over.is_set():
                    try:
                        if not line.recv(1):
                            break
                    except TimeoutError:
                        continue
                    except OSError:
                        break

    attackers = [threading.Thread(target=attack) for _ in range(2 * http_server.MAX_REQUESTS)]
    for attacker in attackers:
        attacker.start()
    until(lambda: not asked.endpoint._server._free._value, 10, what="all threads are occupied")

    answered = sum(is_well(asked) for _ in range(20))
    is_over.set()
    for attacker in attackers:
        attacker.join()

    assert answered >= 19


def test_the_head_of_a_request_has_seconds_to_arrive(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(http_server, "ANSWER_SECONDS", 60.0)
    with socket.create_connection(("127.0.0.1", asked.port), timeout=10) as line:
        line.sendall(b"GET /metrics HTTP/1.0\r\nX: ")

        assert line.recv(1) == b""
