"""Which folders a pattern is for."""

import pytest

from daemon.core.folder_rules import MOST_REMEMBERED, ByFolder, parsed

# a pattern, files that it is for, files that it is not for
PATTERNS = [
    ("invoices", ["invoices/a.pdf", "invoices/2026/11/a.pdf"], ["a.pdf", "x/invoices/a.pdf"]),
    ("invoices/", ["invoices/a.pdf", "invoices/2026/a.pdf"], ["invoices.pdf", "invoices2/a.pdf"]),
    ("invoices/**", ["invoices/a.pdf", "invoices/2026/a.pdf"], ["a.pdf"]),
    ("./invoices", ["invoices/a.pdf"], ["a.pdf"]),
    ("invoices/2026", ["invoices/2026/a.pdf"], ["invoices/a.pdf", "invoices/2025/a.pdf"]),
    ("*/invoices", ["bob/invoices/x/a.pdf"], ["invoices/a.pdf", "a/b/invoices/c.pdf"]),
    ("**/invoices", ["invoices/a.pdf", "a/b/invoices/c/d.pdf"], ["a/b/invoice/c.pdf"]),
    ("a/**/z", ["a/z/1.pdf", "a/b/c/z/1.pdf"], ["a/1.pdf", "b/a/z/1.pdf"]),
    ("a/**/**/z/*", ["a/z/q/1.pdf"], ["a/z/1.pdf"]),
    (".", ["a.pdf"], ["x/a.pdf"]),
    ("", ["a.pdf"], ["x/a.pdf"]),
    ("**", ["a.pdf", "x/a.pdf", "x/y/a.pdf"], []),
    ("*", ["x/a.pdf", "x/y/a.pdf"], ["a.pdf"]),
    ("scan?", ["scan1/a.pdf"], ["scan/a.pdf", "scan12/a.pdf", "Scan1/a.pdf"]),
    ("[Ii]n", ["in/a.pdf", "In/a.pdf"], ["an/a.pdf"]),
    ("发票", ["发票/扫描.pdf"], ["票/扫描.pdf"]),
    ("*", ["line\nbreak/a.pdf", "\udcff/a.pdf"], []),
    ("a*c", ["abc/x.pdf"], ["a/c/x.pdf"]),
]


@pytest.mark.parametrize(("pattern", "inside", "outside"), PATTERNS)
def test_a_pattern_is_for_its_folders_and_what_lies_below(
    pattern: str, inside: list[str], outside: list[str]
) -> None:
    rule = ByFolder(False, [([pattern], True)])

    assert [name for name in [*inside, *outside] if rule.of(name)] == inside


def test_the_first_pattern_that_matches_wins() -> None:
    rule = ByFolder("other", [(["a/b", "c"], "first"), (["a", "**/c"], "second")])

    named = [rule.of(name) for name in ("a/b/1.pdf", "c/1.pdf", "a/1.pdf", "x/c/1.pdf", "1.pdf")]
    assert named == ["first", "first", "second", "second", "other"]


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("/invoices", "write invoices"),
        ("/", "write [.]"),
        ("a/../b", "out of"),
        ("a**b", "write [*]"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(pattern: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        parsed(pattern)


def test_no_depth_of_folders_makes_matching_explode() -> None:
    """A chain of `**` tried one after another would never end."""
    rule = ByFolder(False, [(["**/a/**/a/**/a/**/a/**/a/**/b"], True)])

    assert not rule.of("/".join(["a"] * 2000) + "/x.pdf")


def test_folders_without_end_are_not_all_remembered() -> None:
    rule = ByFolder(0, [(["x"], 1)])
    for number in range(2 * MOST_REMEMBERED):
        rule.of(f"{number}/a.pdf")

    assert len(rule._known) <= MOST_REMEMBERED
