"""Per-document settings resolved from the config, and the provenance block of the sidecar."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from daemon.config.hook import Hook
from daemon.core.folder_rules import FolderRules
from daemon.core.options import (
    NO_OPTIONS,
    NO_SEPARATION,
    Naming,
    Recipe,
    RequestOptions,
    Separation,
)
from daemon.core.page_selection import PageSelection
from daemon.core.records import Document, OutputKind
from daemon.outbox.sidecar import Provenance


def utc_now() -> str:
    """Return the time in UTC as RFC 3339 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The settings for one document, from the config under its profile.

    `requested` is what the sender of an upload asked for; the other fields are as it wants them.
    `pages` are those to be read, None for all of them. With `drops_blank`, blank pages are left out
    of derived outputs.
    """

    recipe: Recipe
    model: str
    model_sha256: str
    lexicon_sha256: str | None
    detector_sha256: str | None
    attempts: int
    pages_per_task: int
    refers_to_duplicates: bool
    hooks: tuple[Hook, ...] = ()
    outputs: tuple[OutputKind, ...] = ()
    naming: Naming = field(default_factory=Naming)
    pages: PageSelection | None = None
    requested: RequestOptions = NO_OPTIONS
    drops_blank: bool = False
    separation: Separation = NO_SEPARATION

    @property
    def profile(self) -> str:
        """The name of the recipe and a digest of all that decides a result.

        With the file's sha256 it identifies a result: the same bytes read by other weights, with
        other settings, for other outputs or under another profile are no duplicate.
        """
        recipe = self.recipe
        decisive = {
            "model": self.model_sha256,
            "precision": recipe.weights.precision,
            "beam": recipe.weights.beam,
            "lexicon": self.lexicon_sha256,
            "segmenter": recipe.segmenter,
            "detector": self.detector_sha256,
            "limits": asdict(recipe.limits),
            "pdf": asdict(recipe.rendering),
            "preprocess": asdict(recipe.preprocessing),
            "outputs": self.outputs,
            **({"pages": str(self.pages)} if self.pages else {}),
            **({"deskew_pdf": True} if recipe.deskew_pdf else {}),
            **({"fields": _rules(recipe)} if recipe.fields else {}),
            **({"naming": asdict(self.naming)} if self.naming != Naming() else {}),
            **({"codes": recipe.codes} if recipe.codes else {}),
            **({"separation": asdict(self.separation)} if self.separation.by != "none" else {}),
            **({"blank_pages": self.drops_blank} if recipe.marks_blank else {}),
        }
        digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
        return f"{recipe.name}@{digest[:8]}"

    def provenance(self, document: Document, started_at: str, seconds: float) -> Provenance:
        """Return the provenance of `document`, finished now."""
        return Provenance(
            model=self.model,
            model_sha256=self.model_sha256,
            backend=self.recipe.weights.backend,
            precision=document.precision or self.recipe.weights.precision,
            profile=self.profile,
            started_at=started_at,
            finished_at=utc_now(),
            seconds=seconds,
            requested=self.requested,
        )


def _rules(recipe: Recipe) -> list[tuple[str, dict[str, object]]]:
    """Return the fields in their order, which is that of their columns."""
    return [(name, asdict(rule)) for name, rule in recipe.fields.items()]


Policies = FolderRules[Policy]
"""The policy of each folder."""
