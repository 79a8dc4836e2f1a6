"""The colours that a reader has chosen for the pages: light, dark, or those of the system."""

from __future__ import annotations

from starlette.requests import Request

THEME_COOKIE = "theme"
THEMES = ("system", "light", "dark")


def theme_of(request: Request) -> str:
    """Return the theme that the address of a page or the cookie names."""
    for values in (request.query_params, request.cookies):
        if (chosen := values.get(THEME_COOKIE, "")) in THEMES:
            return chosen
    return THEMES[0]
