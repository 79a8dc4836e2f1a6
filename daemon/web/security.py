"""Who may ask: token, login cookie, hosts, origins, rate, and the headers of every answer."""

from __future__ import annotations

import hashlib
import hmac

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response

COOKIE = "ocr_daemon"
COOKIE_SECONDS = 30 * 86_400


class Gate:
    """Knows the token, where there is one."""

    def __init__(self, token: str | None, origins: tuple[str, ...] = ()) -> None:
        self._token = token
        self.origins = origins

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
        return hmac.compare_digest(cookies.get(COOKIE, "").encode(), self._pass().encode())

    def bears_token(self, headers: Headers) -> bool:
        """Tell whether a request has the token in its Authorization header."""
        scheme, _, said = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_token(said.strip())

    def log_in(self, response: Response, *, is_https: bool = False) -> None:
        """Give the browser the cookie that stands for the token."""
        response.set_cookie(
            COOKIE, self._pass(), max_age=COOKIE_SECONDS, httponly=True, samesite="strict",
            secure=is_https,
        )  # fmt: skip

    def log_out(self, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")

    def _pass(self) -> str:
        """Return what the cookie holds: it proves the token and does not tell it."""
        return hmac.new((self._token or "").encode(), b"ocr-daemon page", "sha256").hexdigest()
