"""Drawn pages that look like scans: an invoice, a Chinese notice, a table, a fax.

Their content is invented. The fonts are those of the machine, found with fontconfig.
"""

from __future__ import annotations

import io
import random
import subprocess
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

A4, DPI = (1240, 1754), 150
INK = (38, 38, 44)
LATIN, LATIN_BOLD = "Liberation Serif", "Liberation Serif:bold"
CHINESE, CHINESE_BOLD = "Noto Serif CJK SC", "Noto Serif CJK SC:bold"


class DrawnPage:
    """A page to draw on."""

    def __init__(self, size: tuple[int, int] = A4) -> None:
        self.image = Image.new("RGB", size, (252, 251, 247))
        self._draw = ImageDraw.Draw(self.image)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        font: str = LATIN,
        size: int = 28,
        *,
        fill: tuple[int, int, int] = INK,
        anchor: str = "la",
    ) -> None:
        """Write one line; `anchor` is Pillow's."""
        self._draw.text((x, y), text, fill, font_face(font, size), anchor)

    def rule(self, x1: float, y1: float, x2: float, y2: float, width: int = 2) -> None:
        """Draw a straight line."""
        self._draw.line((x1, y1, x2, y2), fill=INK, width=width)

    def scanned(
        self, seed: int, *, skew: float = 0.0, blur: float = 0.5, noise: float = 3
    ) -> bytes:
        """Return the page as a JPEG from a scanner; `skew` in degrees."""
        paper = (252, 251, 247)
        turned = self.image.rotate(skew, Image.Resampling.BICUBIC, fillcolor=paper)
        grain = np.random.default_rng(seed).normal(0, noise, (*turned.size[::-1], 1))
        pixels = np.asarray(turned.filter(ImageFilter.GaussianBlur(blur))) + grain
        file = io.BytesIO()
        scan = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        scan.save(file, "JPEG", quality=82, dpi=(DPI, DPI))
        return file.getvalue()


@lru_cache
def font_face(name: str, size: int) -> ImageFont.FreeTypeFont:
    """Return the font of the machine that fontconfig finds for a name, `size` pixels high."""
    found = subprocess.run(
        ["fc-match", "--format=%{file}:%{index}", name], capture_output=True, text=True, check=True
    ).stdout
    path, _, index = found.rpartition(":")
    return ImageFont.truetype(path, size, index=int(index) & 0xFFFF)


def invoice(seed: int = 10) -> bytes:
    """Return an invoice with an unruled table and a smudge on one line; `seed` sets its grain."""
    page = DrawnPage()
    page.write(110, 110, "Harbour & Lane Bookbinders", LATIN_BOLD, 46)
    page.write(110, 172, "14 Quay Street, Port Ellery", size=27)
    page.write(1130, 118, "INVOICE", LATIN_BOLD, 40, anchor="ra")
    page.write(1130, 172, "No. 2041", size=27, anchor="ra")
    page.rule(110, 232, 1130, 232, 3)
    for place, (word, value) in enumerate(
        [
            ("Date", "17 March 2026"),
            ("Customer", "Ellery Town Library"),
            ("Order", "EL-118, by letter of 2 March"),
        ]
    ):
        page.write(110, 275 + 46 * place, word, size=28, fill=(95, 95, 100))
        page.write(330, 275 + 46 * place, value, size=28)
    _items(page)
    page.write(110, 1010, "Please pay within thirty days. Thank you for your trust in our hands.")
    page.write(
        110, 1054, "Repairs carry a warranty of five years; keep this invoice with the books."
    )
    page.write(110, 1640, "Harbour & Lane, bookbinders since 1962", size=23, fill=(95, 95, 100))
    page.write(1130, 1640, "Page 1 of 1", size=23, fill=(95, 95, 100), anchor="ra")
    _smudge(page, 330, 365, 640, 402)
    return page.scanned(seed, skew=0.4)


def _items(page: DrawnPage) -> None:
    rows = [
        ("Description", "Quantity", "Price", "Amount"),
        ("Rebinding, half leather", "12", "48.50", "582.00"),
        ("New endpapers, marbled", "24", "6.20", "148.80"),
        ("Gilt lettering on the spine", "12", "9.75", "117.00"),
        ("Box, cloth over board", "3", "36.00", "108.00"),
        ("Carriage", "1", "22.40", "22.40"),
    ]
    for place, (what, *numbers) in enumerate(rows):
        y, font = 500 + 56 * place, LATIN_BOLD if place == 0 else LATIN
        page.write(110, y, what, font, 29)
        for x, number in zip((690, 890, 1130), numbers, strict=True):
            page.write(x, y, number, font, 29, anchor="ra")
    page.rule(110, 546, 1130, 546)
    page.rule(110, 842, 1130, 842)
    page.write(690, 868, "Total", LATIN_BOLD, 34, anchor="ra")
    page.write(1130, 868, "978.20", LATIN_BOLD, 34, anchor="ra")


def _smudge(page: DrawnPage, left: int, top: int, right: int, bottom: int) -> None:
    region = page.image.crop((left, top, right, bottom)).filter(ImageFilter.GaussianBlur(2.1))
    page.image.paste(region, (left, top))


def notice() -> bytes:
    """Return a notice in Chinese."""
    page = DrawnPage()
    page.write(620, 160, "关于图书馆暑期开放时间的通知", CHINESE_BOLD, 50, anchor="ma")
    page.rule(150, 262, 1090, 262, 3)
    body = [
        "各位读者：",
        "    为方便大家在暑期阅读和学习，经研究决定，自2026年7月6日起",
        "至8月30日止，本馆开放时间作如下调整：",
        "    一、星期一至星期五，上午8时30分至晚上9时；",
        "    二、星期六和星期日，上午9时至下午5时30分；",
        "    三、每月最后一个星期三闭馆整理图书，不对外开放。",
        "    借阅期限由30天延长为45天，逾期不收取费用。儿童阅览室",
        "每天下午3时举办故事会，欢迎家长陪同孩子参加。",
        "    如有疑问，请拨打服务电话，或到一楼服务台咨询。",
    ]
    for place, line in enumerate(body):
        indent = 68 if line.startswith(" ") else 0
        page.write(150 + indent, 330 + 66 * place, line.strip(), CHINESE, 34)
    page.write(1090, 1010, "市立图书馆", CHINESE, 34, anchor="ra")
    page.write(1090, 1074, "2026年6月22日", CHINESE, 34, anchor="ra")
    return page.scanned(2, skew=-0.3)


def timetable() -> bytes:
    """Return a ruled table with a title."""
    page = DrawnPage((1240, 900))
    page.write(110, 80, "Ferry timetable, summer", LATIN_BOLD, 44)
    page.write(110, 150, "Valid from 1 May to 30 September. No crossings on public holidays.")
    rows = [
        ("Port Ellery", "Gull Island", "Saint Brice", "Fare", "Days"),
        ("06:45", "07:20", "08:05", "4.80", "Mon to Fri"),
        ("09:10", "09:45", "10:30", "5.60", "daily"),
        ("12:30", "13:05", "13:50", "5.60", "daily"),
        ("17:15", "17:50", "18:35", "6.20", "daily"),
        ("20:40", "21:15", "22:00", "6.20", "Fri and Sat"),
    ]
    edges, top, height = (110, 340, 570, 790, 920, 1130), 230, 72
    for place, row in enumerate(rows):
        for left, text in zip(edges, row, strict=False):
            font = LATIN_BOLD if place == 0 else LATIN
            page.write(left + 18, top + height * place + 19, text, font, 29)
    bottom = top + height * len(rows)
    for place in range(len(rows) + 1):
        page.rule(edges[0], top + height * place, edges[-1], top + height * place)
    for edge in edges:
        page.rule(edge, top, edge, bottom)
    page.write(110, bottom + 50, "Bicycles travel free. Dogs on a lead, please.")
    return page.scanned(3)


def fax() -> bytes:
    """Return a bad fax, much of which is read with low confidence."""
    page = DrawnPage((1000, 620))
    page.write(70, 60, "FAX  from Ellery Town Library  12-MAR-2026 09:41", size=24)
    lines: Sequence[str] = (
        "Dear Mr Lane, the twelve volumes of the county atlas",
        "are ready to be fetched. The spines of volumes 3 and 7",
        "are loose, and two maps need new linen at the folds.",
        "Could you send us your estimate before Easter?",
    )
    for place, line in enumerate(lines):
        page.write(70, 150 + 54 * place, line, size=27)
    page.write(70, 440, "With kind regards, M. Osei", size=27)
    dots = random.Random(4)  # no cryptography
    draw = ImageDraw.Draw(page.image)
    for _ in range(2600):
        x, y = dots.randrange(1000), dots.randrange(620)
        draw.rectangle(
            (x, y, x + dots.randrange(3), y + 1), fill=dots.choice([INK, (252, 251, 247)])
        )
    small = page.image.resize((500, 310), Image.Resampling.BILINEAR)
    page.image = small.resize((1000, 620), Image.Resampling.NEAREST)
    return page.scanned(4, skew=0.8, blur=0.8, noise=9)


def report() -> bytes:
    """Return a PDF of three scanned pages."""
    pages = [Image.open(io.BytesIO(each)) for each in (timetable(), notice(), invoice())]
    file = io.BytesIO()
    pages[0].save(file, "PDF", save_all=True, append_images=pages[1:], resolution=DPI)
    return file.getvalue()
