"""The options of an upload, applied to the policy of its folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.folder_rules import FolderRules
from daemon.core.options import Recipe, RequestOptions, Weights
from daemon.core.records import Claim, Document, Stamp
from daemon.outbox.sidecar import Sidecar
from daemon.supervisor.policy import Policy
from daemon.supervisor.request_options import InvalidOption, policy_of, requested_in

RECIPE = Recipe(weights=Weights(file=Path("model.onnx")))
GENERAL = Policy(
    recipe=RECIPE, model="model", model_sha256="0", lexicon_sha256=None, detector_sha256=None,
    attempts=3, pages_per_task=4, refers_to_duplicates=True, outputs=("searchable_pdf", "text"),
)  # fmt: skip
NOTES = replace(GENERAL, recipe=replace(RECIPE, name="notes"), outputs=())
POLICIES = FolderRules(GENERAL, [(["notes"], NOTES)])


def applied(*, can_render: bool = True, **options: object) -> Policy:
    asked = RequestOptions(**options)  # type: ignore[arg-type]
    return policy_of(POLICIES, "web/scan.pdf", asked, can_render=can_render)


def test_without_options_the_folder_decides() -> None:
    assert applied() is GENERAL
    assert policy_of(POLICIES, "notes/a", RequestOptions(), can_render=False) is NOTES


def test_each_option_changes_what_identifies_an_answer() -> None:
    profiles = [
        applied().profile, applied(profile="notes").profile, applied(outputs=("text",)).profile,
        applied(outputs=()).profile, applied(pages="1").profile, applied(pages="1-2").profile,
    ]  # fmt: skip

    assert len(set(profiles)) == len(profiles)


def test_options_that_ask_for_the_same_do_not() -> None:
    assert applied(profile="default").profile == GENERAL.profile
    assert applied(outputs=("text", "searchable_pdf")).profile == GENERAL.profile
    assert applied(pages="1-2,3").profile == applied(pages="3,2,1").profile


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile": "Notes"}, "did you mean notes"),
        ({"profile": ""}, "known: default, notes"),
        ({"outputs": ("txt",)}, "did you mean text"),
        ({"outputs": ("",)}, "known: text, hocr"),
        ({"pages": "0"}, "pages: write page numbers"),
    ],
)
def test_an_impossible_option_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        applied(**options)


def test_what_no_worker_can_write_is_refused() -> None:
    assert applied(outputs=("text",), can_render=False).outputs == ("text",)
    with pytest.raises(InvalidOption, match=r"web\.enabled"):
        applied(outputs=("picture",), can_render=False)


def test_an_answer_tells_what_was_requested() -> None:
    asked = RequestOptions(outputs=(), pages="2-")
    policy = policy_of(POLICIES, "web/scan.pdf", asked, can_render=True)
    document = Document("done", None, (), {}, 1)
    claim = Claim("ab" * 16, "web/scan.pdf", Path("/work"), Stamp(1, 1, 1), "0" * 64)

    sidecar = Sidecar(claim, document, policy.provenance(document, "2026-12-01T00:00:00.000Z", 1.0))

    assert requested_in(sidecar.summary()) == asked
    plain = Sidecar(claim, document, GENERAL.provenance(document, "2026-12-01T00:00:00.000Z", 1.0))
    assert "requested" not in plain.summary()["processing"]
    assert requested_in(plain.summary()) == RequestOptions()


def test_a_policy_that_turns_pages_straight_is_another_profile() -> None:
    turning = replace(GENERAL, recipe=replace(GENERAL.recipe, deskew_pdf=True))

    assert turning.profile != GENERAL.profile
