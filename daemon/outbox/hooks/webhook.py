"""Webhook hooks: sends a notification by HTTP POST, signed as Standard Webhooks define.

No other module of the daemon opens a network connection. The signature is an HMAC-SHA256 of
`<webhook-id>.<webhook-timestamp>.<body>`. Certificates are verified against those of the system;
redirects and the proxies of the environment are ignored.
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

MAX_BODY = 300  # bytes of an error response that are recorded
GONE = 410  # the receiver wants no more notifications
# it would log URLs, which may contain secrets
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class WebhookClient:
    """Sends to the URL of one hook."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._pool = urllib3.PoolManager(num_pools=1, cert_reqs="CERT_REQUIRED")

    def send(self, notification: Notification, now: float) -> None:
        """Send a notification at `now` (seconds since 1970); Undelivered if the code is not 2xx."""
        hook, body = self._hook, notification.text.encode()
        assert hook.url is not None, "a hook has a command or a url"
        try:
            response = self._pool.request(
                "POST", hook.url, body=body,
                headers=headers(self._key(), notification.id, now, body),
                timeout=Timeout(total=hook.timeout_seconds), preload_content=False,
                retries=False, redirect=False,  # retries are scheduled by the ledger
            )  # fmt: skip
        except HTTPError as error:
            raise Undelivered(f"{hook.target} cannot be reached: {_reason(error)}") from error
        try:
            if not 200 <= response.status < 300:
                raise _undelivered(hook, response)
        finally:
            response.close()

    def _key(self) -> bytes | None:
        try:
            return self._hook.signing_key()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise Undelivered(f"{self._hook.secret_file} cannot be used: {reason}") from error


def headers(key: bytes | None, token: str, now: float, body: bytes) -> dict[str, str]:
    """Return the headers of a notification, with its signature if there is a key."""
    stamp = str(int(now))
    fields = {
        "content-type": "application/json",
        "user-agent": f"ocr-daemon/{__version__}",
        "webhook-id": token,
        "webhook-timestamp": stamp,
    }
    if key is not None:
        signed = hmac.digest(key, f"{token}.{stamp}.".encode() + body, hashlib.sha256)
        fields["webhook-signature"] = f"v1,{base64.b64encode(signed).decode()}"
    return fields


def _undelivered(hook: Hook, response: urllib3.BaseHTTPResponse) -> Undelivered:
    try:
        body = response.read(MAX_BODY).decode("utf-8", "replace").strip()
    except HTTPError:
        body = ""
    reason = f"{hook.target} answers {response.status}"
    if 300 <= response.status < 400:
        return Undelivered(f"{reason}, a redirect, which is not followed; correct the url")
    try:
        retry_after = Retry().parse_retry_after(response.headers.get("retry-after", ""))
    except InvalidHeader:
        retry_after = 0.0
    return Undelivered(
        f"{reason}{body and f': {body}'}",
        is_final=response.status == GONE,
        not_before=retry_after,
    )


def _reason(error: HTTPError) -> str:
    """Return the message of an error without the URL, which may contain a secret."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(cause if cause and not isinstance(cause, HTTPError) else error).__name__
