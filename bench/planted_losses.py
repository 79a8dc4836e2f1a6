"""Drawn pages with text that is hard or impossible to read, each at a known place.

Every page has prose in English or Chinese that reads well, and between its paragraphs, on a white
ground, one to three lines of a kind of loss: a script that the alphabet lacks, scribble, letters of
few pixels, pale, smeared, struck out, turned or blurred text. Pages without a loss are here too:
with a photograph, a chart, a code of bars, boxes to tick. Contents are invented. The fonts are
those of the machine (Debian packages fonts-dejavu, fonts-liberation and fonts-noto-cjk).
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.drawn_pages import CHINESE, DPI, INK, LATIN, DrawnPage, font_face
from bench.drawn_tables import SENTENCES, SENTENCES_ZH

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom

PAPER = (252, 251, 247)
LEFT, RIGHT, BODY = 110, 1130, 27
OTHER_SCRIPTS: Mapping[str, tuple[str, str]] = {
    "cyrillic": ("DejaVu Serif", "Товары были проверены при получении и приняты полностью"),
    "hebrew": ("DejaVu Sans", "הסחורה נבדקה עם קבלתה ונמצאה שלמה ותקינה"),
    "arabic": ("DejaVu Sans", "تم فحص البضاعة عند الاستلام ووجدت كاملة وسليمة"),
    "armenian": ("DejaVu Serif", "Ապրանքը ստուգվել է ստանալիս և ընդունվել ամբողջությամբ"),
    "georgian": ("DejaVu Serif", "საქონელი შემოწმდა მიღებისას და სრულად იქნა მიღებული"),
    "hangul": ("Noto Sans CJK KR", "상품은 도착 시 확인되었으며 모두 이상이 없었습니다"),
    "kana": ("Noto Sans CJK JP", "このしなものはすべてきちんととどきましたのでごあんしんください"),
}  # fmt: skip


@dataclass(frozen=True)
class PlantedLine:
    """A line of a loss: its place in pixels, and its text, None where nobody could tell it."""

    box: Rectangle
    text: str | None


@dataclass(frozen=True)
class PlantedPage:
    """A drawn page as a file, PNG or JPEG, with the lines that were planted on it."""

    name: str
    suffix: str
    file: bytes
    lines: tuple[PlantedLine, ...]


@dataclass
class Sheet:
    """A page while it is drawn."""

    rng: random.Random
    chinese: bool
    page: DrawnPage = field(default_factory=DrawnPage)
    lines: list[PlantedLine] = field(default_factory=list)
    noise: float = 2.0
    lossless: bool = False

    def sentence(self) -> str:
        """Return a sentence in the language of the page."""
        return self.rng.choice(SENTENCES_ZH if self.chinese else SENTENCES)

    @property
    def family(self) -> str:
        """The font of the page."""
        return CHINESE if self.chinese else LATIN

    def paragraph(self, y: float, count: int) -> float:
        """Write `count` lines that read well; return where the next begins."""
        for _ in range(count):
            self.page.write(LEFT, y, self.sentence(), self.family, BODY)
            y += 1.6 * BODY
        return y

    def mask(self, text: str, size: int, family: str | None = None) -> Image.Image:
        """Return a text as coverage, 0..255, cropped to its ink."""
        face = font_face(family or self.family, size)
        left, top, right, bottom = (round(side) for side in face.getbbox(text))
        mask = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(mask).text((-left, -top), text, 255, face)
        return mask

    def plant(
        self,
        mask: Image.Image,
        x: float,
        y: float,
        text: str | None,
        fill: tuple[int, int, int] = INK,
    ) -> None:
        """Put a line in `fill` where `mask` covers, its upper left corner at `x`, `y`."""
        at = round(x), round(y)
        self.page.image.paste(fill, at, mask)
        self.lines.append(PlantedLine((*at, at[0] + mask.width, at[1] + mask.height), text))

    def finished(self, name: str) -> PlantedPage:
        """Return the page as it comes from a scanner."""
        pixels = np.asarray(self.page.image, np.float32)
        grain = np.random.default_rng(self.rng.randrange(1 << 30)).normal(
            0, 1, (*pixels.shape[:2], 1)
        )
        scan = Image.fromarray(np.clip(pixels + self.noise * grain, 0, 255).astype(np.uint8))
        suffix, options = (".png", {}) if self.lossless else (".jpg", {"quality": 82})
        file = io.BytesIO()
        scan.save(file, "PNG" if self.lossless else "JPEG", dpi=(DPI, DPI), **options)
        return PlantedPage(name, suffix, file.getvalue(), tuple(self.lines))


# --- losses: each draws one line at `y` and returns its height ----------------------------------


def other_script(script: str) -> Callable[[Sheet, float], float]:
    """Return the loss of a line in a script."""
    family, text = OTHER_SCRIPTS[script]

    def draw(sheet: Sheet, y: float) -> float:
        words = text.split()
        part = " ".join(words[: sheet.rng.randint(min(3, len(words)), len(words))])
        mask = sheet.mask(part, sheet.rng.randint(24, 34), family)
        sheet.plant(mask, LEFT + sheet.rng.randint(0, 80), y, part)
        return mask.height

    return draw


def scribble(sheet: Sheet, y: float) -> float:
    """A line of joined-up strokes in the manner of handwriting."""
    rng, height = sheet.rng, sheet.rng.randint(34, 60)
    width, times = rng.randint(350, 800), 3  # drawn larger, for smooth edges
    mask = Image.new("L", (times * width, times * height), 0)
    pen, phase, x = ImageDraw.Draw(mask), 0.0, 0.0
    point: tuple[float, float] | None = None
    tall = 0.3
    while x < width - 10:
        phase += 0.22
        x += rng.uniform(0.4, 1.1) + 0.9 * math.cos(phase)
        if math.sin(phase) < -0.97:
            tall = rng.choice((0.22, 0.22, 0.3, 0.48))  # of the next letter
            if rng.random() < 0.12:
                x, point = x + rng.uniform(8, 18), None  # the next word
        middle = height * (0.62 - tall * math.sin(phase) - 0.1 * math.cos(2.7 * phase))
        after = times * max(0.0, x), times * middle
        if point is not None:
            pen.line((*point, *after), 255, round(times * rng.uniform(1.8, 2.6)))
        point = after
    small = mask.resize((width, height), Image.Resampling.LANCZOS)
    small = small.crop(small.getbbox())
    sheet.plant(small, LEFT + rng.randint(0, 100), y, None, rng.choice((INK, (30, 50, 140))))
    return height


def small(sheet: Sheet, y: float) -> float:
    """Letters whose capitals are 4 to 6 pixels high."""
    capital = sheet.rng.uniform(4, 6)
    size = round(capital / (0.88 if sheet.chinese else 0.66))
    text = sheet.sentence()
    mask = sheet.mask(text, size)
    sheet.plant(mask, LEFT, y, text)
    return mask.height


def tiny_print(sheet: Sheet, y: float) -> float:
    """A line of the terms that stand below: 9 to 12 pixels, gray."""
    text = f"{sheet.sentence()} {sheet.sentence()}"
    mask = sheet.mask(text, sheet.rng.randint(9, 12))
    gray = sheet.rng.randint(60, 130)
    sheet.plant(mask, LEFT, y, text, (gray, gray, gray))
    return mask.height


def faint(low: int, high: int, noise: float) -> Callable[[Sheet, float], float]:
    """Return the loss of text that differs from the paper by few gray levels."""

    def draw(sheet: Sheet, y: float) -> float:
        sheet.noise, sheet.lossless = noise, True
        levels = sheet.rng.randint(low, high)
        text = sheet.sentence()
        mask = sheet.mask(text, sheet.rng.randint(26, 34))
        red, green, blue = PAPER
        sheet.plant(mask, LEFT, y, text, (red - levels, green - levels, blue - levels))
        return mask.height

    return draw


def smeared(sheet: Sheet, y: float) -> float:
    """Text wiped along or down while it was wet, beyond reading."""
    size, text = sheet.rng.randint(26, 34), sheet.sentence()
    mask = np.pad(np.asarray(sheet.mask(text, size)), 14)
    if sheet.rng.random() < 0.5:
        long = sheet.rng.uniform(1.2, 2.2) * size
        smear = cv2.blur(mask, (max(1, round(long)), 3))
    else:
        smear = cv2.GaussianBlur(mask, (0, 0), sheet.rng.uniform(0.24, 0.34) * size)
    image = Image.fromarray(np.clip(smear.astype(np.float32) * 1.4, 0, 255).astype(np.uint8))
    sheet.plant(image, LEFT, y, text)
    return image.height


def struck_out(sheet: Sheet, y: float) -> float:
    """Text crossed out by thick strokes."""
    size, text = sheet.rng.randint(26, 34), sheet.sentence()
    image = sheet.mask(text, size)
    pen = ImageDraw.Draw(image)
    if sheet.rng.random() < 0.5:
        for share in (0.25, 0.45, 0.65, 0.85):
            high = share * image.height
            pen.line((0, high, image.width, high + sheet.rng.randint(-3, 3)), 255, 3)
    else:
        step = 0.4 * size
        for k in range(int(image.width / step)):
            ends = (image.height, 0) if k % 2 else (0, image.height)
            pen.line((k * step, ends[0], (k + 1) * step, ends[1]), 255, 3)
    sheet.plant(image, LEFT, y, text)
    return image.height


def blurred_photo(sheet: Sheet, y: float) -> float:
    """A sign on a photograph that is out of focus."""
    rng, size = sheet.rng, sheet.rng.randint(30, 44)
    text = sheet.sentence()[: 9 if sheet.chinese else 26].strip()
    mask = sheet.mask(text, size)
    around = 40
    photo = texture(rng, mask.width + 2 * around, mask.height + 2 * around)
    photo.paste((250, 248, 235), (around, around), mask)
    photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(0.08, 0.2) * size))
    at = LEFT + rng.randint(0, 120), round(y)
    sheet.page.image.paste(photo, at)
    left, top = at[0] + around, at[1] + around
    sheet.lines.append(PlantedLine((left, top, left + mask.width, top + mask.height), text))
    return photo.height


def turned(quarters: int) -> Callable[[Sheet, float], float]:
    """Return the loss of a line turned by a number of quarters."""

    def draw(sheet: Sheet, y: float) -> float:
        text = sheet.sentence()
        if quarters % 2:
            text = text[: 8 if sheet.chinese else 18].strip()
        mask = sheet.mask(text, sheet.rng.randint(24, 32))
        for _ in range(quarters):
            mask = mask.transpose(Image.Transpose.ROTATE_90)
        sheet.plant(mask, LEFT + sheet.rng.randint(0, 60), y, text)
        return mask.height

    return draw


def overprinted(sheet: Sheet, y: float) -> float:
    """A line printed over another: neither can be read."""
    size = sheet.rng.randint(26, 32)
    text = other = sheet.sentence()
    while other == text:
        other = sheet.sentence()
    first, second = sheet.mask(text, size), sheet.mask(other, size)
    width, height = min(first.width, second.width), min(first.height, second.height)
    both = np.maximum(*(np.asarray(m.crop((0, 0, width, height))) for m in (first, second)))
    sheet.plant(Image.fromarray(both), LEFT, y, None)
    return height


def dotted(sheet: Sheet, y: float) -> float:
    """Print so worn that a tenth of its pixels is left."""
    size, text = sheet.rng.randint(24, 32), sheet.sentence()
    mask = np.asarray(sheet.mask(text, size))
    kept = np.random.default_rng(sheet.rng.randrange(1 << 30)).random(mask.shape)
    left = (mask * (kept < sheet.rng.uniform(0.06, 0.2))).astype(np.uint8)
    sheet.plant(Image.fromarray(left), LEFT, y, text)
    return mask.shape[0]


Loss = Callable[[Sheet, float], float]
LOSSES: Mapping[str, Loss] = {
    **{script: other_script(script) for script in OTHER_SCRIPTS},
    "scribble": scribble,
    "letters-4-to-6": small,
    "tiny-print": tiny_print,
    "faint-3-to-5": faint(3, 5, 0.0),
    "faint-6-to-8": faint(6, 8, 0.0),
    "faint-in-noise": faint(12, 25, 3.0),
    "smeared": smeared,
    "struck-out": struck_out,
    "overprinted": overprinted,
    "worn": dotted,
    "blurred-photo": blurred_photo,
    "upside-down": turned(2),
    "sideways": turned(1),
}
"""The kinds of losses."""


def planted(kind: str, number: int) -> PlantedPage:
    """Return a page with a loss of a kind; the same for the same number in every run."""
    name = f"{kind}-{number}"
    rng = random.Random(name)  # no cryptography
    sheet = Sheet(rng, chinese=rng.random() < 0.4)
    sheet.page.write(LEFT, 110, "通知" if sheet.chinese else "Notice", sheet.family, 44)
    y = sheet.paragraph(220, rng.randint(4, 12)) + rng.randint(30, 60)
    for _ in range(rng.randint(1, 3)):
        y += LOSSES[kind](sheet, y) + rng.randint(12, 26)
    sheet.paragraph(y + rng.randint(20, 50), rng.randint(3, 8))
    return sheet.finished(name)


# --- pages without a loss ------------------------------------------------------------------------


def texture(rng: random.Random, width: int, height: int) -> Image.Image:
    """Return a picture of soft shapes, like a photograph without things on it."""
    source = np.random.default_rng(rng.randrange(1 << 30))
    levels = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((3, 1.0), (7, 0.6), (20, 0.3), (60, 0.15)):
        grid = source.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        levels += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    pixels = np.clip(105 + 38 * levels, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def photograph(sheet: Sheet, y: float) -> float:
    """A photograph with a caption."""
    width, height = sheet.rng.randint(400, 1000), sheet.rng.randint(250, 500)
    sheet.page.image.paste(texture(sheet.rng, width, height), (LEFT, round(y)))
    sheet.page.write(LEFT, y + height + 14, sheet.sentence(), sheet.family, 22)
    return height + 60


def chart(sheet: Sheet, y: float) -> float:
    """Bars and a line with labels below."""
    pen, rng = ImageDraw.Draw(sheet.page.image), sheet.rng
    sheet.page.rule(LEFT + 60, y, LEFT + 60, y + 400)
    sheet.page.rule(LEFT + 60, y + 400, RIGHT, y + 400)
    last = None
    for place in range(rng.randint(5, 9)):
        x, high = LEFT + 100 + 100 * place, rng.randint(40, 360)
        pen.rectangle(
            (x, y + 400 - high, x + 55, y + 399), rng.choice(((60, 110, 180), (200, 90, 60)))
        )
        sheet.page.write(x + 27, y + 412, str(2014 + place), LATIN, 22, anchor="ma")
        point = (x + 27, y + 400 - rng.randint(40, 380))
        if last:
            pen.line((*last, *point), INK, 3)
        last = point
    return 460


def bar_code(sheet: Sheet, y: float) -> float:
    """A code of bars, and a square one."""
    pen, rng = ImageDraw.Draw(sheet.page.image), sheet.rng
    x = LEFT
    while x < LEFT + 330:
        wide = rng.choice((2, 2, 4, 6))
        pen.rectangle((x, y, x + wide - 1, y + 100), INK)
        x += wide + rng.choice((2, 4, 6))
    side, cell = 25, 7
    for row in range(side):
        for column in range(side):
            if rng.random() < 0.5:
                at = LEFT + 500 + cell * column, y + cell * row
                pen.rectangle((*at, at[0] + cell - 1, at[1] + cell - 1), INK)
    return 220


def tick_boxes(sheet: Sheet, y: float) -> float:
    """Boxes to tick, some of them ticked, and lines to write on."""
    pen = ImageDraw.Draw(sheet.page.image)
    for place in range(6):
        top = y + 52 * place
        pen.rectangle((LEFT, top, LEFT + 26, top + 26), outline=INK, width=2)
        if sheet.rng.random() < 0.5:
            pen.line((LEFT + 5, top + 5, LEFT + 21, top + 21), INK, 3)
            pen.line((LEFT + 21, top + 5, LEFT + 5, top + 21), INK, 3)
        word = sheet.sentence()[: 6 if sheet.chinese else 14].strip()
        sheet.page.write(LEFT + 45, top, word, sheet.family, 25)
        sheet.page.rule(LEFT + 330, top + 28, RIGHT, top + 28)
    return 330


def stains(sheet: Sheet, _y: float) -> float:
    """Stains, the holes of a punch, folds and the shadow of a staple."""
    pen, rng = ImageDraw.Draw(sheet.page.image), sheet.rng
    for high in (500, 1250):
        pen.ellipse((30, high, 66, high + 36), (70, 70, 74))
    for _ in range(rng.randint(3, 8)):
        x, top, wide = rng.randint(60, 1180), rng.randint(60, 1700), rng.randint(3, 14)
        pen.ellipse((x, top, x + wide, top + rng.randint(3, 14)), (120, 110, 95))
    fold = rng.randint(700, 1000)
    pen.line((0, fold, 1240, fold + rng.randint(-6, 6)), (205, 203, 198), 2)
    pen.line((60, 40, 130, 62), (90, 90, 92), 4)
    return 0


CLEAN: Mapping[str, Loss] = {
    "photograph": photograph,
    "chart": chart,
    "bar-code": bar_code,
    "tick-boxes": tick_boxes,
    "stains": stains,
}
"""What else is on pages of which all text can be read."""


def clean(kind: str, number: int) -> PlantedPage:
    """Return a page without a loss; the same for the same number in every run."""
    name = f"{kind}-{number}"
    rng = random.Random(name)  # no cryptography
    sheet = Sheet(rng, chinese=rng.random() < 0.4)
    sheet.page.write(LEFT, 110, "通知" if sheet.chinese else "Notice", sheet.family, 44)
    y = sheet.paragraph(220, rng.randint(3, 9)) + 40
    y += CLEAN[kind](sheet, y) + 40
    sheet.paragraph(y, rng.randint(3, 8))
    return sheet.finished(name)
