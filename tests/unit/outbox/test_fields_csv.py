"""The output `fields_csv`, read back with the csv module."""

from __future__ import annotations

import csv
import io

import pytest

from daemon.core.records import Box, Document, DocumentField, FieldValue
from daemon.outbox import fields_csv

VALUES = ["9.50", 'say "no", twice', "合计，小写", "two\nlines", "=1+1", " spaces "]


def document(*values: str | None) -> Document:
    fields = tuple(
        DocumentField(f"f{k}", "text", value and FieldValue(value, value, Box(0, 0, 1, 1), 1.0), 1)
        for k, value in enumerate(values)
    )
    return Document("done", "image/png", (), {}, 1, fields=fields)


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("name", ["scan.png", "a, b.pdf", '发票 "1".pdf'])
def test_a_line_of_names_and_a_line_of_values_are_read_back(name: str) -> None:
    read = rows(fields_csv.render(document(*VALUES), name))

    assert read == [["file", *(f"f{k}" for k in range(len(VALUES)))], [name, *VALUES]]


def test_a_missing_value_is_empty_and_keeps_its_column() -> None:
    assert rows(fields_csv.render(document("a", None, "c"), "x"))[1] == ["x", "a", "", "c"]
