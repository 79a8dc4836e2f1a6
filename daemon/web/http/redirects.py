"""Safe post-login redirects: never to another host (open-redirect protection)."""

from __future__ import annotations

from urllib.parse import quote, urlencode

HOME = "/"
LOGIN = "/login"
MAX_URL_CHARACTERS = 2000


def login_url(path: str, query: str) -> str:
    """Return the URL of the login page that redirects to `path` and `query` afterwards."""
    target = quote(path, safe="/") + (f"?{query}" if query else "")
    target = local_url(target)
    return LOGIN if target == HOME else f"{LOGIN}?{urlencode({'next': target})}"


def local_url(url: str) -> str:
    """Return `url` unchanged if it is a path of this site, else the path of the list.

    Browsers take `//host` and `/\\host` for another host, and ignore tabs and line ends.
    """
    is_plain = all("!" <= character <= "~" and character != "\\" for character in url)
    is_local = url.startswith("/") and not url.startswith(("//", LOGIN))
    return url if is_plain and is_local and len(url) <= MAX_URL_CHARACTERS else HOME
