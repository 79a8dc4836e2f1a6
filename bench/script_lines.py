"""Drawn pages in scripts that the network knows and in others, and of several kinds of source.

The text is article 1 of the Universal Declaration of Human Rights and a few words of forms. The
fonts are those of the machine; a script without a font is left out.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

from bench import damage
from bench.drawn_pages import INK, font_face

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.damage import Pixels


@dataclass(frozen=True)
class Language:
    """A language, how fontconfig calls it, whether the network knows its script, and a text."""

    name: str
    code: str
    is_known: bool
    text: str
    fonts: tuple[str, ...]


_LATIN = ("Liberation Serif", "Liberation Sans", "DejaVu Sans", "Liberation Mono")
_KNOWN = {
    ("English", "en"): "All human beings are born free and equal in dignity and rights. They are "
    "endowed with reason and conscience and should act towards one another in a spirit of "
    "brotherhood. Order no. AB-20417/C, 12 May 2024, total 1,248.50 EUR; see www.example.org/a?b=7",
    (
        "French",
        "fr",
    ): "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils "
    "sont doués de raison et de conscience et doivent agir les uns envers les autres dans un "
    "esprit de fraternité. Facture n° 2041, à régler avant le 3 août",
    ("German", "de"): "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind "
    "mit Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen. "
    "Rechnung Nr. 2041, zahlbar innerhalb von 14 Tagen",
    ("Spanish", "es"): "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, "
    "dotados como están de razón y conciencia, deben comportarse fraternalmente los unos con los "
    "otros. Señor Núñez, importe total 1.248,50",
    ("Italian", "it"): "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi "
    "sono dotati di ragione e di coscienza e devono agire gli uni verso gli altri in spirito di "
    "fratellanza.",
    ("Polish", "pl"): "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych "
    "praw. Są oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu "
    "braterstwa.",
    ("Turkish", "tr"): "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve "
    "vicdana sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler.",
    ("Finnish", "fi"): "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja "
    "oikeuksiltaan. Heille on annettu järki ja omatunto, ja heidän on toimittava toisiaan kohtaan "
    "veljeyden hengessä.",
}
_CHINESE = (
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"
    "订单编号20417，合计1248.50元，请于2024年5月12日前付款。"
)
_FOREIGN = {
    ("Russian", "ru"): "Все люди рождаются свободными и равными в своем достоинстве и правах. Они "
    "наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
    ("Ukrainian", "uk"): "Всі люди народжуються вільними і рівними у своїй гідності та правах. "
    "Вони наділені розумом і совістю і повинні діяти у відношенні один до одного в дусі "
    "братерства.",
    ("Greek", "el"): "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα "
    "δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση και οφείλουν να συμπεριφέρονται "
    "μεταξύ τους με πνεύμα αδελφοσύνης.",
    ("Arabic", "ar"): "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا "
    "وعليهم أن يعامل بعضهم بعضا بروح الإخاء",
    ("Hebrew", "he"): "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם כולם חוננו בתבונה "
    "ובמצפון לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה",
    ("Thai", "th"): "มนุษย์ทั้งหลายเกิดมามีอิสระ และเสมอภาคกันในเกียรติศักดิ์ และสิทธิ ต่างมีเหตุผล "
    "และมโนธรรม และควรปฏิบัติต่อกัน ด้วยเจตนารมณ์แห่งภราดรภาพ",
    ("Hindi", "hi"): "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता "
    "प्राप्त है उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है",
    ("Georgian", "ka"): "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და "
    "უფლებებით მათ მინიჭებული აქვთ გონება და სინდისი",
    ("Armenian", "hy"): "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու "
    "իրավունքներով Նրանք ունեն բանականություն ու խիղճ",
    ("Korean", "ko"): "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 "
    "천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
    (
        "Japanese kana",
        "ja",
    ): "すべてのひとは うまれながらにして じゆうであり かつ そんげんとけんりとについて "
    "びょうどうである メールアドレス ユーザー パスワード インターネット",
}
LANGUAGES = (
    *(Language(*names, True, text, _LATIN) for names, text in _KNOWN.items()),
    Language("Chinese", "zh-cn", True, _CHINESE, ("Noto Sans CJK SC", "Noto Serif CJK SC")),
    *(Language(*names, False, text, ()) for names, text in _FOREIGN.items()),
)
"""The languages that are measured."""

SIZE = (1240, 1100)
SOURCES = ("scan", "photograph", "fax")
"""The kinds of source that `as_source` makes of a drawn page."""


def fonts_of(language: Language) -> list[str]:
    """Return the names of up to four fonts of the machine that have the letters of a language."""
    if language.fonts:
        return list(language.fonts)
    query = ["fc-list", f":lang={language.code}:style=Regular", "family"]
    found = subprocess.run(query, capture_output=True, text=True, check=True).stdout
    names = sorted({line.split(",")[0] for line in found.splitlines() if line.strip()})
    names = [name for name in names if "CJK" not in name or language.code in ("ko", "ja")]
    return names[:: max(1, len(names) // 4)][:4]


def lines_of(language: Language, rng: random.Random) -> list[str]:
    """Return lines of one to nine words, or of 3 to 24 characters where words have no spaces."""
    lines = []
    while len(lines) < 20:
        if language.code == "zh-cn":
            start = rng.randrange(len(language.text) - 4)
            lines.append(language.text[start : start + rng.randint(3, 24)].strip("，。"))
        else:
            words = language.text.split()
            start = rng.randrange(len(words) - 1)
            lines.append(" ".join(words[start : start + rng.randint(1, 9)]))
    return lines


def drawn_page(language: Language, seed: int) -> tuple[Pixels, list[str]]:
    """Return a page of a language, H,W,3, and its lines from top to bottom."""
    rng = random.Random(f"{language.code}{seed}")  # no cryptography
    fonts = fonts_of(language)
    page = Image.new("RGB", SIZE, (252, 251, 247))
    draw, y, drawn = ImageDraw.Draw(page), 40, []
    for line in lines_of(language, rng):
        size = rng.choice((22, 26, 30, 36, 44))
        if y + 2 * size > SIZE[1]:
            break
        draw.text((80, y), line, INK, font_face(fonts[seed % len(fonts)], size))
        drawn.append(line)
        y += round(1.9 * size)
    return np.asarray(page), drawn


def with_picture(image: Pixels, seed: int) -> Pixels:
    """Return the page with a drawing and a textured picture below it: neither has any text."""
    rng = np.random.default_rng(seed)
    drawing = np.full((420, image.shape[1], 3), 250, np.uint8)
    for _ in range(60):
        centre = (int(rng.integers(600)), int(rng.integers(420)))
        axes = (int(rng.integers(3, 50)), int(rng.integers(3, 50)))
        turn, end, gray = rng.uniform(0, 180), rng.uniform(90, 360), int(rng.integers(160))
        thickness = int(rng.integers(1, 6))
        cv2.ellipse(drawing, centre, axes, turn, 0, end, (gray,) * 3, thickness)
    cloud = cv2.GaussianBlur(rng.normal(0, 1, (400, 580)), (0, 0), float(rng.uniform(2, 9)))
    spread = 255 * (cloud - cloud.min()) / np.ptp(cloud)
    drawing[10:410, 640:1220] = spread[: 410 - 10, :580, None].astype(np.uint8)
    return np.vstack([image, drawing])


def as_source(image: Pixels, source: str, seed: int) -> Pixels:
    """Return the page as a scanner, a camera or a fax machine would give it."""
    rng = np.random.default_rng(seed)
    nothing = np.zeros((0, 2))
    if source == "photograph":
        image, _ = damage.photographed(image, nothing, rng, tilt=15)
        image, _ = damage.shaded(image, nothing, rng)
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 1.4)))
        return _grained(image, rng, 7)
    if source == "fax":
        image, _ = damage.shrunk(image, nothing, rng, float(rng.uniform(0.4, 0.65)))
        gray = _grained(image, rng, 18).mean(axis=2)
        bilevel = np.where(gray < rng.uniform(150, 190), 0, 255).astype(np.uint8)
        image, _ = damage.salted(np.repeat(bilevel[..., None], 3, axis=2), nothing, rng, 0.004)
        return image
    return _grained(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.0))), rng, 4)


def _grained(image: Pixels, rng: np.random.Generator, deviation: float) -> Pixels:
    grain = rng.normal(0, deviation, (*image.shape[:2], 1))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def available() -> Iterator[Language]:
    """Yield the languages for which the machine has a font."""
    return (language for language in LANGUAGES if fonts_of(language))
