"""TEDS: known distances, and the tree edit distance against its recursive definition."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.teds import Node, table_tree, teds, tree_edit_distance
from daemon.core.records import Box, Cell, Table

NOWHERE = Box(0, 0, 1, 1)


def table(*rows):
    """A table of texts, or of texts with row and column spans."""
    cells = []
    for number, row in enumerate(rows):
        for column, content in enumerate(row):
            text, *spans = content if isinstance(content, tuple) else (content,)
            cells.append(Cell(number, column, *(spans or (1, 1)), NOWHERE, (), text))
    return Table(len(rows), max(map(len, rows)), tuple(cells))


TRUTH = table(["a", "b"], ["c", "d"])  # 1 table, 2 rows, 4 cells


def test_a_table_is_equal_to_itself():
    assert teds(TRUTH, TRUTH) == 1


def test_a_missing_cell_costs_one_node():
    assert teds(TRUTH, table(["a", "b"], ["c"])) == pytest.approx(1 - 1 / 7)


def test_a_row_too_many_costs_its_nodes():
    assert teds(TRUTH, table(["a", "b"], ["c", "d"], ["", ""])) == pytest.approx(1 - 3 / 10)


def test_another_span_costs_a_node_whatever_the_text():
    other = table([("a", 1, 2), "b"], ["c", "d"])

    assert teds(TRUTH, other) == teds(TRUTH, other, structure_only=True) == pytest.approx(6 / 7)


def test_another_text_costs_its_share_of_wrong_characters_and_no_structure():
    truth, found = table(["abcd", "b"]), table(["abcx", "b"])

    assert teds(truth, found) == pytest.approx(1 - 0.25 / 4)
    assert teds(truth, found, structure_only=True) == 1


def test_texts_in_the_wrong_cells_are_a_loss():
    assert teds(TRUTH, table(["b", "a"], ["d", "c"])) < 0.8


def test_white_space_and_full_width_forms_are_equal():
    assert teds(table(["NO. 5", "b"]), table(["ＮＯ.5", "b"])) == 1


TREES = st.recursive(
    st.builds(Node, st.sampled_from("abc")),
    lambda inner: st.builds(Node, st.sampled_from("abc"), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=5,
)


def by_definition(a, b):
    """The distance of ordered forests, taking the last tree of each apart."""

    @cache
    def distance(forest, other):
        if not forest and not other:
            return 0
        options = []
        if forest:
            options.append(distance(forest[:-1] + forest[-1].children, other) + 1)
        if other:
            options.append(distance(forest, other[:-1] + other[-1].children) + 1)
        if forest and other:
            options.append(
                distance(forest[:-1], other[:-1])
                + distance(forest[-1].children, other[-1].children)
                + (forest[-1].tag != other[-1].tag)
            )
        return min(options)

    return distance((a,), (b,))


@settings(deadline=None)
@given(TREES, TREES)
def test_the_tree_edit_distance_is_that_of_its_definition(a, b):
    found = tree_edit_distance(a, b, lambda node, other: float(node.tag != other.tag))

    assert found == by_definition(a, b)


def test_a_cell_belongs_to_the_row_in_which_it_begins():
    tree = table_tree(table([("a", 2, 1), "b"], ["c"]))

    assert [[cell.text for cell in row.children] for row in tree.children] == [["a", "b"], ["c"]]
