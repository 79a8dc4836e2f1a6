"""Strangers, rebinding names, foreign pages and impatient clients before the real web process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from daemon import health
from daemon.web.body import FORMS_AT_ONCE, Body, Pace
from daemon.web.guard import Guard
from daemon.web.pages import STATIC
from daemon.web.paper import Paper
from daemon.web.refusals import Refused
from daemon.web.security import CLIENTS, Gate, Rate
from daemon.web.serve import CONNECTIONS
from tests.house import REPOSITORY, House, until
from tests.samples import png, text_page
from tests.web.site import Site, port_of

TOKEN = "a-token-of-this-test"
FRIEND = "https://app.example"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
IMAGE = png(text_page(["Gate"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose daemon does not run: what is uploaded waits."""
    root = tmp_path_factory.mktemp("gate")
    web = {
        "port": 0, "token": TOKEN, "origins": [FRIEND], "upload_megabytes": 1,
        "uploads_waiting": 6, "predict_seconds": 0.5, "requests_per_minute": 0,
    }  # fmt: skip
    house = House(root, web=web)
    with (root / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "web", "--config", str(house.config)],
            stdout=output, stderr=output, cwd=REPOSITORY,
        )  # fmt: skip
        try:
            yield Site(house, port_of(house))
        finally:
            process.terminate()
            assert process.wait(20) == 0


def raw(site: Site, request: bytes, seconds: float = 5.0) -> bytes:
    """Send bytes as they are and return what comes until the other side closes."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=seconds) as line:
        line.sendall(request)
        answer = b""
        while part := line.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize("path", ["/documents", "/documents/" + "0" * 32, "/upload"])
def test_without_the_token_nothing_is_told(site: Site, path: str) -> None:
    assert site.get(path).status_code == 401
    assert site.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert site.get(path, headers={"Cookie": "ocr_daemon=wrong"}).status_code == 401


@pytest.mark.parametrize(
    ("asked", "login"),
    [
        ("/", "/login"),
        (
            "/documents/x%20y/view?q=a%26b",
            "/login?next=%2Fdocuments%2Fx%2520y%2Fview%3Fq%3Da%2526b",
        ),
        ("//evil.example/%5c", "/login"),
    ],
)
def test_a_person_without_the_token_is_led_to_the_login_and_on(
    site: Site, asked: str, login: str
) -> None:
    head = (
        f"GET {asked} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    )

    answer = raw(site, head.encode()).split(b"\r\n")

    assert b" 303 " in answer[0]
    assert f"location: {login}".encode() in answer


def test_a_name_that_was_pointed_here_is_refused(site: Site) -> None:
    assert site.get("/healthz", headers={"Host": "evil.example"}).status_code == 421
    assert site.get("/healthz", headers={"Host": f"app.example:{site.port}"}).status_code == 200
    assert site.get("/documents", headers={"Host": "compose-name", **BEARER}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_cannot_put_in(site: Site, headers: dict[str, str]) -> None:
    refused = site.post("/upload", files={"file": IMAGE}, headers=headers | BEARER)

    assert (refused.status_code, refused.json()["error"]["class"]) == (403, "foreign_origin")


def test_a_configured_origin_may_ask_and_no_other(site: Site) -> None:
    asks = {"Access-Control-Request-Method": "POST"}

    friend = requests.options(f"{site.base}/upload", headers={"Origin": FRIEND} | asks, timeout=9)
    other = requests.options(
        f"{site.base}/upload", headers={"Origin": "http://x"} | asks, timeout=9
    )
    read = site.get("/documents", headers={"Origin": FRIEND} | BEARER)

    assert (friend.status_code, friend.headers["access-control-allow-origin"]) == (204, FRIEND)
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers
    assert read.headers["access-control-allow-origin"] == FRIEND


def test_what_breaks_before_a_route_still_bears_the_headers() -> None:
    class Broken(Gate):
        def check(self, method: str, path: str, headers: Headers) -> None:
            raise ValueError(path)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Guard(Response(), Broken(None), Rate(0), Paper(STATIC)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/")

    answer = asyncio.run(ask())

    assert (answer.status_code, answer.json()["error"]["class"]) == (500, "crashed")
    assert answer.headers["x-frame-options"] == "DENY"


def test_predict_without_a_daemon_says_so_and_keeps_nothing(site: Site) -> None:
    answer = site.post("/predict", files={"file": IMAGE}, headers=BEARER)

    assert (answer.status_code, answer.json()["error"]["class"]) == (503, "daemon_not_running")
    assert site.house.kept(site.house.inbox) == set()


def test_predict_that_waits_too_long_tells_where_to_ask_later(site: Site) -> None:
    health.beat(site.house.state, health.pulse(0.0, 0, False, []))

    answer = site.post("/predict", files={"file": IMAGE}, headers=BEARER)

    assert (answer.status_code, answer.json()["error"]["class"]) == (504, "late")
    waiting = site.get(answer.headers["Location"], headers=BEARER).json()
    assert (waiting["id"], waiting["status"]) == (answer.json()["id"], "waiting")


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"<html>", b"PK\x03\x04zip", b"MZ"])
def test_what_is_no_image_is_refused_whatever_it_is_called(site: Site, content: bytes) -> None:
    answer = site.post("/upload", files={"file": ("a.png", content, "image/png")}, headers=BEARER)

    assert answer.status_code == 415


def test_a_body_without_length_is_cut_off_at_the_limit(site: Site) -> None:
    chunks = (b"\x89PNG\r\n\x1a\n" + bytes(100_000) for _ in range(20))

    answer = site.post("/upload", data=chunks, headers={"Content-Type": "image/png"} | BEARER)

    assert answer.status_code == 413
    assert not list((site.house.inbox / ".ocr-daemon/web").iterdir())


def test_a_declared_length_above_the_limit_is_refused_unread(site: Site) -> None:
    head = (
        f"POST /upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Connection: close\r\nContent-Type: image/png\r\nContent-Length: 99999999999\r\n\r\n"
    )

    assert b" 413 " in raw(site, head.encode(), 10).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/documents/..%2f..%2fledger.sqlite3", "/documents/%00", "/documents/u-../../etc",
        "/documents/" + "0" * 32 + "/outputs/..%2f..%2fstate%2fledger.sqlite3",
        "/documents/" + "0" * 32 + "/pages/../../x", "/documents/u-" + "*" * 32,
    ],
)  # fmt: skip
def test_a_path_that_climbs_leads_nowhere(site: Site, path: str) -> None:
    head = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n"
    )

    assert b" 404 " in raw(site, head.encode()).split(b"\r\n")[0]


def test_names_arrive_as_harmless_ones_and_too_many_must_wait(site: Site) -> None:
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
        "passwd.png", "agnp.exe_0D_0AX_ 1.png", "upload.png", "upload.png", "scan.png",
    ]  # fmt: skip
    listed = site.get("/documents?status=waiting", headers=BEARER).json()
    assert {each["id"] for each in listed["documents"]} > {each["id"] for each in taken}
    assert site.get(taken[0]["location"], headers=BEARER).json()["status"] == "waiting"
    crowd = site.post("/upload", files={"file": IMAGE}, headers=BEARER)
    assert (crowd.status_code, crowd.json()["error"]["class"]) == (503, "crowded")


def test_a_client_that_never_ends_its_head_is_hung_up_on(site: Site) -> None:
    assert raw(site, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 30) == b""


def test_every_answer_bears_the_headers(site: Site) -> None:
    for answer in (site.get("/healthz"), site.get("/documents"), site.get("/nothing")):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_a_client_that_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    now = [0.0]
    rate = Rate(60, lambda: now[0])
    for _ in range(60):
        rate.spend("192.0.2.1")

    with pytest.raises(Refused) as refused:
        rate.spend("192.0.2.1")

    assert refused.value.headers == {"Retry-After": "1"}
    rate.spend("192.0.2.2")
    now[0] = 1.0
    rate.spend("192.0.2.1")
    for number in range(CLIENTS + 50):
        rate.spend(f"2001:db8:{number:x}::1")
    assert len(rate._buckets) == CLIENTS


def test_a_person_who_asks_too_often_is_told_on_a_page_and_a_program_as_json() -> None:
    guard = Guard(Response(), Gate(None), Rate(1), Paper(STATIC))

    async def ask(accept: str) -> httpx.Response:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/", headers={"Accept": accept})

    asyncio.run(ask("*/*"))
    page, told = asyncio.run(ask("text/html,*/*")), asyncio.run(ask("*/*"))

    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert int(page.headers["retry-after"]) > 0
    assert "try again in" in page.text
    assert (told.status_code, told.json()["error"]["class"]) == (429, "too_many")


@pytest.mark.parametrize(
    ("web", "key"),
    [
        ({"address": "0.0.0.0"}, "web.address"),
        ({"token": "short"}, "web.token"),
        ({"origins": ["https://a.example/path"]}, "web.origins"),
    ],
)
def test_what_would_let_anybody_in_is_misconfigured(
    tmp_path: Path, web: dict[str, object], key: str
) -> None:
    said = House(tmp_path, web=web).command("web")

    assert said.returncode == 78
    assert key in said.stderr


def test_a_port_that_is_taken_is_misconfigured(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        said = House(tmp_path, web={"port": other.getsockname()[1]}).command("web")

    assert (said.returncode, "web.port" in said.stderr) == (78, True)


def test_without_the_extra_the_daemon_says_what_to_install(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'starlette' else find(n, *a)\n"
    )
    path = f"{blocked}:{os.environ.get('PYTHONPATH', '')}"

    said = House(tmp_path, web={"enabled": True}).command("run", PYTHONPATH=path)

    assert said.returncode == 78
    assert "ocr-daemon[web]" in said.stderr


def login(token: str, length: int | None = None) -> bytes:
    """Return a login as bytes; with a `length` that is not its own it never ends."""
    body = f"token={token}"
    return (
        f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length or len(body)}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    ).encode()


def test_silent_logins_hold_up_nobody_but_logins_and_those_for_seconds(site: Site) -> None:
    printed = (site.house.root / "output").read_text()
    with contextlib.ExitStack() as lines:
        silent = [
            lines.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=30))
            for _ in range(FORMS_AT_ONCE + 20)
        ]
        for line in silent:
            line.sendall(login("x", 9))

        turned_away = silent[-1].recv(65536)
        given_up = silent[0].recv(65536)

    assert b" 503 " in turned_away.split(b"\r\n")[0]
    assert b" 408 " in given_up.split(b"\r\n")[0]
    assert b"connection: close" in given_up.lower()
    until(lambda: b" 303 " in raw(site, login(TOKEN), 20).split(b"\r\n")[0])
    assert (site.house.root / "output").read_text() == printed


def test_silent_connections_make_way_for_those_that_ask(site: Site) -> None:
    with contextlib.ExitStack() as lines:
        for _ in range(CONNECTIONS + 50):
            lines.enter_context(socket.create_connection(("127.0.0.1", site.port), timeout=30))

        answer = site.get("/healthz")

    assert answer.status_code == 200


def test_a_login_above_the_limit_is_refused(site: Site) -> None:
    assert b" 413 " in raw(site, login("x", 99_999)).split(b"\r\n")[0]


def test_an_upload_that_trickles_is_given_up_and_one_on_a_poor_line_is_not() -> None:
    now = [0.0]

    def body(piece: bytes) -> Body:
        async def coming() -> Message:
            now[0] += 20.0
            return {"type": "http.request", "body": piece, "more_body": True}

        request = Request({"type": "http", "method": "POST", "headers": []}, coming)
        return Body(request, 10**9, Pace(30.0, 60.0, 5_000.0), lambda: now[0])

    async def read(body: Body) -> None:
        for _ in range(20):
            await body.next_chunk()

    asyncio.run(read(body(bytes(200_000))))
    with pytest.raises(Refused) as refused:
        asyncio.run(read(body(b"x")))

    assert (refused.value.status, refused.value.headers) == (408, {"Connection": "close"})
