"""Which Host headers name this server: protection from DNS rebinding.

A page of another site can make a browser send requests to this machine under a name of its own, and
read the answers. The Host header then has that name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container
from urllib.parse import urlsplit


def is_known(header: str, names: Container[str]) -> bool:
    """Tell whether a Host header has one of these names (lower case), or an IP address.

    IP addresses are always accepted: nobody can make one resolve to another machine.
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    if name.rstrip(".") in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
