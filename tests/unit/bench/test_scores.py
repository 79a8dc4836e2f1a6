"""Scores of pages: each found line counts once, text is compared as by the scorer of the pages."""

import random

import numpy as np
import pytest

from bench.scores import (
    ScoreTotals,
    bare,
    best_fit,
    compare_lines,
    compare_picture,
    compare_text,
    folded,
    language,
)


def lines(labels, found):
    totals = ScoreTotals(pages=1)
    compare_lines(
        np.array(labels, float).reshape(-1, 4), np.array(found, float).reshape(-1, 4), totals
    )
    return totals


def text(truth, found):
    totals = ScoreTotals(pages=1)
    compare_text(truth, found, totals)
    return totals


def picture(truth, found, **options):
    totals = ScoreTotals(pages=1)
    compare_picture(truth, found, totals, **{"is_partial": False, **options})
    return totals


def test_a_line_is_found_at_half_the_union():
    label = (0, 0, 100, 10)

    assert lines([label], [(0, 0, 50, 10)]).hit == 1
    assert lines([label], [(0, 0, 49, 10)]).hit == 0


def test_one_found_box_counts_for_one_label():
    totals = lines([(0, 0, 100, 10), (0, 1, 100, 11)], [(0, 0, 100, 10)])

    assert (totals.hit, totals.recall, totals.precision) == (1, 0.5, 1.0)


def test_the_best_overlap_is_matched():
    near, exact = (0, 2, 100, 12), (0, 0, 100, 10)

    totals = lines([near, exact], [exact, (0, 5, 100, 15)])

    assert totals.hit == 2


def test_two_labels_within_one_box_of_their_row_are_joined():
    totals = lines([(0, 0, 40, 10), (60, 0, 100, 10)], [(0, 0, 100, 10)])

    assert (totals.hit, totals.joined, totals.merged, totals.split) == (0, 2, 0, 0)
    assert (totals.recall, totals.in_rows) == (0, 1)


def test_two_labels_above_each_other_within_one_box_are_merged():
    totals = lines([(0, 0, 100, 10), (0, 12, 100, 22)], [(0, 0, 100, 22)])

    assert (totals.hit, totals.joined, totals.merged, totals.split) == (0, 0, 2, 0)


def test_a_label_over_two_boxes_is_split():
    totals = lines([(0, 0, 100, 10)], [(0, 0, 45, 10), (55, 0, 100, 10)])

    assert (totals.hit, totals.merged, totals.split) == (0, 0, 1)


@pytest.mark.parametrize(
    ("labels", "found"), [([], [(0, 0, 9, 9)]), ([(0, 0, 9, 9)], []), ([], [])]
)
def test_without_labels_or_found_lines_there_is_no_hit(labels, found):
    totals = lines(labels, found)

    assert (totals.hit, totals.labelled, totals.found) == (0, len(labels), len(found))


def test_character_errors_are_counted_in_order_and_tokens_in_any():
    totals = text("one two", "two one")

    assert totals.cer == 6 / 7
    assert totals.f1 == 1


def test_tokens_are_words_and_single_chinese_characters_in_any_case():
    totals = text("Total 中文 12.50", "TOTAL 中 12 50 x")

    assert (totals.tokens_true, totals.tokens_read, totals.tokens_right) == (5, 5, 4)
    assert totals.f1 == 0.8


def test_an_empty_page_scores_nothing():
    totals = text("abc", "")

    assert (totals.cer, totals.f1) == (1, 0)


def test_width_quotes_dashes_and_spaces_are_folded():
    assert folded(" Ａ“ｂ”\n ‘c’\t—１ ") == "A\"b\" 'c' -1"


def test_a_page_with_more_than_a_tenth_of_chinese_characters_is_chinese():
    assert language("一" + "x" * 8) == "zh"
    assert language("一" + "x" * 9) == "en"


def test_totals_are_added_before_they_are_divided():
    total = text("abcd", "abcd")
    total.seconds.update(read=1.0)
    other = text("ab", "xx")
    other.seconds.update(read=2.0, decode=1.0)

    total.add(other)

    assert (total.pages, total.cer, total.cpu) == (2, 2 / 6, 2.0)


def nearest_part(line, whole):
    """Return the least edit distance of `line` to any part of `whole`, cell by cell."""
    row = [0] * (len(whole) + 1)
    for i, wanted in enumerate(line, 1):
        last, row[0] = row[0], i
        for j, got in enumerate(whole, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (wanted != got))
    return min(row)


def test_a_line_is_compared_with_the_part_of_the_text_nearest_to_it():
    dice = random.Random(1)

    for _ in range(300):
        line, text = ("".join(dice.choices("ab中", k=dice.randrange(12))) for _ in "12")

        assert best_fit(line, text) == nearest_part(line, text)


def test_lines_of_a_picture_are_found_in_any_order():
    totals = picture("one two\nthree", "three\none two")

    assert (totals.found_anywhere, totals.read_in_excess, totals.good) == (1, 0, 1)
    assert totals.in_order < 0.5


def test_what_no_transcription_has_is_in_excess_unless_it_is_partial():
    assert picture("abcd", "abcdxx").read_in_excess == 0.5
    assert picture("abcd", "abcdxx", is_partial=True).read_in_excess == 0


@pytest.mark.parametrize(("found", "good"), [("abcdefghi", 1), ("abcdefgh", 0)])
def test_a_picture_is_good_with_nine_tenths_of_its_characters(found, good):
    assert picture("abcdefghij", found).good == good


def test_a_picture_that_is_not_read_is_lost_and_rubbish_is_no_less_than_nothing():
    assert (picture("ab\nc", "").found_anywhere, picture("ab\nc", "").in_order) == (0, 0)
    assert picture("ab", "xxxxxx").in_order == 0


def test_white_space_width_and_punctuation_of_a_picture_are_folded():
    assert bare(" Ａ 、。‖ “x”\n—") == 'A,.|"x"-'
