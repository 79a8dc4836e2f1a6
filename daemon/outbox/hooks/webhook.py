"""An HTTP POST of a letter, signed after Standard Webhooks; the only room that opens a connection.

Signed is `<webhook-id>.<webhook-timestamp>.<body>`, by HMAC-SHA256. Certificates are checked
against the system's, no redirect is followed, no proxy of the environment is used.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.util import Retry, Timeout

from daemon import __version__
from daemon.config.hook import Hook
from daemon.core.errors import Undelivered
from daemon.ledger.notification import Notification

MOST_SAID = 300  # bytes of a refusal that are worth keeping
GONE = 410  # the receiver says: never again
# it would log addresses, which may be secret
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class WebhookClient:
    """The address of one hook."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._pool = urllib3.PoolManager(num_pools=1, cert_reqs="CERT_REQUIRED")

    def put(self, notification: Notification, now: float) -> None:
        """Send a letter at `now` (seconds since 1970); Undelivered where the answer is not 2xx."""
        hook, body = self._hook, notification.text.encode()
        assert hook.url is not None, "a hook has a command or a url"
        try:
            response = self._pool.request(
                "POST", hook.url, body=body,
                headers=headers(self._key(), notification.id, now, body),
                timeout=Timeout(total=hook.timeout_seconds), preload_content=False,
                retries=False, redirect=False,  # the ledger knows when to try again
            )  # fmt: skip
        except HTTPError as error:
            raise Undelivered(f"{hook.target} cannot be reached: {_why(error)}") from error
        try:
            if not 200 <= response.status < 300:
                raise _refusal(hook, response)
        finally:
            response.close()

    def _key(self) -> bytes | None:
        try:
            return self._hook.signing_key()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise Undelivered(f"{self._hook.secret_file} cannot be used: {why}") from error


def headers(key: bytes | None, token: str, now: float, body: bytes) -> dict[str, str]:
    """Return the headers of a letter, with its signature where there is a key."""
    stamp = str(int(now))
    said = {
        "content-type": "application/json",
        "user-agent": f"ocr-daemon/{__version__}",
        "webhook-id": token,
        "webhook-timestamp": stamp,
    }
    if key is not None:
        signed = hmac.digest(key, f"{token}.{stamp}.".encode() + body, hashlib.sha256)
        said["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
    return said


def _refusal(hook: Hook, response: urllib3.BaseHTTPResponse) -> Undelivered:
    try:
        said = response.read(MOST_SAID).decode("utf-8", "replace").strip()
    except HTTPError:
        said = ""
    why = f"{hook.target} answers {response.status}"
    if 300 <= response.status < 400:
        return Undelivered(f"{why}, another address; it is not followed, correct the url")
    try:
        later = Retry().parse_retry_after(response.headers.get("retry-after", ""))
    except InvalidHeader:
        later = 0.0
    return Undelivered(
        f"{why}{said and f': {said}'}", is_final=response.status == GONE, not_before=later
    )


def _why(error: HTTPError) -> str:
    """Return the sentence of an error without the address, which may hold a secret."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause if cause and not isinstance(cause, HTTPError) else error).__name__
