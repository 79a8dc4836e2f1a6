"""What is told: made from the answer as it was published, and kept until it is delivered.

The envelope (`type`, `timestamp`, `data`) and the signature are those of Standard Webhooks. The
answer may be collected before a letter goes out, so a letter is written when the answer is durable
and is the same at every attempt.
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

_OF_SOURCE = ("name", "relative_path", "sha256", "bytes", "media_type")
_OF_PROCESSING = ("started_at", "finished_at", "seconds", "attempt")


def notifications(
    name: str, place: str, answer: bytes | Mapping[str, Any], hooks: Sequence[Hook]
) -> list[Notification]:
    """Return a letter to each hook that wants to know; `answer` is a sidecar, parsed or not.

    `name` is the file's path in the inbox, `place` the answer's in the outbox.
    """
    if not hooks:
        return []
    sidecar = json.loads(answer) if isinstance(answer, bytes) else answer
    claim = sidecar["processing"]["claim"]
    event = f"document.{sidecar['status']}"
    found = []
    for hook in hooks:
        if sidecar["status"] not in hook.on:
            continue
        notification = Notification(claim, hook.name, event, name, place, "")
        content = {
            "id": notification.id,
            "type": event,
            "timestamp": sidecar["processing"]["finished_at"],
            "data": _data(sidecar, place, hook.text_characters),
        }
        text = json.dumps(content, ensure_ascii=False)
        found.append(replace(notification, text=text))
    return found


def _data(sidecar: Mapping[str, Any], place: str, most: int) -> dict[str, Any]:
    source, processing = sidecar["source"], sidecar["processing"]
    confidences = [page["confidence"] for page in sidecar["pages"]]
    known = [confidence for confidence in confidences if confidence is not None]
    data = {
        "document": processing["claim"],
        "status": sidecar["status"],
        **{key: source[key] for key in _OF_SOURCE},
        "answer": str(PurePosixPath(fs.to_unicode(place))),
        **{key: processing[key] for key in _OF_PROCESSING},
        "profile": sidecar["engine"]["profile"],
        "pages": len(sidecar["pages"]),
        "confidence": round(fmean(known), 4) if known else None,
        "text": sidecar["text"][:most],
        "text_is_cut": len(sidecar["text"]) > most,
    }
    data |= {key: sidecar[key] for key in ("error", "duplicate_of") if key in sidecar}
    if "outputs" in sidecar:  # but for a picture of each page, which the sidecar names
        data["outputs"] = [each for each in sidecar["outputs"] if each["kind"] != "picture"]
    return data
