"""Fuzz target: whatever a worker sends is a result of the right type, an error of ours, or refused.

A result that answers the task becomes a sidecar, or is refused by the schema.
"""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs

from daemon.core.errors import DaemonError
from daemon.core.options import Recipe, Weights
from daemon.core.records import Claim, PageCount, PagesRead, Stamp
from daemon.core.tasks import Outcome, ReadPages
from daemon.engine import wire
from daemon.engine.document_job import DocumentJob
from daemon.outbox.sidecar import Provenance
from tests.support.whole_outputs import sidecar

REQUEST = 5
MAX_EXPANSION = 64  # bytes of memory for a byte of a reply, and
MAX_BASE = 1 << 20  # for the sentences of an error
RECIPE = Recipe(weights=Weights(file=Path("model.onnx")))
CLAIM = Claim("token", "scan.pdf", Path("/claimed/scan.pdf"), Stamp(1000, 2, 3), "0" * 64)
BY = Provenance("m", "0" * 64, "onnxruntime", "fp32", "0" * 64, "2026-01-01T00:00:00Z",
                "2026-01-01T00:00:01Z", 1.0)  # fmt: skip
_VALUES = (
    None, True, False, 0, -1, 1.5, 10**30, 1e308, "", "done", "\x00", "é\u202e\U0001f600", [], {},
    "x" * 5000,
)  # fmt: skip


def check(path: Path) -> None:
    """Raise when a reply has another effect."""
    content = path.read_bytes()
    tracemalloc.start()
    try:
        result = wire.decode_reply(content, REQUEST)
    except (wire.InvalidMessageError, DaemonError):
        return
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MAX_BASE + MAX_EXPANSION * len(content)
    assert result is None or type(result) in (str, PageCount, PagesRead)
    task = ReadPages("token", CLAIM.path, CLAIM.stamp, 60.0, RECIPE, 1, 4)
    if task.is_answered_by(result):
        job = DocumentJob(CLAIM, 3, RECIPE, 4)
        job.next_task()
        job.add_outcome(Outcome(task, result))
        try:
            json.loads(sidecar(CLAIM, job.document(), BY))
        except (jsonschema_rs.ValidationError, ValueError, OverflowError):
            return


def mutate(
    data: bytes, max_size: int, chance: random.Random, default: Callable[[bytes, int], bytes]
) -> bytes:
    """Change one value of a reply, or its bytes."""
    try:
        content = json.loads(data)
    except ValueError:
        return default(data, max_size)
    if chance.random() < 0.2 or not isinstance(content, dict):
        return default(data, max_size)
    places = list(_places(content))
    container, key = chance.choice(places)
    if chance.random() < 0.3:
        other, there = chance.choice(places)
        container[key] = other[there]
    elif isinstance(container[key], list) and chance.random() < 0.5:
        container[key] = container[key] * chance.choice((0, 2, 5))
    else:
        container[key] = chance.choice(_VALUES)
    try:
        changed = json.dumps(content).encode()
    except (ValueError, RecursionError):  # it contains itself now
        return default(data, max_size)
    return changed if len(changed) <= max_size else default(data, max_size)


def _places(value: object) -> list[tuple]:
    """Return all containers and keys of a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], dict | list):
            found += _places(value[key])
    return found
