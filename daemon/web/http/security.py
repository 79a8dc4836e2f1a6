"""Who may ask: token, login cookie, hosts, origins, rate, and the headers of every answer."""

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

from daemon.web.http.errors import Refused

COOKIE = "ocr_daemon"
COOKIE_SECONDS = 30 * 86_400
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
CLIENTS = 4096  # whose rate is remembered
OPEN_PATHS = ("/healthz", "/login", "/openapi.json", "/favicon.ico")  # without the token
OPEN_FOLDER = "/static/"
CSP = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # with no referrer at all a browser hides from us, too, where a form was sent from
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",  # a route may say otherwise
}


class Gate:
    """Knows the token, where there is one, and whom the site takes for itself."""

    def __init__(self, token: str | None, origins: tuple[str, ...] = (), address: str = "") -> None:
        """`origins` are pages elsewhere that may ask, `address` what the site listens on."""
        self._token = token
        self.origins = frozenset(origins)
        named = {urlsplit(origin).hostname or "" for origin in origins}
        self._hosts = {"localhost", address.lower(), socket.gethostname().lower(), *named} - {""}

    @property
    def needs_token(self) -> bool:
        """Whether a token is set; the page asks for it at /login."""
        return self._token is not None

    def is_token(self, said: str) -> bool:
        """Tell whether `said` is the token, in constant time."""
        return self._token is not None and hmac.compare_digest(
            hashlib.sha256(said.encode("utf-8", "replace")).digest(),
            hashlib.sha256(self._token.encode()).digest(),
        )

    def admits(self, headers: Headers) -> bool:
        """Tell whether a request may be answered: no token is set, or it brings it."""
        if not self.needs_token or self.bears_token(headers):
            return True
        cookies = cookie_parser(headers.get("cookie", ""))
        said = cookies.get(COOKIE, "").encode("utf-8", "replace")
        return hmac.compare_digest(said, self._pass().encode())

    def bears_token(self, headers: Headers) -> bool:
        """Tell whether a request has the token in its Authorization header."""
        scheme, _, said = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(said.strip())

    def log_in(self, response: Response, *, is_https: bool = False) -> None:
        """Give the browser the cookie that stands for the token."""
        response.set_cookie(
            # lax: who follows a link to a document is logged in; what changes something is refused
            # to pages of other sites by `check`
            COOKIE, self._pass(), max_age=COOKIE_SECONDS, httponly=True, samesite="lax",
            secure=is_https,
        )  # fmt: skip

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raise Refused for a request that is not to be answered."""
        host = headers.get("host", "")
        if not self.bears_token(headers) and not self._is_ours(host):
            why = "this host name is not known here; add its origin to web.origins, or use the IP"
            raise Refused(421, "unknown_host", why)
        if method not in SAFE_METHODS:
            self._refuse_foreign(headers, host)
        is_open = path in OPEN_PATHS or path.startswith(OPEN_FOLDER)
        if not is_open and not self.admits(headers):
            why = "send the token that the operator has set: Authorization: Bearer <token>"
            raise Refused(401, "no_token", why, {"WWW-Authenticate": "Bearer"})

    def _is_ours(self, host: str) -> bool:
        """Tell whether a Host names this site: a page that had its own name pointed here does not.

        Addresses are no names that somebody could point elsewhere.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name.rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _refuse_foreign(self, headers: Headers, host: str) -> None:
        """Refuse what a page elsewhere made a browser send."""
        refusal = Refused(403, "foreign_origin", "pages of other sites may not do this")
        origin = headers.get("origin")
        if origin in self.origins:
            return
        site = headers.get("sec-fetch-site", "none")  # no page can set it
        if site == "same-origin":
            return
        if site != "none":
            raise refusal
        try:
            is_ours = origin is None or urlsplit(origin).netloc.lower() == host.lower()
        except ValueError as error:
            raise refusal from error
        if not is_ours:
            raise refusal

    def _pass(self) -> str:
        """Return what the cookie holds: it proves the token and does not tell it."""
        return hmac.new((self._token or "").encode(), b"ocr-daemon page", "sha256").hexdigest()


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rate:
    """A token bucket for each client address; memory is bounded, the longest silent go first."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """0 is no limit; a client may ask a minute's worth at once."""
        self._most = float(per_minute)
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def spend(self, client: str) -> None:
        """Count a request; raise Refused where there were too many."""
        if not self._most:
            return
        now, key = self._clock(), _network(client)
        bucket = self._buckets.setdefault(key, _Bucket(self._most, now))
        self._buckets.move_to_end(key)
        while len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        gained = (now - bucket.at) * self._most / 60
        bucket.tokens, bucket.at = min(self._most, bucket.tokens + gained), now
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) * 60 / self._most)
            why = f"more than {self._most:g} requests a minute; try again in {seconds} s"
            raise Refused(429, "too_many", why, {"Retry-After": str(seconds)})
        bucket.tokens -= 1


def _network(client: str) -> str:
    """Return an address; of IPv6 the network that one customer has."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client[:64]
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False).network_address)
