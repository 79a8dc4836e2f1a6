"""Drawn documents of headings, paragraphs, lists and tables, with their structure as truth.

Contents are invented. The fonts are those of the machine (Debian packages fonts-liberation and
fonts-noto-cjk). A page is A4 at 150 dpi, lies not quite straight, and has the grain of a scan.
"""

from __future__ import annotations

import random
import textwrap
from dataclasses import dataclass, field
from typing import Literal

from bench import drawn_tables
from bench.drawn_pages import A4
from bench.drawn_tables import LEFT_EDGE, RIGHT_EDGE, Entry, Face, Sheet
from daemon.core.records import Table

Mark = Literal["bullet", "number"]

BOTTOM = A4[1] - 130
# sizes of headings in sizes of the body: the defaults of browsers, of Word and of LaTeX's article
SCALES = ((2.0, 1.5, 1.17), (1.45, 1.18, 1.09), (1.73, 1.44, 1.2))
BULLETS = ("•", "-", "–", "*", "·")
NUMBERS = ("{}.", "{})", "({})")
TITLES = (
    "Opening hours of the archive", "Care of leather bindings", "The ferry in winter",
    "Report of the harbour board", "How the mill was restored", "Rules for the reading room",
)  # fmt: skip
SECTIONS = (
    "Background", "Costs and funding", "What has been done", "Materials", "Next steps",
    "Visitors", "Safety of the site", "Open questions", "Storage", "Transport and delivery",
)  # fmt: skip
TITLES_ZH = ("档案馆开放时间", "皮面书籍的保养", "冬季轮渡安排", "港务委员会报告", "老磨坊的修复")
SECTIONS_ZH = (
    "工作背景",
    "经费来源",
    "已完成的工作",
    "主要材料",
    "下一步安排",
    "安全措施",
    "存在的问题",
)
SENTENCE = (
    "the archive keeps letters and maps of the town and opens on every working day for "
    "readers who have asked in writing because the shelves of the old store are full the "
    "newer volumes stand in a second room where the air is dry and cool repairs are done in "
    "spring when the light is good and the paper has rested through the cold months visitors "
    "may copy pages by hand or order a print at the desk which costs a small sum and takes "
    "three days"
)
WORDS = SENTENCE.split()
CLAUSES_ZH = (
    "本馆收藏本市的信件和地图", "工作日对读者开放", "来访前请提前书面申请", "旧库房的书架已经放满",
    "新到的资料存放在第二阅览室", "那里的空气干燥凉爽", "修复工作一般在春季进行",
    "读者可以抄写或付费复印",
    "复印一般需要三个工作日", "贵重资料只能在馆内查阅",
)  # fmt: skip


@dataclass(frozen=True)
class Heading:
    """A heading; 1 is the highest level."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Item:
    """An item of a list: its text, the kind of its mark, and how deep it lies, from 0 on."""

    text: str
    mark: Mark
    depth: int = 0


Element = Heading | Paragraph | Item | Table


@dataclass
class DocumentPage:
    """A drawn page: the file, and what is on it in order."""

    name: str
    file: bytes
    elements: tuple[Element, ...]


@dataclass
class _Writer:
    """Sets elements one below the other on a page."""

    face: Face
    scales: tuple[float, ...]
    rng: random.Random
    sheet: Sheet = field(default_factory=Sheet)
    elements: list[Element] = field(default_factory=list)
    y: float = 120.0

    @property
    def pitch(self) -> float:
        return (1.6 if self.face.chinese else 1.3) * self.face.size

    def fits(self, lines: float) -> bool:
        """Whether so many lines of the body fit on the page."""
        return self.y + lines * self.pitch < BOTTOM

    def heading(self, level: int, text: str) -> None:
        size = round(self.face.size * self.scales[level - 1])
        self.y += 0.5 * size
        self.sheet.write(LEFT_EDGE, self.y, text, self.face.bold, size)
        self.y += 1.3 * size + 0.25 * self.face.size
        self.elements.append(Heading(level, text))

    def paragraph(self, text: str) -> None:
        self._lines(text, LEFT_EDGE)
        self.y += 0.5 * self.pitch
        self.elements.append(Paragraph(text))

    def item(self, mark: str, kind: Mark, text: str, depth: int = 0) -> None:
        left = LEFT_EDGE + (1 + 1.6 * depth) * self.face.size
        self.sheet.write(left, self.y, mark, self.face.family, self.face.size)
        indent = max(1.1 * self.face.size, self.face.width(f"{mark} "))
        self._lines(text, left + indent)
        self.elements.append(Item(text, kind, depth))

    def table(self, entries: list[Entry], face: Face) -> None:
        self.y = drawn_tables.draw_table(
            self.sheet, self.y + 12, entries, drawn_tables.fitted(entries, face)
        )
        self.y += self.pitch
        self.elements.append(self.sheet.tables[-1])

    def _lines(self, text: str, left: float) -> None:
        for line in self._wrapped(text, RIGHT_EDGE - left):
            self.sheet.write(left, self.y, line, self.face.family, self.face.size)
            self.y += self.pitch

    def _wrapped(self, text: str, width: float) -> list[str]:
        if not self.face.chinese:
            lines, line = [], ""
            for word in text.split():
                longer = f"{line} {word}".strip()
                if line and self.face.width(longer) > width:
                    lines.append(line)
                    longer = word
                line = longer
            return [*lines, line]
        return textwrap.wrap(text, int(width / self.face.size))


def _sentence(rng: random.Random, chinese: bool, words: int) -> str:
    if chinese:
        return "，".join(rng.sample(CLAUSES_ZH, max(1, words // 6))) + "。"
    start = rng.randrange(len(WORDS) - words)
    return " ".join(WORDS[start : start + words]).capitalize() + "."


def _paragraph(rng: random.Random, chinese: bool) -> str:
    sentences = (_sentence(rng, chinese, rng.randint(8, 22)) for _ in range(rng.randint(2, 4)))
    return ("" if chinese else " ").join(sentences)


def _list(writer: _Writer) -> None:
    rng, chinese = writer.rng, writer.face.chinese
    number = rng.random() < 0.5
    mark = rng.choice(NUMBERS if number else BULLETS)
    nested = not number and rng.random() < 0.4
    for place in range(1, rng.randint(3, 6)):
        text = _sentence(rng, chinese, rng.choice((3, 6, 8, 20)))
        writer.item(mark.format(place), "number" if number else "bullet", text)
        if nested and place == 2:
            for _ in range(2):
                writer.item(mark, "bullet", _sentence(rng, chinese, 5), 1)
    writer.y += 0.5 * writer.pitch


def _table(writer: _Writer) -> None:
    rng, chinese = writer.rng, writer.face.chinese
    rules = rng.choice(("grid", "grid", "rows", "header"))
    face = drawn_tables.random_face(rng, chinese, rules=rules)
    columns = drawn_tables.mixed_columns(rng, rng.randint(3, 5))
    writer.table(drawn_tables.table_body(rng, face, columns, rng.randint(3, 6)), face)


def drawn(number: int) -> DocumentPage:
    """Return a page; the same for the same number."""
    rng = random.Random(f"document {number}")  # no cryptography
    chinese = number % 3 == 2
    face = drawn_tables.random_face(rng, chinese)
    face.size = rng.randint(22, 28)
    writer = _Writer(face, rng.choice(SCALES), rng)
    writer.heading(1, rng.choice(TITLES_ZH if chinese else TITLES))
    sections = iter(rng.sample(SECTIONS_ZH if chinese else SECTIONS, 6))
    writer.paragraph(_paragraph(rng, chinese))
    for parts in range(6):
        if not writer.fits(14):
            break
        level = 2 if parts == 0 or rng.random() < 0.6 else 3
        writer.heading(level, next(sections))
        writer.paragraph(_paragraph(rng, chinese))
        if writer.fits(12):
            rng.choice((_list, _table))(writer)
    page = writer.sheet.finished(f"document-{number}", rng)
    return DocumentPage(page.name, page.file, tuple(writer.elements))
