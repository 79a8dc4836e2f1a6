"""The payload of notifications, made from the published sidecar.

The envelope (`type`, `timestamp`, `data`) and the signature are those of Standard Webhooks. An
answer may be collected from the outbox before its notification is sent. So the payload is made when
the answer is durable, is stored in the ledger, and is the same at every attempt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from statistics import fmean
from typing import Any

from daemon.config.hook import Hook
from daemon.core import fs
from daemon.ledger.notification import Notification

_SOURCE_KEYS = ("name", "relative_path", "sha256", "bytes", "media_type")
MAX_WARNINGS = 20  # in a notification: the renderer may complain of each page of a book
_PROCESSING_KEYS = ("started_at", "finished_at", "seconds", "attempt")


def notifications(
    name: str,
    place: str,
    answer: bytes | Mapping[str, Any],
    hooks: Sequence[Hook],
    *,
    is_reread: bool = False,
) -> list[Notification]:
    """Return a notification for each hook that wants this status.

    `answer` is a sidecar, parsed or not; `name` is the path of the file in the inbox, `place` that
    of the sidecar in the outbox. A document that was read again is announced again, under an id of
    its own.
    """
    if not hooks:
        return []
    sidecar = json.loads(answer) if isinstance(answer, bytes) else answer
    claim = sidecar["processing"]["claim"]
    token = f"{claim}-{_digits(sidecar['processing']['finished_at'])}" if is_reread else claim
    event = f"document.{sidecar['status']}"
    made = []
    for hook in hooks:
        if sidecar["status"] not in hook.on:
            continue
        notification = Notification(token, hook.name, event, name, place, "")
        content = {
            "id": notification.id,
            "type": event,
            "timestamp": sidecar["processing"]["finished_at"],
            "data": _data(sidecar, place, hook.text_characters),
        }
        text = json.dumps(content, ensure_ascii=False)
        made.append(replace(notification, text=text))
    return made


def _digits(time: str) -> str:
    return "".join(filter(str.isdecimal, time))


def _data(sidecar: Mapping[str, Any], place: str, max_characters: int) -> dict[str, Any]:
    source, processing = sidecar["source"], sidecar["processing"]
    confidences = [page["confidence"] for page in sidecar["pages"]]
    known = [confidence for confidence in confidences if confidence is not None]
    warnings = _warnings(sidecar)
    data = {
        "document": processing["claim"],
        "status": sidecar["status"],
        **{key: source[key] for key in _SOURCE_KEYS},
        "answer": str(PurePosixPath(fs.to_unicode(place))),
        **{key: processing[key] for key in _PROCESSING_KEYS},
        "profile": sidecar["engine"]["profile"],
        "pages": len(sidecar["pages"]),
        "confidence": round(fmean(known), 4) if known else None,
        "unread": sum(len(page.get("unread", ())) for page in sidecar["pages"]),
        "warnings": warnings[:MAX_WARNINGS],
        "warnings_are_cut": len(warnings) > MAX_WARNINGS,
        "text": sidecar["text"][:max_characters],
        "text_is_cut": len(sidecar["text"]) > max_characters,
    }
    kept = ("error", "duplicate_of", "fields", "parts")
    data |= {key: sidecar[key] for key in kept if key in sidecar}
    if "outputs" in sidecar:
        data["outputs"] = [each for each in sidecar["outputs"] if _is_told(each)]
    return data


def _is_told(output: Mapping[str, Any]) -> bool:
    """Tell whether a notification lists an output: of the others there may be thousands."""
    return output["kind"] not in ("picture", "csv") and "part" not in output


def _warnings(sidecar: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the warnings on the document, then those on its pages, each with its page."""
    on_pages = [
        {**warning, "page": page["number"]}
        for page in sidecar["pages"]
        for warning in page.get("warnings", ())
    ]
    return [*sidecar.get("warnings", ()), *on_pages]
