"""Where a person goes after the login: to what was asked for, and never to another host."""

from __future__ import annotations

from urllib.parse import quote, urlencode

HOME = "/"
LOGIN = "/login"
MOST_CHARACTERS = 2000


def login_for(path: str, query: str) -> str:
    """Return the address of a login that leads on to a path of ours."""
    wanted = quote(path, safe="/") + (f"?{query}" if query else "")
    wanted = local(wanted)
    return LOGIN if wanted == HOME else f"{LOGIN}?{urlencode({'next': wanted})}"


def local(said: str) -> str:
    """Return an address of this site as it was said, or the list in place of any other.

    Browsers take `//host` and `/\\host` for another host, and pass over tabs and line ends.
    """
    is_plain = all("!" <= character <= "~" and character != "\\" for character in said)
    is_ours = said.startswith("/") and not said.startswith(("//", LOGIN))
    return said if is_plain and is_ours and len(said) <= MOST_CHARACTERS else HOME
