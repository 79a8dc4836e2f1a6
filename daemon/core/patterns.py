"""Regular expressions of the config (RE2), whose time is linear in any text that they are tried on.

The library takes 3 MB and is loaded with the first expression.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

MAX_CHARACTERS: Final = 1000
MAX_MEMORY: Final = 8 << 20  # bytes, of a compiled expression


@lru_cache(256)
def compiled(pattern: str) -> Any:  # noqa: ANN401 -- re2 has no types
    """Return a compiled expression; re2.error if it is invalid."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    return re2.compile(pattern, options)


def problem_of(pattern: str) -> str | None:
    """Return what is wrong with an expression, in words that follow its key, or None."""
    import re2

    if len(pattern) > MAX_CHARACTERS:
        return f"must have {MAX_CHARACTERS} characters or less"
    try:
        compiled(pattern)
    except re2.error as error:
        reason = error.args[0]
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        return (
            f"is no regular expression of RE2 ({reason}); put a \\ before characters that are "
            "meant; RE2 has no look-around and no back-references"
        )
    return None
