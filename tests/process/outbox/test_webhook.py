"""Webhooks, to a real server on loopback."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from daemon.config.hook import Hook
from daemon.core.errors import Undelivered
from daemon.outbox.hooks.webhook import WebhookClient
from tests.support.hooks.receiver import is_signed, receiving
from tests.support.hooks.sidecars import notification
from tests.support.repository import REPOSITORY

NOW = 1_764_280_000.5


def hook(url: str, **changes: object) -> Hook:
    return Hook(name="post", url=url, **{"timeout_seconds": 5.0, **changes})  # type: ignore[arg-type]


def put(to: Hook) -> None:
    WebhookClient(to).send(notification(to), NOW)


@pytest.mark.parametrize(
    ("secret", "key"),
    [("open sesame", b"open sesame"), ("whsec_" + base64.b64encode(b"k\0y").decode(), b"k\0y")],
)
def test_a_notification_is_signed_as_standard_webhooks_define(secret: str, key: bytes) -> None:
    with receiving() as receiver:
        to = hook(receiver.address, secret=secret)

        put(to)

    ((headers, body),) = receiver.came
    assert body == notification(to).text.encode()
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("c1-post", "1764280000")
    assert headers["content-type"] == "application/json"
    assert is_signed(headers, body, key)
    assert not is_signed(headers, body + b" ", key)
    assert not is_signed(headers | {"webhook-timestamp": "1764280001"}, body, key)


def test_a_secret_in_a_file_may_be_exchanged_at_any_time(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    with receiving() as receiver:
        webhook = WebhookClient(to := hook(receiver.address, secret_file=secret))
        for content in ("first\n", "second\n"):
            secret.write_text(content)
            webhook.send(notification(to), NOW)

    first, second = receiver.came
    assert is_signed(*first, b"first")
    assert is_signed(*second, b"second")


def test_without_a_secret_nothing_is_signed() -> None:
    with receiving() as receiver:
        put(hook(receiver.address))

    assert "webhook-signature" not in receiver.came[0][0]


@pytest.mark.parametrize(
    ("answer", "is_final", "not_before", "said"),
    [
        (500, False, 0.0, "127.0.0.1 answers 500: so it is"),
        (401, False, 0.0, "answers 401"),
        ((429, {"retry-after": "77"}), False, 77.0, "answers 429"),
        ((503, {"retry-after": "soon"}), False, 0.0, "answers 503"),
        (410, True, 0.0, "answers 410"),
    ],
)
def test_every_answer_but_2xx_is_a_failure_and_gone_is_the_last(
    answer: int, is_final: bool, not_before: float, said: str
) -> None:
    with receiving(answer) as receiver, pytest.raises(Undelivered, match=said) as refused:
        put(hook(receiver.address, secret="hunter2"))

    assert (refused.value.is_final, refused.value.not_before) == (is_final, not_before)
    assert not any(word in str(refused.value) for word in ("s3cret", "hunter2"))


def test_a_redirect_is_not_followed() -> None:
    with receiving() as elsewhere:
        for status in (301, 302, 303, 307):
            moved = (status, {"location": elsewhere.address})
            with receiving(moved) as receiver, pytest.raises(Undelivered, match="not followed"):
                put(hook(receiver.address))

        assert elsewhere.came == []


def test_a_server_that_does_not_respond_costs_its_time_out_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/s3cret"
        with pytest.raises(Undelivered, match="cannot be reached: ") as late:
            put(hook(url, timeout_seconds=0.3))

    assert "s3cret" not in str(late.value)
    with pytest.raises(Undelivered, match="Connection refused") as refused:
        put(hook(url, timeout_seconds=0.3))
    assert "s3cret" not in str(refused.value)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself has signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here, which makes certificates")
    path = tmp_path / "certificate.pem"
    asked = (
        "req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=x -addext subjectAltName=IP:127.0.0.1"
    )
    said = ["openssl", *asked.split(), "-keyout", str(path), "-out", str(tmp_path / "cert")]
    subprocess.run(said, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "cert").read_bytes())
    return path


def test_a_server_with_an_invalid_certificate_gets_nothing(certificate: Path) -> None:
    with (
        receiving(certificate=certificate) as receiver,
        pytest.raises(Undelivered, match=r"cannot be reached: .*certificate"),
    ):
        put(hook(receiver.address))

    assert receiver.came == []


def test_a_server_with_a_trusted_certificate_gets_the_notification(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with receiving(certificate=certificate) as receiver:
        put(hook(receiver.address))

        assert len(receiver.came) == 1


def test_a_missing_secret_file_is_reported(tmp_path: Path) -> None:
    with receiving() as receiver, pytest.raises(Undelivered, match="No such file"):
        put(hook(receiver.address, secret_file=tmp_path / "gone"))

    assert receiver.came == []


def test_the_example_of_the_documentation_verifies_what_we_sign() -> None:
    documented = (REPOSITORY / "docs/hooks.md").read_text()
    script = documented.split("```python\n")[1].split("```")[0]
    scope: dict = {"__name__": "documented"}
    exec(compile(script, "docs/hooks.md", "exec"), scope)
    with receiving() as receiver:
        put(hook(receiver.address, secret="whsec_" + base64.b64encode(b"key").decode()))

    headers, body = receiver.came[0]
    said = {name.title(): value for name, value in headers.items()}
    assert scope["is_ours"](said, body, b"key", NOW)
    assert not scope["is_ours"](said, body, b"kez", NOW)
    assert not scope["is_ours"](said, body, b"key", NOW + 3600)
