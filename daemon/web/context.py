"""The objects and values that the routes use; `server` makes them once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.supervisor.policy import Policies
from daemon.web.http.security import AccessControl, RateLimiter
from daemon.web.index.catalogue import Catalogue
from daemon.web.previews.page_images import PageImages
from daemon.web.uploads.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class WebContext:
    """The services of the web process, and the config values that its routes need.

    `state` is the folder with the daemon's heartbeat, `policies` are those of each folder,
    `can_render` tells whether the daemon's workers may write outputs, `predict_seconds` is how long
    `/predict` waits for a result, and `upload_bytes` the maximum size of an upload request.
    """

    catalogue: Catalogue
    uploads: Uploads
    page_images: PageImages
    thumbnails: PageImages
    access: AccessControl
    rate_limiter: RateLimiter
    state: Path
    policies: Policies
    can_render: bool
    predict_seconds: float
    upload_bytes: int
