"""Numerals as paper prints them: amounts, dates, telephone and tax numbers, codes, measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.data.phrases.labels import listed

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Draw = Callable[[Random], str]

_CONFUSED = "0O1Il5S8B2Z6G"  # what a recogniser swaps
_CAPITALS = "ABCDEFGHJKLMNPQRSTUVWXYZIO"
_MONTHS = listed(
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
_MONEY = ("$", "$ ", "£", "€", "€ ", "¥", "RM", "RM ", "NT$", "HK$", "HK$ ", "US$", "USD ", "EUR ")
_UNITS = listed(
    "mg|ml|kg|g|cm|mm|km|m²|m³|kg/m2|mg/kg|mg/cig|mg/dL|μg/L|°C|°F|ppm|Hz|kHz|kW|V|mA|psi"
)
_DOMAINS = listed(
    "example.com|mail.example.org|acme.co.uk|firma.de|univ.edu|gov.hk|corp.com.tw|web.cn"
)
_LOGINS = listed("info|sales|j.smith|m_hamann|office.hk|anna-l|support2|chen.wei|k_lee80|editor")
_CHEMICALS = listed(
    "2,4-D|NaCl|H2SO4|CaCO3|1,3-butadiene|N-nitrosonornicotine|benzo[a]pyrene|acetaldehyde|CO2"
    "|ethyl acetate|(S)-nicotine|2-methyl-1-propanol|KMnO4|4-(methylnitrosamino)-1-butanone"
    "|NH3|pH 7.4"
)
_CHINESE_DIGITS = "〇一二三四五六七八九"


def integer(chance: Random) -> str:
    """Return a whole number of any length, large ones with separators as often as without."""
    value = chance.randrange(10 ** chance.choice((1, 2, 2, 3, 3, 4, 5, 6, 8)))
    return f"{value:,}" if chance.random() < 0.6 else str(value)


def amount(chance: Random) -> str:
    """Return a sum of money: symbol before or after, negative in brackets or with a sign."""
    sum_ = f"{_cents(chance):,.2f}" if chance.random() < 0.8 else integer(chance)
    style = chance.random()
    if style < 0.12:
        return f"({sum_})" if chance.random() < 0.5 else f"({chance.choice(_MONEY).strip()}{sum_})"
    if style < 0.2:
        return f"-{sum_}"
    if style < 0.3:
        return sum_.translate(str.maketrans(",.", ".,")) + chance.choice((" €", " EUR", ""))
    return chance.choice(_MONEY) + sum_ if style < 0.85 else sum_


def price(chance: Random) -> str:
    """Return a bare price as a receipt's column has it."""
    return f"{_cents(chance) % 1000:.2f}"


def date(chance: Random) -> str:
    """Return a date in one of fourteen customs of writing it."""
    day, month = chance.randint(1, 28), chance.randint(1, 12)
    year = chance.choice((chance.randint(1950, 2026), chance.randint(1985, 2026)))
    name, short = _MONTHS[month - 1], year % 100
    return chance.choice((
        f"{day:02}/{month:02}/{year}", f"{month:02}/{day:02}/{short:02}",
        f"{day:02}-{month:02}-{short:02}",
        f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}", f"{name} {day}, {year}",
        f"{name[:3]} {day}, {year}", f"{name[:3]}. {day}, {year}", f"{day} {name} {year}",
        f"{day:02}-{name[:3].upper()}-{short:02}", f"{name.upper()} {day}, {year}",
        f"{month}/{day}/{short:02}",
        f"{year}/{month:02}/{day:02}", f"{name} {year}",
    ))  # fmt: skip


def chinese_date(chance: Random) -> str:
    """Return a date of a simplified Chinese document."""
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1978, 2026)
    if chance.random() < 0.15:
        digits = "".join(_CHINESE_DIGITS[int(digit)] for digit in str(year))
        return f"{digits}年{_chinese(month)}月{_chinese(day)}日"
    spaced = f"{year} 年 {month} 月 {day} 日"
    plain = (f"{year}年{month}月{day}日", f"{year}年{month:02}月{day:02}日", f"{month}月{day}日")
    return chance.choice((*plain, f"{year}年{month}月", spaced, f"{year}-{month:02}-{day:02}"))


def republic_date(chance: Random) -> str:
    """Return a date of a Taiwanese or Hong Kong document, half of them in the Republic's years."""
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(70, 115)
    if chance.random() < 0.4:
        return chinese_date(chance)
    return chance.choice((
        f"民國{year}年{month}月{day}日", f"中華民國{year}年{month}月{day}日", f"民國{year}年",
        f"{year}/{month:02}/{day:02}", f"{year}.{month:02}.{day:02}", f"{year}年{month:02}月",
        f"中華民國 {year} 年 {month} 月 {day} 日",
    ))  # fmt: skip


def time(chance: Random) -> str:
    """Return a time of day."""
    hour, minute, second = chance.randrange(24), chance.randrange(60), chance.randrange(60)
    half = chance.choice((" AM", " PM", "am", "pm", " a.m.", " p.m."))
    styles = (f"{hour:02}:{minute:02}", f"{hour:02}:{minute:02}:{second:02}")
    return chance.choice((*styles, f"{hour % 12 or 12}:{minute:02}{half}"))


def code(chance: Random) -> str:
    """Return a serial, part, invoice, tax or account number, often of confusable characters."""
    return shaped(chance.choice((
        "########", "??-####", "?##??#", "INV-######", "PO ####-##", "########-??", "%%%%%%",
        "%%-%%%%",
        "%%%%-%%%%-%%%%", "S/N %%%%%%%%", "GB## ???? #### #### ####", "DE## #### #### #### #### ##",
        "ID: ##########", "##-#######", "###-##-####", "?########", "0000########",
        "************####",
        "#### #### #### ####", "A/C ###-######-###", "GST ############", "MODEL %%-%%%",
        "P/N ###-%%%%-##",
        "91######MA########", "?## #??", "#####-####", "Lot %%%%%", "Ref. ??/##/###",
        "ISBN 978-#-##-######-#",
    )), chance)  # fmt: skip


def telephone(chance: Random) -> str:
    """Return a telephone or fax number, sometimes with its label."""
    number = shaped(chance.choice((
        "(###) ###-####", "###-###-####", "+1 ### ### ####", "+44 20 #### ####", "0#-########",
        "+852 #### ####",
        "+886-2-####-####", "(0#) ####-####", "1##########", "010-########", "0###-#######",
        "+49 (0)## ######",
        "####-####", "###.###.####", "03-#### ####", "1-800-###-####",
    )), chance)  # fmt: skip
    label = chance.choice(("TEL: ", "Tel. ", "FAX: ", "Fax ", "Phone: ", "Tel/Fax: "))
    return label + number if chance.random() < 0.25 else number


def address(chance: Random) -> str:
    """Return what machines are called by: e-mail, URL, file path, version."""
    login, domain, tail = chance.choice(_LOGINS), chance.choice(_DOMAINS), shaped("?##", chance)
    return chance.choice((
        f"{login}@{domain}", f"{login}@{domain}", f"E-mail: {login}@{domain}", f"www.{domain}",
        f"http://www.{domain}/{login}", f"https://{domain}/docs/{tail}.html",
        f"C:\\DATA\\{tail}.DOC",
        f"/usr/local/{login}/{tail}.txt",
        f"v{integer(chance)[:2]}.{chance.randrange(20)}.{chance.randrange(9)}",
        f"doi:10.{chance.randint(1000, 9999)}/{tail}.{chance.randint(1990, 2026)}", f"#{tail}",
        f"@{login}",
    )).replace(",", "")  # fmt: skip


def measure(chance: Random) -> str:
    """Return a quantity with its unit, a percentage, a range, a fraction or a chemical's name."""
    first, second = chance.randrange(1000), chance.randrange(100)
    decimal = f"{chance.random() * 10 ** chance.randrange(4):.{chance.randint(1, 3)}f}"
    unit = chance.choice(_UNITS)
    return chance.choice((
        f"{decimal} {unit}", f"{first} {unit}", f"{first}{unit}", f"{decimal}%", f"{second}%",
        f"+{decimal}%", decimal,
        f"{second}-{second + first}", f"{second} - {second + first}", f"{second}–{first} {unit}",
        f"{decimal} ± 0.{second:02}",
        f"{chance.randint(1, 9)}/{chance.randint(2, 16)}", f"{second}½", f"{second} x {first}",
        f"{second} × {first} mm",
        f"p < 0.0{second}", f"n = {first}", f"-{decimal}", f"<{decimal}", f"1:{first}",
        chance.choice(_CHEMICALS),
    ))  # fmt: skip


def reference(chance: Random) -> str:
    """Return what numbers a document's own parts: sections, pages, figures, references, marks."""
    one, two, three = chance.randint(1, 12), chance.randint(1, 30), chance.randint(1, 400)
    return chance.choice((
        f"{one}.{two}", f"{one}.{two}.{one}", f"§ {three}", f"Page {two} of {two + one}",
        f"page {three}", f"- {three} -",
        f"p. {three}", f"pp. {three}-{three + two}", f"[{two}]", f"[{two}, {two + one}]",
        f"({one})", f"Table {one}",
        f"Fig. {one}.{two}", f"Vol. {two}, No. {one}", f"{two}({one}), {three}–{three + two}",
        f"No. {three}", f"{three}*",
        f"{three}†", f"{one}/{two}", f"Sheet {one} of {two}", f"Art. {three}",
        f"{two}{chance.choice('abc')}", f"Q{one}.",
    ))  # fmt: skip


def columns(chance: Random) -> str:
    """Return several numbers of a table's row, one space apart."""
    draw = chance.choice((integer, amount, price, price, measure))
    return " ".join(draw(chance) for _ in range(chance.randint(2, 5)))


def product(chance: Random) -> str:
    """Return a quantity times a price, with or without what it comes to."""
    quantity, cents = chance.randint(1, 40), chance.randrange(50, 20000)
    sign = chance.choice(("x", " x ", " X ", " @ ", "×", " × "))
    total = f" {quantity * cents / 100:.2f}" if chance.random() < 0.6 else ""
    return f"{quantity}{sign}{cents / 100:.2f}{total}"


_NUMERALS: tuple[tuple[Draw, int], ...] = (
    (amount, 20), (date, 18), (integer, 12), (measure, 14), (telephone, 9), (time, 5), (columns, 9),
    (product, 6),
    (reference, 7),
)  # fmt: skip


def numeral(chance: Random) -> str:
    """Return a numeral of any sort, at times a date with its time."""
    draws, weights = zip(*_NUMERALS, strict=True)
    [draw] = chance.choices(draws, weights)
    return f"{date(chance)} {time(chance)}" if chance.random() < 0.03 else draw(chance)


def chinese_amount(yuan: int, digits: str, units: str, myriad: str) -> str:
    """Return a whole sum below 10^8 in Chinese capitals: 1002 is 壹仟零贰."""
    high, low = divmod(yuan, 10_000)
    if not high:
        return _thousands(low, digits, units)
    gap = digits[0] if 0 < low < 1000 else ""
    return (
        _thousands(high, digits, units)
        + myriad
        + gap
        + (_thousands(low, digits, units) if low else "")
    )


def shaped(shape: str, chance: Random) -> str:
    """Return `shape` with # as digits, ? as capitals, % as characters that look alike."""
    letters = {"#": "0123456789", "?": _CAPITALS, "%": _CONFUSED + "0123456789"}
    return "".join(chance.choice(letters[c]) if c in letters else c for c in shape)


def _cents(chance: Random) -> float:
    return chance.randrange(5, 10 ** chance.choice((3, 4, 4, 5, 6, 8))) / 100


def _chinese(number: int) -> str:
    tens, ones = divmod(number, 10)
    head = ("" if tens < 2 else _CHINESE_DIGITS[tens]) + ("十" if tens else "")
    return head + (_CHINESE_DIGITS[ones] if ones or not tens else "")


def _thousands(number: int, digits: str, units: str) -> str:
    text = ""
    for power in (3, 2, 1, 0):
        digit = number // 10**power % 10
        if digit:
            text += digits[digit] + (units[power - 1] if power else "")
        elif text and not text.endswith(digits[0]) and number % 10**power:
            text += digits[0]
    return text or digits[0]
