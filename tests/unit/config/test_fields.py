"""The key `fields`: its short form, its errors, and how a profile replaces it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from daemon.config.load import load
from daemon.config.sections import Profile
from daemon.config.settings import Config
from daemon.core.errors import InvalidConfig
from daemon.core.options import FieldRule
from daemon.supervisor import wiring
from tests.support.running_daemon import DETECTOR, MODEL

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(**values: object) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(
            yaml.safe_dump({"model": MODEL, "detector": DETECTOR} | values, sort_keys=False)
        )
        return path

    return to_file


@pytest.mark.parametrize(
    ("short", "rule"),
    [
        ('right of "Total"', FieldRule(label=("Total",), place="right")),
        ('below "Invoice no."', FieldRule(label=("Invoice no.",), place="below")),
        ('beside "Bill to" or "合计"', FieldRule(label=("Bill to", "合计"))),
        (
            'last amount right of "Total"',
            FieldRule(label=("Total",), place="right", type="amount", pick="last"),
        ),
        ("first date", FieldRule(type="date", pick="first")),
        ("largest amount", FieldRule(type="amount", pick="largest")),
        ("/[A-Z]{2}[0-9]+/", FieldRule(pattern="[A-Z]{2}[0-9]+")),
        ('date beside "Due" /2026.*/', FieldRule(type="date", label=("Due",), pattern="2026.*")),
    ],
)
def test_a_short_form_stands_for_a_section(short: str, rule: FieldRule) -> None:
    assert Config(fields={"it": short}).fields == {"it": rule}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("field", "key", "remedy"),
    [
        ("right of Total", "fields.it", "is no short form of a field"),
        ("", "fields.it", "is no short form of a field"),
        ({"label": "Total", "typ": "amount"}, "fields.it.typ", "did you mean type?"),
        ({"label": "Total", "type": "money"}, "fields.it.type", "must be 'text', 'amount'"),
        ({"page": 0, "type": "date"}, "fields.it.page", "must be 1 or more"),
        ({}, "fields.it", "say what is wanted"),
        ({"place": "right", "type": "date"}, "fields.it.place", "needs a label"),
        ({"label": "::"}, "fields.it.label", "must have a letter or a digit"),
        ({"label": "Total", "pick": "largest"}, "fields.it.pick", "needs a type that has sizes"),
        ({"pattern": "(a"}, "fields.it.pattern", "missing )"),
        ({"pattern": r"(?<=a)b"}, "fields.it.pattern", "RE2 has no look-around"),
        ({"pattern": r"(a)\1"}, "fields.it.pattern", "no back-references"),
        ({"pattern": "a{1000}{1000}"}, "fields.it.pattern", "is no regular expression of RE2"),
    ],
)
def test_a_field_that_cannot_be_found_is_refused_with_a_remedy(write, field, key, remedy) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load(write(fields={"it": field}))

    (error,) = refused.value.errors
    assert (error.key, remedy in error.remedy) == (key, True), error


def test_a_name_that_is_no_column_is_refused(write) -> None:
    with pytest.raises(InvalidConfig, match="fields"):
        load(write(fields={"Total Due": "largest amount"}))


def test_a_bad_field_of_a_profile_is_named_with_the_profile(write) -> None:
    profile = {"name": "a", "folders": ["a"], "fields": {"it": {"pattern": "(a"}}}

    with pytest.raises(InvalidConfig) as refused:
        load(write(profiles=[profile]))

    assert [error.key for error in refused.value.errors] == ["profiles.0.fields.it.pattern"]


def test_the_fields_of_a_profile_replace_the_general_ones(write) -> None:
    profile = {"name": "a", "folders": ["a"], "fields": {"b": "first date"}}
    plain = {"name": "c", "folders": ["c"]}

    config = load(write(fields={"a": "largest amount"}, profiles=[profile, plain]))

    assert [list(each.fields) for each in config.variants] == [["a"], ["b"], ["a"]]
    assert str(config.profiles[0]).endswith("fields b")


def test_fields_change_the_digest_and_no_fields_change_nothing(write) -> None:
    def profile(fields: dict[str, object]) -> str:
        return wiring.policy(load(write(fields=fields)), "default").profile

    orders = (
        {"a": "first date", "b": "largest amount"},
        {"b": "largest amount", "a": "first date"},
    )
    digests = [profile(each) for each in ({}, {"a": "first date"}, *orders)]

    assert len(set(digests)) == 4
    assert digests[0] == wiring.policy(load(write()), "default").profile


def test_the_json_schema_of_the_config_knows_both_forms() -> None:
    schema = Config.model_json_schema()
    both = {"fields": {"a": "first date", "b": {"label": ["Total"], "type": "amount"}}}

    assert jsonschema_rs.is_valid(schema, both)
    assert not jsonschema_rs.is_valid(schema, {"fields": {"b": {"labels": ["Total"]}}})


def test_a_profile_without_fields_has_none_of_its_own() -> None:
    assert Profile(name="a", folders=("a",)).overrides == {}


# --- names of outputs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("naming", "key", "remedy"),
    [
        ({"name": "{invoce}"}, "naming.name", "did you mean {invoice}?"),
        ({"name": "a/{stem}"}, "naming.name", "use naming.folder"),
        ({"folder": "../{stem}"}, "naming.folder", "must be a relative path"),
        ({"folder": "{invoice:%Y}"}, "naming.folder", "which is no date"),
        ({"names": "{stem}"}, "naming.names", "did you mean name?"),
        ({"name": "{barcode}"}, "naming.name", "needs codes for {barcode}"),
    ],
)
def test_a_template_that_no_document_can_fill_is_refused_at_the_start(
    write, naming, key, remedy
) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load(write(fields={"invoice": "/[0-9]+/"}, naming=naming))

    (error,) = refused.value.errors
    assert (error.key, remedy in error.remedy) == (key, True), error


def test_a_template_may_name_only_the_fields_of_its_profile(write) -> None:
    good = {"name": "a", "folders": ["a"], "fields": {"b": "first date"}, "naming": {"name": "{b}"}}
    bad = {"name": "c", "folders": ["c"], "naming": {"name": "{b}"}}

    with pytest.raises(InvalidConfig) as refused:
        load(write(profiles=[good, bad]))

    assert [error.key for error in refused.value.errors] == ["profiles.1.naming.name"]


def test_a_profile_changes_a_key_of_naming_and_the_digest(write) -> None:
    profile = {"name": "a", "folders": ["a"], "naming": {"folder": "{stem}"}}
    config = load(write(naming={"name": "x {stem}"}, profiles=[profile]))

    naming = config.with_profile(0).naming
    digests = {wiring.policy(each, "default").profile for each in (*config.variants, load(write()))}

    assert (naming.name, naming.folder) == ("x {stem}", "{stem}")
    assert len(digests) == 3
