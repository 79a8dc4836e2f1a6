"""Every error is problem details, also where no route sees the request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from starlette.responses import PlainTextResponse

from daemon.web.server import MAX_CONNECTIONS, limit_connections
from tests.support.web.guarded import BEARER, alone, raw
from tests.support.web.site import Site

HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with alone(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nConnection: close\r\n\r\n", 421),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n", 400),
        (b"GET /nothing HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 401),
        (b"PUT /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 405),
        (b"BREW /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 405),
    ],
)
def test_a_raw_request_is_refused_with_problem_details(
    site: Site, request_bytes: bytes, status: int
) -> None:
    head, _, body = raw(site, request_bytes).partition(b"\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-type: application/problem+json" in head.lower()
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/docs/nothing.js", 404),
        ("GET", "/static/nothing.js", 404),
        ("DELETE", "/upload", 405),
        ("GET", "/documents/x/pages/1/image", 404),
        ("GET", "/documents/?limit=1", 404),
    ],
)
def test_an_unknown_path_or_method_is_refused_with_problem_details(
    site: Site, method: str, path: str, status: int
) -> None:
    answer = requests.request(method, site.base + path, headers=BEARER, timeout=10)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_one_connection_too_many_is_told_to_come_back() -> None:
    connections = list(range(MAX_CONNECTIONS - 1))
    app = limit_connections(PlainTextResponse("served"), connections)

    async def get() -> httpx.Response:
        transport: Any = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/")

    served = asyncio.run(get())
    connections.append(0)
    refused = asyncio.run(get())

    assert served.text == "served"
    assert (refused.status_code, refused.json()["error_class"]) == (503, "busy")
    assert refused.headers["Retry-After"] == "5"
