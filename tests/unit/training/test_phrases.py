from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import accumulate, chain
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.ocr.model.charset import Charset
from training.data.alphabet import extended
from training.data.corpus import Corpus
from training.data.phrases import LANGUAGES, MIXTURE, Phrases, coverage, forms, numbers, prose

ROWS = [(language, kind) for language, kinds in MIXTURE.items() for kind in kinds]
ALPHABET = extended(
    Charset.of(map(chr, [*range(0x20, 0x7F), *map(ord, "・，。：；！？（）～Ａ１")]))
).characters


def listed(*words: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    return words, tuple(accumulate(1.0 for _ in words))


STUB = Corpus(
    en=(
        "The committee shall meet twice a year, and its members (or their deputies) shall be told.",
        "It is a truth universally acknowledged, that a single man must be in want of a wife",
    ),
    zh=("我们在安装软件之前，应当先检查系统的版本，并且备份重要的数据。",),
    zh_hant=("我們在安裝軟體之前，應當先檢查系統的版本，並且備份重要的資料。",),
    latin=("Die Straße führt über die Brücke nach Österreich",),
    words_en=listed("committee", "window"),
    words_zh=listed("软件", "检查"),
    words_zh_hant=listed("檯燈", "說明"),
    words_latin=listed("Straße", "año"),
)


@cache
def phrases() -> Phrases:
    return Phrases(STUB, ALPHABET)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ROWS), st.integers(0, 2**32))
def test_a_phrase_is_a_line_in_the_alphabet(row: tuple[str, str], seed: int) -> None:
    text = phrases().of_kind(*row, Random(seed)).text

    assert 1 <= len(text) <= 100
    assert text == unicodedata.normalize("NFC", text)
    assert text == " ".join(text.split())
    assert set(text) <= set(ALPHABET)


def test_equal_seeds_draw_equal_phrases() -> None:
    one, other = Random(7), Random(7)

    again = Phrases(STUB, ALPHABET)
    assert [phrases().draw(one) for _ in range(300)] == [again.draw(other) for _ in range(300)]


def test_the_shares_are_those_of_the_mixture() -> None:
    rng = Random(1)

    drawn = Counter((p.language, p.kind) for p in (phrases().draw(rng) for _ in range(20_000)))

    for language, kind in ROWS:
        within = MIXTURE[language]
        share = LANGUAGES[language] * within[kind] / sum(within.values()) / sum(LANGUAGES.values())
        assert drawn[language, kind] / 20_000 == pytest.approx(share, abs=0.008)


def test_every_table_of_shares_adds_up_to_a_hundred() -> None:
    assert [sum(table.values()) for table in (LANGUAGES, *MIXTURE.values())] == [100] * 5


def test_balanced_lines_reach_every_character_that_can_be_drawn() -> None:
    rng = Random(2)
    rows = [("zh", "balanced", 12_000), ("zh-Hant", "balanced", 12_000), ("zh", "sign", 2_000),
            ("zh-Hant", "sign", 500), ("en", "sign", 2_000),
            ("latin", "balanced", 2_000)]  # fmt: skip

    drawn = {
        c for row, kind, n in rows for _ in range(n) for c in phrases().of_kind(row, kind, rng).text
    }

    assert set(filter(coverage.drawable, ALPHABET)) - drawn == set()


def test_a_rare_character_occurs_as_often_as_a_common_one() -> None:
    rng = Random(3)
    lines = (phrases().of_kind("zh", "balanced", rng).text for _ in range(12_000))

    seen = Counter(chain.from_iterable(lines))

    assert 0.3 < seen["螽"] / seen["的"] < 3


@pytest.mark.slow
def test_characters_that_look_alike_have_one_label() -> None:
    corpus = replace(STUB, zh=("每公斤￥１２３，ＡＢＣ　型",))
    rng = Random(4)

    drawn = "".join(Phrases(corpus, ALPHABET).of_kind("zh", "prose", rng).text for _ in range(50))

    assert {"¥", "1", "A", "，"} <= set(drawn)
    assert not set("￥１Ａ　") & set(drawn)


@pytest.mark.slow
def test_a_clause_with_a_character_outside_the_alphabet_is_replaced_by_another() -> None:
    corpus = replace(STUB, en=("plain words only", "слово слово слово"))
    rng = Random(5)

    drawn = {_english_prose(corpus, rng) for _ in range(100)}

    assert all(text in "plain words only-" for text in drawn)


def _english_prose(corpus: Corpus, rng: Random) -> str:
    return Phrases(corpus, ALPHABET).of_kind("en", "prose", rng).text


def test_an_alphabet_without_the_characters_of_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot write zh prose"):
        Phrases(STUB, "").of_kind("zh", "prose", Random(0))


@given(st.integers(4, 90), st.integers(0, 2**32))
def test_english_is_cut_between_words(max_length: int, seed: int) -> None:
    clause = "one two three four five six seven eight nine ten"

    text = prose.cut(clause, max_length, Random(seed)).removesuffix("-")

    assert f" {text} " in f" {clause} " or len(text) == max_length


@given(st.integers(0, 2**32))
def test_no_chinese_line_begins_with_a_stop(seed: int) -> None:
    assert prose.cut_chinese("你好，世界。再见！", 9, Random(seed))[0] not in "，。！"


@given(st.integers(0, 2**32))
def test_foreign_words_are_not_inserted_into_each_other(seed: int) -> None:
    text = prose.mixed("我们在安装软件之前应当先检查", lambda _: "ωωωω", ["ωωωω"], Random(seed))

    assert "ω" not in text.lower().replace("ωωωω", "")


@pytest.mark.parametrize(
    ("yuan", "capitals"),
    [(5, "伍"), (10, "壹拾"), (1002, "壹仟零贰"), (10_203, "壹万零贰佰零叁"), (120_000, "壹拾贰万"),
    (34_050_600, "叁仟肆佰零伍万零陆佰")],
)  # fmt: skip
def test_a_sum_is_written_in_chinese_capitals(yuan: int, capitals: str) -> None:
    script = forms.SIMPLIFIED

    assert numbers.chinese_amount(yuan, script.digits, script.units, script.myriad) == capitals


@given(st.integers(0, 2**32))
def test_no_label_ends_in_a_field_to_fill_in(seed: int) -> None:
    assert "__" not in forms.label(Random(seed))
