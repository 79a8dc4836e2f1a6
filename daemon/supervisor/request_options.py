"""Applies the options of one upload to the policy of its folder.

The web process checks options with it while a request is received, and the daemon again when it
claims the file: the config may have changed between the two.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, cast, get_args

from daemon.core.options import NO_OPTIONS, RequestOptions
from daemon.core.page_selection import PageSelection
from daemon.core.records import OutputKind
from daemon.supervisor.outputs import RENDERED
from daemon.supervisor.policy import Policies, Policy

OUTPUT_KINDS: Final[tuple[OutputKind, ...]] = get_args(OutputKind)


class InvalidOption(ValueError):
    """An option that cannot be applied; the message names it, and what to do."""


def profile_names(policies: Policies) -> list[str]:
    """Return the names of all profiles, that of the top level first."""
    return [policy.recipe.name for policy in policies.values]


def policy_of(
    policies: Policies, name: str, options: RequestOptions, *, can_render: bool
) -> Policy:
    """Return the policy for the file `name` under these options; InvalidOption if there is none.

    `can_render` tells whether workers may write outputs.
    """
    policy = policies.of(name)
    if options == NO_OPTIONS:
        return policy
    if options.profile is not None:
        policy = _profile(policies, options.profile)
    if options.outputs is not None:
        policy = replace(policy, outputs=_outputs(options.outputs, policy, can_render=can_render))
    if options.pages is not None:
        try:
            policy = replace(policy, pages=PageSelection.parse(options.pages))
        except ValueError as error:
            raise InvalidOption(f"pages: {error}") from error
    return replace(policy, requested=options)


def requested_in(answer: Mapping[str, Any]) -> RequestOptions:
    """Return the options of the upload that an answer, a parsed sidecar, is for.

    An answer that is made again needs them: its file is in the archive, and has no record.
    """
    requested = answer["processing"].get("requested", {})
    outputs = requested.get("outputs")
    return RequestOptions(
        profile=requested.get("profile"),
        outputs=None if outputs is None else tuple(outputs),
        pages=requested.get("pages"),
    )


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean ...?)` for a word that is nearly a known one, else nothing."""
    similar = difflib.get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return f" (did you mean {similar[0]}?)" if similar else ""


def _profile(policies: Policies, wanted: str) -> Policy:
    by_name = {policy.recipe.name: policy for policy in policies.values}
    if wanted not in by_name:
        known = ", ".join(by_name)
        similar = suggestion(wanted, by_name)
        raise InvalidOption(
            f"profile: there is no profile {wanted[:60]!r}{similar}; known: {known}"
        )
    return by_name[wanted]


def _outputs(
    wanted: tuple[str, ...], policy: Policy, *, can_render: bool
) -> tuple[OutputKind, ...]:
    """Return the kinds in the policy's order where they are the same: the digest depends on it."""
    for kind in wanted:
        if kind not in OUTPUT_KINDS:
            known = ", ".join(OUTPUT_KINDS)
            similar = suggestion(kind, OUTPUT_KINDS)
            raise InvalidOption(
                f"outputs: there is no output {kind[:60]!r}{similar}; known: {known}"
            )
        if kind in RENDERED and not can_render:
            raise InvalidOption(
                f"outputs: {kind} needs a daemon with web.enabled: true, or with this output in "
                "its config"
            )
    if set(wanted) == set(policy.outputs):
        return policy.outputs
    return cast("tuple[OutputKind, ...]", tuple(kind for kind in OUTPUT_KINDS if kind in wanted))
