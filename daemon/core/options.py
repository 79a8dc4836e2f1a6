"""How a page is read: the settings that are sent to the workers.

Plain frozen dataclasses, so that the OCR packages receive values and never the Config. pydantic
validates them in `daemon.config` by the bounds in the annotations; config.yaml documents the unit
and the reason of each key.
"""

from __future__ import annotations

from collections.abc import Mapping  # msgspec resolves annotations of messages
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from annotated_types import Ge, Gt, Le

from daemon.core.records import CodeFormat, FieldType
from daemon.core.shipped import DETECTOR, SHIPPED, shipped_digest, shipped_model

_STRICT = {"extra": "forbid"}

Segmenter = Literal["auto", "opencv", "dbnet"]
FieldPlace = Literal["auto", "right", "below"]
FieldPick = Literal["first", "last", "largest"]
DateOrder = Literal["dmy", "mdy"]
BlankPages = Literal["keep", "mark", "drop"]
CodeChoice = CodeFormat | Literal["any"]
LogFormat = Literal["auto", "console", "json"]
"""The format of the log on standard error; auto is console on a terminal and json elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes and times above which a document is refused."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    file_megabytes: Annotated[int, Ge(1)] = 512
    pages: Annotated[int, Ge(1)] = 2000
    page_megapixels: Annotated[float, Gt(0)] = 120.0
    page_seconds: Annotated[float, Gt(0)] = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """How PDF pages are rendered, and when their text layer is used."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    text_layer: Literal["auto", "never"] = "auto"
    ocr_layer: Literal["read", "trust"] = "read"
    passwords: tuple[str, ...] = ()
    dpi: Annotated[int, Ge(72), Le(1200)] = 300
    min_dpi: Annotated[int, Ge(72), Le(1200)] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The recogniser and its decoding."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    file: Path
    sha256: str | None = None
    backend: Literal["torchscript", "onnxruntime"] = "torchscript"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    batch_size: Annotated[int, Ge(1), Le(256)] = 16
    beam: Annotated[int, Ge(1), Le(64)] = 1
    lexicon: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Which preprocessing steps run (docs/preprocessing.md has the measurement behind each)."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    auto_rotate: bool = True
    deskew: bool = True
    dewarp: bool = True
    flatten_background: bool = False
    contrast: bool = False
    denoise: Literal["off", "median", "gaussian"] = "off"
    threshold: bool = False
    close_strokes: bool = False
    max_side: Annotated[int, Ge(500), Le(20000)] = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """The network that tells where text is on a page."""

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    file: Path | None = SHIPPED
    sha256: str | None = None

    def resolved(self, base: Path) -> Detector:
        """Return the section with its path relative to `base`, and the network of this version."""
        if self.file == SHIPPED:
            sha256 = self.sha256 or shipped_digest(DETECTOR)
            return Detector(file=shipped_model(DETECTOR), sha256=sha256)
        return replace(self, file=self.file and (base / self.file).absolute())


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """How a field is found: by a label beside it, a pattern (RE2), its type, or several of them.

    `label` is what is printed on the form, or several forms of it, the preferred one first. `code`
    is a pattern for the text of a barcode, in place of the lines. `page` is the only page to look
    at, 1-based.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    label: str | tuple[str, ...] = ()
    place: FieldPlace = "auto"
    pattern: str | None = None
    code: str | None = None
    type: FieldType = "text"
    pick: FieldPick = "first"
    page: Annotated[int, Ge(1)] | Literal["last"] | None = None
    date_order: DateOrder = "dmy"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, the preferred one first."""
        return (self.label,) if isinstance(self.label, str) else self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Templates for the name and the folder of outputs; None is beside the sidecar, as it is named.

    The folder is relative to that of the sidecar.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    name: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """Where a batch is separated into parts: at codes, blank pages, or after so many pages.

    `pattern` is a regular expression for the whole text of a code, `pages` the number of pages of a
    part. A sheet with the code is left out of the parts, unless `keep_sheets`.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT
    by: Literal["none", "barcode", "blank_page", "page_count"] = "none"
    pattern: str = "SEPARATOR.*"
    pages: Annotated[int, Ge(1)] | None = None
    keep_sheets: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """What the sender of one upload asks for, as it was written; None is what its folder has.

    `profile` is the name of a profile, `outputs` are kinds of outputs, and `pages` is the text of
    a `PageSelection`. `daemon.supervisor.request_options` applies them.
    """

    profile: str | None = None
    outputs: tuple[str, ...] | None = None
    pages: str | None = None


NO_OPTIONS: Final = RequestOptions()
NO_SEPARATION: Final = Separation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One profile: all settings that workers need.

    `codes` are the formats of the codes that are looked for on each page; with `marks_blank` it is
    told of each page whether it is blank.
    """

    weights: Weights
    name: str = "default"
    limits: Limits = field(default_factory=Limits)
    rendering: Rendering = field(default_factory=Rendering)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    segmenter: Segmenter = "auto"
    detector: Detector = Detector(file=None)
    deskew_pdf: bool = False
    fields: Mapping[str, FieldRule] = field(default_factory=dict)
    codes: tuple[CodeChoice, ...] = ()
    marks_blank: bool = False

    @property
    def network(self) -> Path | None:
        """The file of the text detector, None if the segmenter never uses it."""
        return None if self.segmenter == "opencv" else self.detector.file
