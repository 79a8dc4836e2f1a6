r"""What print has and prose lacks: identifiers with underscores, paths, raised and lowered digits.

Without lines of these kinds the network reads `user_name` as two words, `C:\Users` as `C:lUsers`,
H₂O as HIO and © as ⑥.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.data.phrases import numbers
from training.data.phrases.labels import listed
from training.data.phrases.numbers import filled

if TYPE_CHECKING:
    from random import Random

    from training.data.phrases.numbers import Draw

LOWERED, RAISED = "₀₁₂₃₄₅₆₇₈₉", "⁰¹²³⁴⁵⁶⁷⁸⁹"
_ENDINGS = listed("pdf|txt|tar.gz|png|docx|csv|py|log|jpg|zip|xlsx|conf|html|TIF|DOC|BAK")
_FOLDERS = listed("home|user|Users|Public|Documents|var|data|Program Files|Windows|temp|SCANS|etc")
_DOMAINS = listed("example.org|www.example.com|example-mail.co.uk|shop.example.de|univ.edu")
_FORMULAS = listed(
    "H₂O|CO₂|O₂|N₂|H₂SO₄|CaCO₃|NH₃|CH₄|Fe₂O₃|C₆H₁₂O₆|NaHCO₃|SO₂|NO₂|Al₂O₃|H₂O₂|SiO₂|KMnO₄|TiO₂"
    "|C₂H₅OH|Na₂CO₃|PM₁₀|vitamin B₁₂|Ca²⁺|SO₄²⁻|NH₄⁺|Na⁺|x₁|x₂|T₀|log₂ n|CO₂e|O₃|a₁ + a₂|V₂/V₁"
)
_RAISED_UNITS = listed("m²|m³|km²|cm²|cm³|mm²|ft²|m/s²|kg/m³|W/m²|kg/m²|μg/m³|dm³|m²/s|/cm²")
_POWERS = listed(
    "E = mc²|a² + b² = c²|x² + y²|x³|πr²|R² = 0.9#|r² = 0.##|χ² = #.##|2ⁿ|10⁶|10⁻³|10⁻⁶|#.# × 10⁵"
    "|#.## × 10⁻⁴|#.# × 10²³|2³² - 1|s⁻¹|cm⁻¹|# × 10⁹/L|mol⁻¹|(a + b)²|n²|2⁸ = 256"
)
_OWNERS = listed("Ltd.|Inc.|GmbH|Corp.|Press|All rights reserved|Limited|and contributors|S.A.")
_FRACTIONS = "½¼¾"


def identifier(word: Draw, rng: Random) -> str:
    """Return a name of a program, a file, a path, an address or a setting, often with underscores.

    `word` draws an English word.
    """
    parts = [_plain(word(rng)) for _ in range(rng.choice((2, 2, 2, 3, 3, 4)))]
    parts.append(filled(rng.choice(("#", "##", "####", "v#", "20##", "00##", "?#")), rng))
    name = _joined(parts[: rng.randint(2, len(parts))], "_", rng)
    other = _joined(parts[1:], rng.choice("__-."), rng)
    file = f"{rng.choice((name, name, other))}.{rng.choice(_ENDINGS)}"
    folders = [rng.choice((rng.choice(_FOLDERS), name, parts[0])) for _ in range(rng.randint(1, 3))]
    inner = "\\".join(folders)
    drive, domain = rng.choice("CCCDEXZ"), rng.choice(_DOMAINS)
    return rng.choice((
        name, name, name, f"{name} {other}", f"{name} {other} {'_'.join(parts[:2])}",
        file, file, f"{name}({parts[0]}, {other})", f"__{parts[0]}__", f"_{name}", f"{name}_",
        f"{parts[0]} {name} {parts[1]}", f"{name} = {filled('####', rng)}", f"{name}: {parts[0]}",
        f"{name} = {parts[0][:2]}_{filled('?#%%?%%#', rng)}", f"${name.upper()}",
        f"/{'/'.join(folders)}/{file}", f"/{'/'.join(folders)}/", f"./{folders[0]}/{file}",
        rf"{drive}:\{file}", rf"{drive}:\{inner}\{file}",
        rf"{drive}:\{inner}", rf"\\{parts[0]}\{inner}",
        f"{name}@{domain}", f"Mail: {name}@{domain}", f"https://{domain}/{name}",
        f"https://{domain}/{parts[0]}?id={filled('#####', rng)}&lang={parts[1][:2]}",
        f"@{name}", f"#{parts[0]}{parts[-1]}", f"@{name} #{parts[0]}",
    ))  # fmt: skip


def notation(clause: Draw, rng: Random) -> str:
    """Return formulas, powers, raised units, note marks or legal signs, often within a clause.

    `clause` draws a part of an English sentence.
    """
    kind = rng.random()
    if kind < 0.35:
        text = clause(rng)
        return _marked(text, rng) if rng.random() < 0.6 else _inserted(text, _symbol(rng), rng)
    if kind < 0.55:
        return _inserted(clause(rng), _symbol(rng), rng)
    if kind < 0.8:
        one, other = _symbol(rng), _symbol(rng)
        return rng.choice((one, f"{one} {rng.choice(('and', 'or', '+', '→', '/', ','))} {other}"))
    return _legal(rng)


def _symbol(rng: Random) -> str:
    number = rng.choice((numbers.integer, numbers.price))(rng)
    degrees = f"{rng.randint(-40, 400)}{rng.choice(('', ' '))}{rng.choice(('℃', '℃', '°C', '°F'))}"
    return rng.choice((
        rng.choice(_FORMULAS), rng.choice(_FORMULAS), f"{number} {rng.choice(_RAISED_UNITS)}",
        f"{number} {rng.choice(_RAISED_UNITS)}", filled(rng.choice(_POWERS), rng), degrees,
        f"{rng.choice('xynTKVpaI')}{rng.choice(LOWERED)}",
        f"{rng.choice(('', str(rng.randint(1, 9))))}{rng.choice(_FRACTIONS)}",
    ))  # fmt: skip


def _legal(rng: Random) -> str:
    """Return a paragraph of law, a copyright notice or a trade mark."""
    number, year = rng.randint(1, 900), rng.randint(1950, 2030)
    owner, name = rng.choice(_OWNERS), rng.choice(("Brand", "Name", "Acme", "Windows", "Contoso"))
    return rng.choice((
        f"§ {number}", f"§§ {number}, {number + 1}", f"§§ {number}–{number + 4} BGB",
        f"§§ {number}, {number + 1} and Art. {number % 9 + 1} (1) lit. f",
        f"§{number} ({year % 9})", f"¶ {number % 30}",
        f"Section § {number} and paragraph ¶ {number % 9}",
        f"© {year}", f"© {year} {name} {owner}", f"Copyright © {year} {owner}",
        f"©{year} {name}", f"(c) {year} {name}", f"{name}® {owner}", f"{name}™", f"{name}™ {name}®",
        f"{name}® and {name}™ © {year}",
    ))  # fmt: skip


def _marked(text: str, rng: Random) -> str:
    """Return `text` with a raised note mark after one of its words or at its end."""
    mark = rng.choice(RAISED[1:]) + rng.choice(("", "", "", rng.choice(RAISED)))
    words = text.split(" ")
    place = rng.choice((rng.randrange(len(words)), len(words) - 1))
    words[place] += mark
    if rng.random() < 0.15:
        return f"{mark} {text}"  # the note itself
    return " ".join(words)


def _inserted(text: str, symbol: str, rng: Random) -> str:
    words = text.split(" ")
    words.insert(rng.randint(0, len(words)), symbol)
    return " ".join(words)


def _plain(word: str) -> str:
    return "".join(filter(str.isalnum, word)) or "x"


def _joined(parts: list[str], separator: str, rng: Random) -> str:
    case = rng.choice((str.lower, str.lower, str.lower, str.upper, str.capitalize, str))
    return separator.join(map(case, parts))
