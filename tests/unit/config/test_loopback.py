"""Which listening addresses only this machine can reach."""

from __future__ import annotations

import pytest

from daemon.config.sections import Metrics
from daemon.config.validation import is_loopback
from daemon.supervisor import preflight

ONLY_HERE = ["127.0.0.1", "127.5.5.5", "::1", "localhost"]
OPEN = [
    "0.0.0.0", "::", "::1234:5", "127.example.org", "127.0.0.1.example.org", "::1.example.org",
    "192.168.1.7", "10.0.0.127", "fe80::1", "2001:db8::1", "example.org", "localhost.example.org",
    "127", "",
]  # fmt: skip


@pytest.mark.parametrize("address", ONLY_HERE)
def test_a_loopback_address_needs_no_token_and_no_warning(address: str) -> None:
    assert is_loopback(address)
    assert list(preflight._open_metrics(Metrics(enabled=True, address=address))) == []


@pytest.mark.parametrize("address", OPEN)
def test_any_other_address_is_open_to_other_machines(address: str) -> None:
    assert not is_loopback(address)
    (finding,) = preflight._open_metrics(Metrics(enabled=True, address=address))
    assert (finding.is_fatal, finding.key, finding.value) == (False, "metrics.address", address)


def test_metrics_that_are_off_are_open_to_nobody() -> None:
    assert list(preflight._open_metrics(Metrics(enabled=False, address="0.0.0.0"))) == []
