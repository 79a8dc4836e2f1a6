"""What the routes of the site work with; made once by `serve`, values only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.web.http.security import Gate, Rate
from daemon.web.index.catalogue import Catalogue
from daemon.web.previews.page_images import Pictures
from daemon.web.uploads.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The rooms of the web process, and the values that its routes need.

    `state` is the folder with the daemon's heartbeat, `profile` the identity under which the daemon
    reads what is uploaded now, `predict_seconds` how long an answer is waited for,
    `upload_bytes` the most that one request may bring.
    """

    catalogue: Catalogue
    uploads: Uploads
    pictures: Pictures
    gate: Gate
    rate: Rate
    state: Path
    profile: str
    predict_seconds: float
    upload_bytes: int
