"""Numbers as documents print them: amounts, dates, telephone and tax numbers, codes, measures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.data.phrases.labels import listed

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Draw = Callable[[Random], str]

_CONFUSABLE = "0O1Il5S8B2Z6G"  # characters that a recogniser confuses
_CAPITALS = "ABCDEFGHJKLMNPQRSTUVWXYZIO"
_MONTHS = listed(
    "January|February|March|April|May|June|July|August|September|October|November|December"
)
_MONEY = ("$", "$ ", "£", "€", "€ ", "¥", "RM", "RM ", "NT$", "HK$", "HK$ ", "US$", "USD ", "EUR ")
_UNITS = listed(
    "mg|ml|kg|g|cm|mm|km|m²|m³|kg/m2|mg/kg|mg/cig|mg/dL|μg/L|°C|°F|℃|km²|ppm|Hz|kHz|kW|V|mA|psi"
)
_DOMAINS = listed(
    "example.com|mail.example.org|acme.co.uk|firma.de|univ.edu|gov.hk|corp.com.tw|web.cn"
)
_LOGINS = listed("info|sales|j.smith|m_hamann|office.hk|anna-l|support2|chen.wei|k_lee80|editor")
_CHEMICALS = listed(
    "2,4-D|NaCl|H2SO4|CaCO3|1,3-butadiene|N-nitrosonornicotine|benzo[a]pyrene|acetaldehyde|CO2"
    "|ethyl acetate|(S)-nicotine|2-methyl-1-propanol|KMnO4|4-(methylnitrosamino)-1-butanone"
    "|NH3|pH 7.4|H₂O|CO₂|H₂SO₄"
)
_CHINESE_DIGITS = "〇一二三四五六七八九"


def integer(rng: Random) -> str:
    """Return a whole number of up to eight digits, often with separators."""
    value = rng.randrange(10 ** rng.choice((1, 2, 2, 3, 3, 4, 5, 6, 8)))
    return f"{value:,}" if rng.random() < 0.6 else str(value)


def amount(rng: Random) -> str:
    """Return a sum of money, its symbol before or after it; negative in brackets or signed."""
    sum_ = f"{_cents(rng):,.2f}" if rng.random() < 0.8 else integer(rng)
    style = rng.random()
    if style < 0.12:
        return f"({sum_})" if rng.random() < 0.5 else f"({rng.choice(_MONEY).strip()}{sum_})"
    if style < 0.2:
        return f"-{sum_}"
    if style < 0.3:
        return sum_.translate(str.maketrans(",.", ".,")) + rng.choice((" €", " EUR", ""))
    return rng.choice(_MONEY) + sum_ if style < 0.85 else sum_


def price(rng: Random) -> str:
    """Return a price without a symbol, as in a column of a receipt."""
    return f"{_cents(rng) % 1000:.2f}"


def date(rng: Random) -> str:
    """Return a date in one of fourteen formats."""
    day, month = rng.randint(1, 28), rng.randint(1, 12)
    year = rng.choice((rng.randint(1950, 2026), rng.randint(1985, 2026)))
    name, short = _MONTHS[month - 1], year % 100
    return rng.choice((
        f"{day:02}/{month:02}/{year}", f"{month:02}/{day:02}/{short:02}",
        f"{day:02}-{month:02}-{short:02}",
        f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}", f"{name} {day}, {year}",
        f"{name[:3]} {day}, {year}", f"{name[:3]}. {day}, {year}", f"{day} {name} {year}",
        f"{day:02}-{name[:3].upper()}-{short:02}", f"{name.upper()} {day}, {year}",
        f"{month}/{day}/{short:02}",
        f"{year}/{month:02}/{day:02}", f"{name} {year}",
    ))  # fmt: skip


def chinese_date(rng: Random) -> str:
    """Return a date of a simplified Chinese document."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1978, 2026)
    if rng.random() < 0.15:
        digits = "".join(_CHINESE_DIGITS[int(digit)] for digit in str(year))
        return f"{digits}年{_chinese(month)}月{_chinese(day)}日"
    spaced = f"{year} 年 {month} 月 {day} 日"
    plain = (f"{year}年{month}月{day}日", f"{year}年{month:02}月{day:02}日", f"{month}月{day}日")
    return rng.choice((*plain, f"{year}年{month}月", spaced, f"{year}-{month:02}-{day:02}"))


def republic_date(rng: Random) -> str:
    """Return a date of a Taiwanese or Hong Kong document, six of ten in Republican years."""
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(70, 115)
    if rng.random() < 0.4:
        return chinese_date(rng)
    return rng.choice((
        f"民國{year}年{month}月{day}日", f"中華民國{year}年{month}月{day}日", f"民國{year}年",
        f"{year}/{month:02}/{day:02}", f"{year}.{month:02}.{day:02}", f"{year}年{month:02}月",
        f"中華民國 {year} 年 {month} 月 {day} 日",
    ))  # fmt: skip


def time(rng: Random) -> str:
    """Return a time of day."""
    hour, minute, second = rng.randrange(24), rng.randrange(60), rng.randrange(60)
    half = rng.choice((" AM", " PM", "am", "pm", " a.m.", " p.m."))
    styles = (f"{hour:02}:{minute:02}", f"{hour:02}:{minute:02}:{second:02}")
    return rng.choice((*styles, f"{hour % 12 or 12}:{minute:02}{half}"))


def code(rng: Random) -> str:
    """Return a serial, part, invoice, tax or account number, often of confusable characters."""
    return filled(rng.choice((
        "########", "??-####", "?##??#", "INV-######", "PO ####-##", "########-??", "%%%%%%",
        "%%-%%%%",
        "%%%%-%%%%-%%%%", "S/N %%%%%%%%", "GB## ???? #### #### ####", "DE## #### #### #### #### ##",
        "ID: ##########", "##-#######", "###-##-####", "?########", "0000########",
        "************####",
        "#### #### #### ####", "A/C ###-######-###", "GST ############", "MODEL %%-%%%",
        "P/N ###-%%%%-##",
        "91######MA########", "?## #??", "#####-####", "Lot %%%%%", "Ref. ??/##/###",
        "ISBN 978-#-##-######-#",
    )), rng)  # fmt: skip


def telephone(rng: Random) -> str:
    """Return a telephone or fax number, sometimes with its label."""
    number = filled(rng.choice((
        "(###) ###-####", "###-###-####", "+1 ### ### ####", "+44 20 #### ####", "0#-########",
        "+852 #### ####",
        "+886-2-####-####", "(0#) ####-####", "1##########", "010-########", "0###-#######",
        "+49 (0)## ######",
        "####-####", "###.###.####", "03-#### ####", "1-800-###-####",
    )), rng)  # fmt: skip
    label = rng.choice(("TEL: ", "Tel. ", "FAX: ", "Fax ", "Phone: ", "Tel/Fax: "))
    return label + number if rng.random() < 0.25 else number


def address(rng: Random) -> str:
    """Return an e-mail address, URL, file path, version or other technical name."""
    login, domain, tail = rng.choice(_LOGINS), rng.choice(_DOMAINS), filled("?##", rng)
    return rng.choice((
        f"{login}@{domain}", f"{login}@{domain}", f"E-mail: {login}@{domain}", f"www.{domain}",
        f"http://www.{domain}/{login}", f"https://{domain}/docs/{tail}.html",
        f"C:\\DATA\\{tail}.DOC",
        f"/usr/local/{login}/{tail}.txt",
        f"v{integer(rng)[:2]}.{rng.randrange(20)}.{rng.randrange(9)}",
        f"doi:10.{rng.randint(1000, 9999)}/{tail}.{rng.randint(1990, 2026)}", f"#{tail}",
        f"@{login}",
    )).replace(",", "")  # fmt: skip


def measure(rng: Random) -> str:
    """Return a quantity with its unit, a percentage, range, fraction or chemical name."""
    first, second = rng.randrange(1000), rng.randrange(100)
    decimal = f"{rng.random() * 10 ** rng.randrange(4):.{rng.randint(1, 3)}f}"
    unit = rng.choice(_UNITS)
    return rng.choice((
        f"{decimal} {unit}", f"{first} {unit}", f"{first}{unit}", f"{decimal}%", f"{second}%",
        f"+{decimal}%", decimal,
        f"{second}-{second + first}", f"{second} - {second + first}", f"{second}–{first} {unit}",
        f"{decimal} ± 0.{second:02}",
        f"{rng.randint(1, 9)}/{rng.randint(2, 16)}", f"{second}½", f"{second} x {first}",
        f"{second} × {first} mm",
        f"p < 0.0{second}", f"n = {first}", f"-{decimal}", f"<{decimal}", f"1:{first}",
        rng.choice(_CHEMICALS),
    ))  # fmt: skip


def reference(rng: Random) -> str:
    """Return the number of a part of a document: section, page, figure, reference, note."""
    one, two, three = rng.randint(1, 12), rng.randint(1, 30), rng.randint(1, 400)
    return rng.choice((
        f"{one}.{two}", f"{one}.{two}.{one}", f"§ {three}", f"Page {two} of {two + one}",
        f"page {three}", f"- {three} -",
        f"p. {three}", f"pp. {three}-{three + two}", f"[{two}]", f"[{two}, {two + one}]",
        f"({one})", f"Table {one}",
        f"Fig. {one}.{two}", f"Vol. {two}, No. {one}", f"{two}({one}), {three}–{three + two}",
        f"No. {three}", f"{three}*",
        f"{three}†", f"{one}/{two}", f"Sheet {one} of {two}", f"Art. {three}",
        f"{two}{rng.choice('abc')}", f"Q{one}.",
    ))  # fmt: skip


def columns(rng: Random) -> str:
    """Return several numbers of a table row, one space apart."""
    draw = rng.choice((integer, amount, price, price, measure))
    return " ".join(draw(rng) for _ in range(rng.randint(2, 5)))


def product(rng: Random) -> str:
    """Return a quantity times a price, with or without the total."""
    quantity, cents = rng.randint(1, 40), rng.randrange(50, 20000)
    sign = rng.choice(("x", " x ", " X ", " @ ", "×", " × "))
    total = f" {quantity * cents / 100:.2f}" if rng.random() < 0.6 else ""
    return f"{quantity}{sign}{cents / 100:.2f}{total}"


_NUMERALS: tuple[tuple[Draw, int], ...] = (
    (amount, 20), (date, 18), (integer, 12), (measure, 14), (telephone, 9), (time, 5), (columns, 9),
    (product, 6),
    (reference, 7),
)  # fmt: skip


def numeral(rng: Random) -> str:
    """Return a number of any kind, sometimes a date with its time."""
    draws, weights = zip(*_NUMERALS, strict=True)
    [draw] = rng.choices(draws, weights)
    return f"{date(rng)} {time(rng)}" if rng.random() < 0.03 else draw(rng)


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


def filled(pattern: str, rng: Random) -> str:
    """Return `pattern` with # replaced by digits, ? by capitals, % by confusable characters."""
    letters = {"#": "0123456789", "?": _CAPITALS, "%": _CONFUSABLE + "0123456789"}
    return "".join(rng.choice(letters[c]) if c in letters else c for c in pattern)


def _cents(rng: Random) -> float:
    return rng.randrange(5, 10 ** rng.choice((3, 4, 4, 5, 6, 8))) / 100


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
