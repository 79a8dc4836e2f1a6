"""Answers as they lie in an outbox: whether there is one, whose it is and what it lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from daemon.core import fs

Answer = dict[str, Any]
_KEYS = {"schema_version": str, "source": dict, "status": str, "processing": dict}


def read(path: Path) -> Answer | None:
    """Return the answer at `path`, None where none is seen or it is no answer of ours."""
    try:
        return sure(path)
    except OSError:
        return None


def sure(path: Path) -> Answer | None:
    """Return what `read` does; an OSError where it cannot be told whether there is one."""
    try:
        if not fs.is_regular(path):
            return None
        with fs.open_regular(path) as file:
            answer = json.load(file)
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
        return None
    is_ours = isinstance(answer, dict) and all(
        isinstance(answer.get(key), kind) for key, kind in _KEYS.items()
    )
    return _upgraded(answer) if is_ours else None


def _upgraded(answer: Answer) -> Answer:
    """Return an answer as this version writes it: before 0.1.0 `curvature` was called `sag`."""
    for page in answer.get("pages") or ():
        if isinstance(page, dict) and "sag" in page:
            page["curvature"] = page.pop("sag")
    return answer


def is_of(claim: str, answer: Answer | None) -> bool:
    """Tell whether it is the answer that this claim has got."""
    return answer is not None and answer["processing"].get("claim") == claim


def listed(answer: Answer | None) -> list[str]:
    """Return the names of the outputs that an answer lists."""
    return [output["name"] for output in (answer or {}).get("outputs", ())]
