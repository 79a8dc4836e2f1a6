"""Plausibility: text that is no words needs more confidence, and text in any language keeps it."""

import io
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from daemon.core import lexicon
from daemon.core.records import Box, Page
from daemon.ocr import assemble, plausibility
from daemon.ocr.pipeline import Pipeline
from daemon.ocr.plausibility import COSTS, LETTERS
from daemon.ocr.recognizer import Recognizer
from daemon.ocr.records import LineCrop
from tests.support.running_daemon import SHIPPED_ONNX
from tests.unit.ocr.assembling import line, reading
from tests.unit.ocr.test_pipeline import RECIPE

WORDS = Path(__file__).parents[3] / "models" / "words-en.txt"

# As the shipped network reads drawn lines, and a confidence that it had there.
FOREIGN = [
    ("Bbl MoxeTe CHOBa И3MeHИTb 3TOT O6beKT HИxe.", 0.95),  # Russian
    ("OTMeTKy BMeCTO yAaneHИЯ y4ëTHOЙ 3anИcИ.", 0.95),
    ("CoxpaHИTb KaK HOBbIЙ 06beKT", 0.95),
    ("μÉσW TOU TTAPÓVTOÇ ŏIAXEIPIOTIKOÚ IOTÓTOTTOU.", 0.95),  # Greek
    ("gägo .sá [äylw ösgago ðlgioll gi änánll", 0.79),  # Arabic
    ("nJnnn n'2710 OnTUn 70 1107 n71yn", 0.85),  # Hebrew
    ("シ又亍ㄙの了八二儿工一", 0.95),  # Japanese
]
RUSSIAN = [reading(*each) for each in FOREIGN[:3]]
PLAUSIBLE = [
    "They are endowed with reason and conscience.",
    "Ils sont doués de raison et de conscience, d’où l’œuvre",
    "sollen einander im Geist der Brüderlichkeit begegnen, Straße 5",
    "dotados como están de razón y conciencia, Señor Núñez",
    "sono dotati di ragione e di coscienza",
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar",
    "Invoice no. AB-20417/C, 1,248.50 EUR, 12 May 2024",
    "SKU X7F9Q2-44B  REV. C2  P/N 0431XK",
    "https://www.example.org/reports?year=2024",
    "C:\\Users\\Public\\Documents\\report.pdf",
    "SDN BHD GST ID: 000123456789",
    "Mr. McDonald and Ms. O’Brien of General Electric",
    "人人生而自由，在尊严和权利上一律平等。",
    "使用 Wi-Fi 和 USB 接口连接 iPhone 手机",
    "12.80",
    "—",
]


def all_weighed(readings):
    """Readings after plausibility, of lines whose image tells nothing."""
    return plausibility.weighed([line(0, 0, 200, 20)] * len(readings), readings)


def weighed(text, confidence=0.95, beside=()):
    """The reading of a text after plausibility, on a page with other readings."""
    return all_weighed([reading(text, confidence), *beside])[0]


def is_legible(text, confidence=0.95, beside=()):
    readings = all_weighed([reading(text, confidence), *beside])
    return 0 in assemble.legible_indexes(readings)


def test_the_costs_are_those_of_the_shipped_word_list():
    counts = np.ones((len(LETTERS), len(LETTERS)))
    for word in lexicon.read(WORDS):
        places = [LETTERS.find(letter) for letter in f" {word} "]
        for row, column in pairwise(places):
            if row >= 0 and column >= 0:
                counts[row, column] += 1

    bits = -np.log2(counts / counts.sum(axis=1, keepdims=True))
    expected = np.clip(np.rint(bits), 0, 9).astype(int)
    assert [[int(cost) for cost in row] for row in COSTS] == expected.tolist()


@pytest.mark.parametrize(("text", "confidence"), FOREIGN)
def test_a_line_in_another_script_is_not_legible(text, confidence):
    assert is_legible(text, confidence) is False
    assert assemble.legible_indexes([reading(text, confidence)]) == [0]  # by the network alone


@pytest.mark.parametrize("text", PLAUSIBLE)
def test_words_numbers_and_codes_keep_the_confidence_of_the_network(text):
    assert weighed(text).confidence == pytest.approx(0.95)


@pytest.mark.parametrize(
    "text",
    [
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności",
        "Heille on annettu järki ja omatunto, ja heidän on toimittava",
        "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv",
        "yāo möu chü",
        "Mr. McDonald, PhD, of JPMorgan",
        "人口工作了二千一百年，才能刀口",
        "a8Fd3kQz9LmW2xPv",
        "javaScriptObjectNotation getHTTPResponseCode",
    ],
)
def test_unusual_text_that_the_network_is_sure_of_is_published(text):
    sure = weighed(text, 0.997)

    assert sure.confidence >= 0.9
    assert is_legible(text, 0.997)


def test_the_confidence_of_a_line_is_still_the_mean_of_its_characters():
    found = weighed(FOREIGN[0][0])

    logs = [math.log(character.confidence) for character in found.characters]
    assert found.confidence == pytest.approx(math.exp(sum(logs) / len(logs)))
    assert found.confidence < 0.7
    assert found.text == FOREIGN[0][0]


def test_a_short_word_is_as_doubtful_as_its_page():
    english = [reading(text, 0.95) for text in PLAUSIBLE[:3]]

    assert is_legible("OKT", 0.95, beside=english)
    assert not is_legible("OKT", 0.95, beside=RUSSIAN)


def test_a_number_that_the_network_is_sure_of_is_published_on_any_page():

    assert is_legible("12.05.2024", 0.999, beside=RUSSIAN)


def test_a_foreign_line_does_not_lower_the_others():
    others = [reading(text, 0.95) for text in PLAUSIBLE]

    readings = all_weighed([RUSSIAN[0], *others])

    assert [r.confidence for r in readings[1:]] == pytest.approx([0.95] * len(others))


def test_an_empty_page_and_an_empty_reading_stay_as_they_are():
    assert all_weighed([]) == []
    assert all_weighed([reading("")]) == [reading("")]


DRAWN = {
    "russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они "
    "наделены разумом и совестью и должны поступать в отношении друг друга в духе братства.",
    "greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα "
    "δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση και οφείλουν να συμπεριφέρονται.",
    "kana": "すべてのひとは うまれながらにして じゆうであり かつ そんげんと けんりとについて "
    "びょうどうである メールアドレス ユーザー パスワード インターネット",
    "korean": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다 인간은 "
    "천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다",
    "english": "All human beings are born free and equal in dignity and rights. They are endowed "
    "with reason and conscience and should act towards one another in a spirit of brotherhood.",
    "german": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit "
    "Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "chinese": "人人生而自由 在尊严和权利上一律平等 他们赋有理性和良心 并应以兄弟关系的精神相对待",
}


@pytest.fixture(scope="module")
def reader():
    return Pipeline(RECIPE, Recognizer.load(SHIPPED_ONNX))


def page_of(text, font, size=34):
    """A page of lines of four words, in a font that comes with PyMuPDF."""
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font(font).buffer), size)
    words = text.split()
    lines = [" ".join(words[k : k + 4]) for k in range(0, len(words), 4)]
    image = Image.new("RGB", (1100, 80 + 66 * len(lines)), "white")
    for k, words_of_line in enumerate(lines):
        ImageDraw.Draw(image).text((60, 40 + 66 * k), words_of_line, "black", face)
    width, height = image.size
    return Page(number=1, width=width, height=height, image=np.asarray(image)), len(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "font"),
    [
        ("russian", "helv"),
        ("russian", "tiro"),
        ("greek", "helv"),
        ("greek", "tiro"),
        ("kana", "cjk"),
        ("korean", "cjk"),
    ],
)
def test_a_page_in_a_script_that_the_network_does_not_know_is_unread(reader, script, font):
    page, count = page_of(DRAWN[script], font)

    text = reader.read_page(page)

    published = [line for block in text.blocks for line in block.lines]
    assert all(line.confidence < 0.9 for line in published)
    assert sum(len(line.text) for line in published) <= 0.1 * len(DRAWN[script])
    assert text.status == "partial"
    assert text.failure.kind == "unread"
    assert len(text.unread) >= 0.8 * count
    assert {region.reason for region in text.unread} == {"low_confidence"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "font"),
    [("english", "helv"), ("english", "cour"), ("german", "tiro"), ("chinese", "cjk")],
)
def test_a_page_in_a_script_that_it_knows_is_read_as_before(reader, script, font):
    page, _ = page_of(DRAWN[script], font)

    text = reader.read_page(page)

    assert (text.status, text.unread) == ("done", ())
    assert text.confidence > 0.97


@pytest.mark.slow
def test_one_russian_line_on_an_english_page_is_unread(reader):
    english, russian = DRAWN["english"].split(), DRAWN["russian"].split()
    page, _ = page_of(" ".join([*english[:8], *russian[:4], *english[8:16]]), "tiro")

    text = reader.read_page(page)

    assert text.text.split() == english[:16]
    (region,) = text.unread
    assert 40 + 2 * 66 - 5 <= region.box.top < region.box.bottom <= 40 + 3 * 66


OVERPRINTED = [
    (
        "Work on the bridge goes on through the night.",
        "All figures are given without tax today.",
    ),
    ("The goods were checked on arrival and are complete.", "Further copies may be ordered below."),
]


@pytest.mark.slow
@pytest.mark.parametrize("texts", OVERPRINTED)
@pytest.mark.parametrize("size", [26, 34])
@pytest.mark.parametrize("font", ["tiro", "helv", "cour"])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_line_over_another_one_is_unread(reader, texts, size, font, is_inverted):
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font(font).buffer), size)
    image = Image.new("L", (1200, 330), 255)
    places = [(40, DRAWN["english"][:41]), (130, texts[0]), (130, texts[1]), (220, "Thank you.")]
    for top, text in places:
        ImageDraw.Draw(image).text((60, top), text, 0, face)
    pixels = np.asarray(image)
    page = Page(number=1, width=1200, height=330, image=255 - pixels if is_inverted else pixels)

    text = reader.read_page(page)

    legible = {word for _, line in places for word in line.split()}
    assert set(text.text.split()) <= legible  # the end of the longer one may be read
    assert set(places[0][1].split()) <= set(text.text.split())
    assert [region.box.top < 160 < region.box.bottom for region in text.unread] == [True]


def test_long_words_with_gaps_between_their_letters_keep_their_confidence():
    face = ImageFont.truetype(io.BytesIO(pymupdf.Font("tiro").buffer), 26)
    image = Image.new("L", (900, 40), 255)
    text = "Die Geschäftsführung der Wohnungsbaugesellschaft"
    ImageDraw.Draw(image).text((8, 2), text, 0, face)
    crop = LineCrop(Box(0, 0, 900, 40), np.asarray(image))

    (found,) = plausibility.weighed([crop], [reading(text, 0.8)])

    assert found.confidence == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("text", "is_less"),
    [
        ("Ælhefiguesitnee gietrngaith ontspuing.dnd agrrednoledlte itead ptape:", True),
        ("Bitte geben Sie die Rechnungsnummer und Kundennummer an", False),  # usual pairs
    ],
)
def test_a_line_without_gaps_counts_less_where_its_pairs_are_unusual(text, is_less):
    ink = np.full((40, 900), 255, np.uint8)
    ink[20:30] = 0
    crop = LineCrop(Box(0, 0, 900, 40), ink)  # alone on its page

    (found,) = plausibility.weighed([crop], [reading(text, 0.8)])

    assert (found.confidence < 0.6) is is_less
