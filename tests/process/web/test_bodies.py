"""Request bodies at the real web process: too large, too slow, unsupported."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.types import Message

from daemon.monitoring import heartbeat
from daemon.web.http.body import MAX_CONCURRENT_FORMS, PaceLimits, RequestBody
from daemon.web.http.errors import HttpError
from daemon.web.server import MAX_CONNECTIONS
from tests.support.running_daemon import until
from tests.support.web.guarded import BEARER, IMAGE, TOKEN, alone, raw
from tests.support.web.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with alone(tmp_path_factory.mktemp("bodies")) as site:
        yield site


def test_predict_without_a_daemon_is_rejected_and_keeps_no_file(site: Site) -> None:
    answer = site.post("/predict", files={"file": IMAGE}, headers=BEARER)

    assert (answer.status_code, answer.json()["error_class"]) == (503, "daemon_not_running")
    assert site.workspace.files_in(site.workspace.inbox) == set()


def test_predict_that_times_out_returns_the_location(site: Site) -> None:
    heartbeat.beat(site.workspace.state, heartbeat.pulse("ok", 0.0, 0, False, []))

    answer = site.post("/predict", files={"file": IMAGE}, headers=BEARER)

    assert (answer.status_code, answer.json()["error_class"]) == (504, "timeout")
    waiting = site.get(answer.headers["Location"], headers=BEARER).json()
    assert (waiting["id"], waiting["status"]) == (answer.json()["id"], "waiting")


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"<html>", b"PK\x03\x04zip", b"MZ"])
def test_an_unsupported_type_is_rejected_whatever_its_name(site: Site, content: bytes) -> None:
    answer = site.post("/upload", files={"file": ("a.png", content, "image/png")}, headers=BEARER)

    assert answer.status_code == 415


def test_a_body_without_length_is_cut_off_at_the_limit(site: Site) -> None:
    chunks = (b"\x89PNG\r\n\x1a\n" + bytes(100_000) for _ in range(20))

    answer = site.post("/upload", data=chunks, headers={"Content-Type": "image/png"} | BEARER)

    assert answer.status_code == 413
    assert not list((site.workspace.inbox / ".ocr-daemon/web").iterdir())


def test_a_declared_length_above_the_limit_is_rejected_without_reading(site: Site) -> None:
    head = (
        f"POST /upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Connection: close\r\nContent-Type: image/png\r\nContent-Length: 99999999999\r\n\r\n"
    )

    assert b" 413 " in raw(site, head.encode(), 10).split(b"\r\n")[0]


def test_unsafe_names_are_made_safe_and_the_queue_is_limited(site: Site) -> None:
    names = [
        "../../../etc/passwd",
        "a\u202egnp.exe\r\nX: 1",
        "...",
        ".hidden.part",
        "\\\\host\\scan.png",
    ]

    taken = [
        site.post("/upload", files={"f": (name, IMAGE)}, headers=BEARER).json()["documents"][0]
        for name in names
    ]

    assert [each["name"] for each in taken] == [
        "passwd.png", "agnp.exeX_ 1.png", "upload.png", "upload (2).png", "scan.png",
    ]  # fmt: skip
    listed = site.get("/documents?status=waiting", headers=BEARER).json()
    assert {each["id"] for each in listed["documents"]} > {each["id"] for each in taken}
    assert site.get(taken[0]["location"], headers=BEARER).json()["status"] == "waiting"
    crowd = site.post("/upload", files={"file": IMAGE}, headers=BEARER)
    assert (crowd.status_code, crowd.json()["error_class"]) == (503, "queue_full")


def test_a_connection_with_an_incomplete_head_is_closed(site: Site) -> None:
    assert raw(site, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 30) == b""


def login(token: str, length: int | None = None) -> bytes:
    """Return a login request as bytes; with a larger `length` it never ends."""
    body = f"token={token}"
    return (
        f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length or len(body)}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    ).encode()


def test_stalled_logins_block_only_logins_for_a_few_seconds(site: Site) -> None:
    printed = (site.workspace.root / "output").read_text()
    with contextlib.ExitStack() as lines:
        silent = [
            lines.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=30))
            for _ in range(MAX_CONCURRENT_FORMS + 20)
        ]
        for line in silent:
            line.sendall(login("x", 9))

        turned_away = silent[-1].recv(65536)
        given_up = silent[0].recv(65536)

    assert b" 503 " in turned_away.split(b"\r\n")[0]
    assert b" 408 " in given_up.split(b"\r\n")[0]
    assert b"connection: close" in given_up.lower()
    until(lambda: b" 303 " in raw(site, login(TOKEN), 20).split(b"\r\n")[0])
    assert (site.workspace.root / "output").read_text() == printed


def test_idle_connections_are_closed_in_favour_of_new_requests(site: Site) -> None:
    with contextlib.ExitStack() as lines:
        for _ in range(MAX_CONNECTIONS + 50):
            lines.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=30))

        answer = site.get("/healthz")

    assert answer.status_code == 200


def test_a_login_above_the_size_limit_is_rejected(site: Site) -> None:
    assert b" 413 " in raw(site, login("x", 99_999)).split(b"\r\n")[0]


def test_a_trickling_upload_is_aborted_and_a_slow_one_is_not() -> None:
    now = [0.0]

    def body(piece: bytes) -> RequestBody:
        async def coming() -> Message:
            now[0] += 20.0
            return {"type": "http.request", "body": piece, "more_body": True}

        request = Request({"type": "http", "method": "POST", "headers": []}, coming)
        return RequestBody(request, 10**9, PaceLimits(30.0, 60.0, 5_000.0), lambda: now[0])

    async def read(body: RequestBody) -> None:
        for _ in range(20):
            await body.next_chunk()

    asyncio.run(read(body(bytes(200_000))))
    with pytest.raises(HttpError) as refused:
        asyncio.run(read(body(b"x")))

    assert (refused.value.status, refused.value.headers) == (408, {"Connection": "close"})
