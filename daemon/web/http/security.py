"""Access control: token, login cookie, host names, origins, rate limit, security headers."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

from daemon.core import host_names
from daemon.web.http.errors import HttpError

COOKIE = "ocr_daemon"
COOKIE_SECONDS = 30 * 86_400
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MAX_CLIENTS = 4096  # whose rates are remembered
PUBLIC_PATHS = ("/healthz", "/login", "/openapi.json", "/docs", "/favicon.ico")  # need no token
PUBLIC_FOLDERS = ("/static/", "/docs/")
CSP = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
RESPONSE_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # without any referrer a browser also hides the origin of a form from us
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",  # a route may set another value
}


class AccessControl:
    """Decides by token, host name and origin whether a request is allowed."""

    def __init__(self, token: str | None, origins: tuple[str, ...] = (), address: str = "") -> None:
        """`origins` are other sites that may send requests, `address` is what the server binds."""
        self._token = token
        self.origins = frozenset(origins)
        named = {urlsplit(origin).hostname or "" for origin in origins}
        self._hosts = {"localhost", address.lower(), socket.gethostname().lower(), *named} - {""}

    @property
    def needs_token(self) -> bool:
        """Whether a token is configured; the page asks for it at /login."""
        return self._token is not None

    def is_token(self, candidate: str) -> bool:
        """Return whether `candidate` is the token, in constant time."""
        return self._token is not None and hmac.compare_digest(
            hashlib.sha256(candidate.encode("utf-8", "replace")).digest(),
            hashlib.sha256(self._token.encode()).digest(),
        )

    def is_authorized(self, headers: Headers) -> bool:
        """Return whether no token is configured, or the request has it as header or cookie."""
        if not self.needs_token or self.has_bearer_token(headers):
            return True
        cookies = cookie_parser(headers.get("cookie", ""))
        value = cookies.get(COOKIE, "").encode("utf-8", "replace")
        return hmac.compare_digest(value, self._cookie_value().encode())

    def has_bearer_token(self, headers: Headers) -> bool:
        """Return whether the Authorization header has the token."""
        scheme, _, candidate = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(candidate.strip())

    def set_login_cookie(self, response: Response, *, is_https: bool = False) -> None:
        """Set the cookie that takes the place of the token in a browser."""
        response.set_cookie(
            # lax: a link from elsewhere to a document works; `check` refuses requests of other
            # sites that change something
            COOKIE, self._cookie_value(), max_age=COOKIE_SECONDS, httponly=True, samesite="lax",
            secure=is_https,
        )  # fmt: skip

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raise HttpError for a request that is not allowed."""
        host = headers.get("host", "")
        if not self.has_bearer_token(headers) and not host_names.is_known(host, self._hosts):
            reason = "unknown host name; add its origin to web.origins, or use the IP address"
            raise HttpError(421, "unknown_host", reason)
        if method not in SAFE_METHODS:
            self._check_origin(headers, host)
        is_public = path in PUBLIC_PATHS or path.startswith(PUBLIC_FOLDERS)
        if not is_public and not self.is_authorized(headers):
            reason = "send the configured token (web.token): Authorization: Bearer <token>"
            raise HttpError(401, "unauthorized", reason, {"WWW-Authenticate": "Bearer"})

    def _check_origin(self, headers: Headers, host: str) -> None:
        """Raise HttpError if a page of another site made the browser send the request (CSRF)."""
        rejection = HttpError(403, "foreign_origin", "pages of other sites may not send this")
        origin = headers.get("origin")
        if origin in self.origins:
            return
        site = headers.get("sec-fetch-site", "none")  # no page can set it
        if site == "same-origin":
            return
        if site != "none":
            raise rejection
        try:
            is_same_origin = origin is None or urlsplit(origin).netloc.lower() == host.lower()
        except ValueError as error:
            raise rejection from error
        if not is_same_origin:
            raise rejection

    def _cookie_value(self) -> str:
        """Return the value of the cookie: it proves the token without containing it."""
        return hmac.new((self._token or "").encode(), b"ocr-daemon page", "sha256").hexdigest()


@dataclass(slots=True)
class _TokenBucket:
    tokens: float
    at: float


class RateLimiter:
    """A token bucket for each client address; clients idle for longest are forgotten first."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """0 means no limit; a client may send the requests of a whole minute at once."""
        self._capacity = float(per_minute)
        self._clock = clock
        self._buckets: OrderedDict[str, _TokenBucket] = OrderedDict()

    def check(self, client: str) -> None:
        """Count a request; raise HttpError if the client sent too many."""
        if not self._capacity:
            return
        now, key = self._clock(), _network(client)
        bucket = self._buckets.setdefault(key, _TokenBucket(self._capacity, now))
        self._buckets.move_to_end(key)
        while len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        gained = (now - bucket.at) * self._capacity / 60
        bucket.tokens, bucket.at = min(self._capacity, bucket.tokens + gained), now
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) * 60 / self._capacity)
            reason = f"more than {self._capacity:g} requests per minute; try again in {seconds} s"
            raise HttpError(429, "rate_limited", reason, {"Retry-After": str(seconds)})
        bucket.tokens -= 1


def _network(client: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address: one customer has all of it."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client[:64]
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
