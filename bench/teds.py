"""TEDS: the similarity of two tables as trees (Zhong, ShafieiBavani and Jimeno Yepes 2020).

A table is the tree table > tr > td. Its score is 1 - distance / nodes of the larger tree, where an
insertion, a deletion, another tag or another span costs 1, and another text in a cell its edit
distance divided by the longer text. TEDS-Struct leaves the texts out.

The tree edit distance is that of Zhang and Shasha (1989). The packages `apted` and `zss` have had
no release since 2018, and the trees of tables are three levels deep, where this one is fast enough:
half a second for 30 rows of 8 cells.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import Levenshtein

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from daemon.core.records import Table


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the tree of a table; only a `td` has spans and a text."""

    tag: str
    children: tuple[Node, ...] = ()
    row_span: int = 1
    column_span: int = 1
    text: str = ""


def teds(truth: Table, found: Table, *, structure_only: bool = False) -> float:
    """Return the similarity 0..1 of two tables; `structure_only` ignores the texts of cells."""
    trees = table_tree(truth), table_tree(found)
    cost = _structure_cost if structure_only else _cost
    nodes = max(sum(1 for _ in _postorder(tree)) for tree in trees)
    return 1 - tree_edit_distance(*trees, cost) / nodes


def table_tree(table: Table) -> Node:
    """Return a table as a tree; a cell belongs to the row and column in which it begins."""
    cells = sorted(table.cells, key=lambda cell: (cell.row, cell.column))
    rows = (
        Node("tr", tuple(
            Node("td", (), cell.row_span, cell.column_span, folded(cell.text))
            for cell in cells if cell.row == row
        ))
        for row in range(table.rows)
    )  # fmt: skip
    return Node("table", tuple(rows))


def folded(text: str) -> str:
    """Return a text as it is compared: NFKC, without white space, which is no matter of tables."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _structure_cost(node: Node, other: Node) -> float:
    spans, other_spans = ((each.tag, each.row_span, each.column_span) for each in (node, other))
    return float(spans != other_spans)


def _cost(node: Node, other: Node) -> float:
    different = _structure_cost(node, other)
    return different or float(Levenshtein.normalized_distance(node.text, other.text))


def tree_edit_distance(a: Node, b: Node, cost: Callable[[Node, Node], float]) -> float:
    """Return the least cost to turn the ordered tree `a` into `b`; `cost` is that of a rename.

    An insertion and a deletion cost 1 each.
    """
    nodes_a, nodes_b = list(_postorder(a)), list(_postorder(b))
    leaves_a, leaves_b = _leftmost_leaves(a), _leftmost_leaves(b)
    distance = np.zeros((len(nodes_a), len(nodes_b)))
    for root_a in _key_roots(leaves_a):
        for root_b in _key_roots(leaves_b):
            _fill(distance, (nodes_a, nodes_b), (leaves_a, leaves_b), (root_a, root_b), cost)
    return float(distance[-1, -1])


def _postorder(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield from _postorder(child)
    yield node


def _leftmost_leaves(root: Node) -> list[int]:
    """Return for each node in postorder the postorder number of its leftmost leaf."""
    leaves: list[int] = []

    def visit(node: Node) -> int:
        first = [visit(child) for child in node.children]
        leaves.append(first[0] if first else len(leaves))
        return leaves[-1]

    visit(root)
    return leaves


def _key_roots(leaves: Sequence[int]) -> list[int]:
    """Return the highest node of each leftmost leaf, in postorder."""
    return sorted({leaf: k for k, leaf in enumerate(leaves)}.values())


def _fill(
    distance: np.ndarray,
    nodes: tuple[Sequence[Node], Sequence[Node]],
    leaves: tuple[Sequence[int], Sequence[int]],
    roots: tuple[int, int],
    cost: Callable[[Node, Node], float],
) -> None:
    """Fill in the distances of the subtrees whose leftmost leaves are those of the `roots`."""
    (nodes_a, nodes_b), (leaves_a, leaves_b), (root_a, root_b) = nodes, leaves, roots
    first_a, first_b = leaves_a[root_a], leaves_b[root_b]
    height, width = root_a - first_a + 2, root_b - first_b + 2
    forest = [[0.0] * width for _ in range(height)]
    forest[0] = [float(k) for k in range(width)]
    for i in range(1, height):
        forest[i][0] = float(i)
        for j in range(1, width):
            k, m = first_a + i - 1, first_b + j - 1
            least = min(forest[i - 1][j], forest[i][j - 1]) + 1
            if leaves_a[k] == first_a and leaves_b[m] == first_b:
                renamed = forest[i - 1][j - 1] + cost(nodes_a[k], nodes_b[m])
                distance[k, m] = forest[i][j] = min(least, renamed)
            else:
                before = forest[leaves_a[k] - first_a][leaves_b[m] - first_b]
                forest[i][j] = min(least, before + float(distance[k, m]))
