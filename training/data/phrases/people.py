"""Invented names, companies and addresses, drawn once per process because Faker is slow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from faker import Faker

_POOL = 400  # of each, for each locale
_LATIN = ("de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "cs_CZ", "pt_BR", "sv_SE", "tr_TR", "hu_HU")


@dataclass(frozen=True, slots=True)
class People:
    """Values filled into forms, as one or more countries write them."""

    names: tuple[str, ...]
    companies: tuple[str, ...]
    addresses: tuple[str, ...]
    cities: tuple[str, ...]


@cache
def people(language: str) -> People:
    """Return the pools for a `Language`, drawn from fixed seeds."""
    chosen = {"en": ("en_US", "en_GB"), "zh": ("zh_CN",), "zh-Hant": ("zh_TW",), "latin": _LATIN}
    fakers = [Faker(locale) for locale in chosen[language]]
    for number, faker in enumerate(fakers):
        faker.seed_instance(number)
    turns = [fakers[turn % len(fakers)] for turn in range(_POOL)]
    return People(
        names=tuple(faker.name() for faker in turns),
        companies=tuple(faker.company() for faker in turns),
        addresses=tuple(faker.address().replace("\n", ", ") for faker in turns),
        cities=tuple(faker.city() for faker in turns),
    )
