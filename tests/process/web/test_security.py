"""Access control at the real web process: token, host names, origins, rate limit."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests
from starlette.datastructures import Headers
from starlette.responses import Response

from daemon.web.http.errors import HttpError
from daemon.web.http.middleware import SecurityMiddleware
from daemon.web.http.security import MAX_CLIENTS, AccessControl, RateLimiter
from daemon.web.ui.pages import STATIC
from daemon.web.ui.templating import Templates
from tests.support.running_daemon import Workspace
from tests.support.web.guarded import BEARER, FRIEND, IMAGE, TOKEN, alone, raw
from tests.support.web.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with alone(tmp_path_factory.mktemp("gate")) as site:
        yield site


@pytest.mark.parametrize("path", ["/documents", "/documents/" + "0" * 32, "/upload"])
def test_requests_without_the_token_are_rejected(site: Site, path: str) -> None:
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
def test_a_browser_without_the_token_is_redirected_to_the_login(
    site: Site, asked: str, login: str
) -> None:
    head = (
        f"GET {asked} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    )

    answer = raw(site, head.encode()).split(b"\r\n")

    assert b" 303 " in answer[0]
    assert f"location: {login}".encode() in answer


def test_an_unknown_host_name_is_rejected(site: Site) -> None:
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
def test_a_page_of_another_site_cannot_upload(site: Site, headers: dict[str, str]) -> None:
    refused = site.post("/upload", files={"file": IMAGE}, headers=headers | BEARER)

    assert (refused.status_code, refused.json()["error_class"]) == (403, "foreign_origin")


def test_only_a_configured_origin_gets_cors_headers(site: Site) -> None:
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


def guarded(access: AccessControl, rate_limiter: RateLimiter) -> SecurityMiddleware:
    """Return an application that answers every request that the middleware lets pass."""
    error_page = Templates(STATIC).error_page
    return SecurityMiddleware(Response(), access, rate_limiter, error_page)


def test_an_internal_error_has_the_security_headers() -> None:
    class Broken(AccessControl):
        def check(self, method: str, path: str, headers: Headers) -> None:
            raise ValueError(path)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(guarded(Broken(None), RateLimiter(0)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/")

    answer = asyncio.run(ask())

    assert (answer.status_code, answer.json()["error_class"]) == (500, "internal_error")
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "path",
    [
        "/documents/..%2f..%2fledger.sqlite3", "/documents/%00", "/documents/u-../../etc",
        "/documents/" + "0" * 32 + "/outputs/..%2f..%2fstate%2fledger.sqlite3",
        "/documents/" + "0" * 32 + "/pages/../../x", "/documents/u-" + "*" * 32,
    ],
)  # fmt: skip
def test_path_traversal_is_not_found(site: Site, path: str) -> None:
    head = (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n"
    )

    assert b" 404 " in raw(site, head.encode()).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("method", "path", "status", "error_class"),
    [
        ("GET", "/documents", 401, "unauthorized"),
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/documents/" + "0" * 32, 404, "not_found"),
        ("GET", "/documents?status=unknown", 400, "invalid_parameter"),
        ("DELETE", "/predict", 405, "method_not_allowed"),
    ],
)
def test_every_error_is_a_problem_as_in_rfc_9457(
    site: Site, method: str, path: str, status: int, error_class: str
) -> None:
    headers = {} if status == 401 else BEARER

    response = requests.request(method, site.base + path, headers=headers, timeout=9)

    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.keys() == {"type", "title", "status", "detail", "error_class"}
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["error_class"] == error_class
    assert problem["type"] == f"urn:ocr-daemon:error:{error_class}"


def test_every_response_has_the_security_headers(site: Site) -> None:
    for answer in (site.get("/healthz"), site.get("/documents"), site.get("/nothing")):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_a_client_above_the_rate_limit_gets_retry_after(tmp_path: Path) -> None:
    now = [0.0]
    rate = RateLimiter(60, lambda: now[0])
    for _ in range(60):
        rate.check("192.0.2.1")

    with pytest.raises(HttpError) as refused:
        rate.check("192.0.2.1")

    assert refused.value.headers == {"Retry-After": "1"}
    rate.check("192.0.2.2")
    now[0] = 1.0
    rate.check("192.0.2.1")
    for number in range(MAX_CLIENTS + 50):
        rate.check(f"2001:db8:{number:x}::1")
    assert len(rate._buckets) == MAX_CLIENTS


def test_a_rate_limited_browser_gets_a_page_and_a_program_gets_json() -> None:
    app = guarded(AccessControl(None), RateLimiter(1))

    async def ask(accept: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/", headers={"Accept": accept})

    asyncio.run(ask("*/*"))
    page, problem = asyncio.run(ask("text/html,*/*")), asyncio.run(ask("*/*"))

    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert int(page.headers["retry-after"]) > 0
    assert "try again in" in page.text
    assert (problem.status_code, problem.json()["error_class"]) == (429, "rate_limited")


@pytest.mark.parametrize(
    ("web", "key"),
    [
        ({"address": "0.0.0.0"}, "web.address"),
        ({"token": "short"}, "web.token"),
        ({"origins": ["https://a.example/path"]}, "web.origins"),
    ],
)
def test_an_insecure_config_is_refused(tmp_path: Path, web: dict[str, object], key: str) -> None:
    result = Workspace(tmp_path, web=web).command("web")

    assert result.returncode == 78
    assert key in result.stderr


def test_a_port_in_use_is_misconfigured(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = Workspace(tmp_path, web={"port": other.getsockname()[1]}).command("web")

    assert (result.returncode, "web.port" in result.stderr) == (78, True)


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n == 'starlette' else find(n, *a)\n"
    )
    path = f"{blocked}:{os.environ.get('PYTHONPATH', '')}"

    result = Workspace(tmp_path, web={"enabled": True}).command("run", PYTHONPATH=path)

    assert result.returncode == 78
    assert "install the extra [web]" in result.stderr
