"""Lines of forms, receipts, tables and notices, in English and in both Chinese scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.data.phrases import labels, numbers
from training.data.phrases.labels import listed
from training.data.phrases.people import people
from training.data.phrases.prose import title

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from training.data.phrases.numbers import Draw

_BOXES, _CHINESE_BOXES = "☐☐☐☑☒", "□□□□☑☒■"
_CELLS = listed(
    "Yes|No|N/A|n/a|-|--|—|Total|Mean|S.D.|Min|Max|"
    "ND|OK|Pass|Fail|Low|High|x|X|*|mg|%|pcs|kg|Nil|TBD|Qty|nil"
)
_PARTS = listed("Dept.|Department|Institute|School|Faculty|Laboratory|Division|Center")
_FIELDS = listed(
    "Chemistry|Physics|Medicine|Computer Science|Public Health|Toxicology|Engineering|Law|Economics"
)


@dataclass(frozen=True, slots=True)
class Script:
    """The differences between forms in simplified and in traditional Chinese."""

    language: str
    labels: tuple[str, ...]
    goods: tuple[str, ...]
    date: Callable[[Random], str]
    digits: str
    units: str
    myriad: str
    whole: str  # suffix of a sum without cents
    money: tuple[str, ...]
    identity: tuple[str, ...]  # patterns of identity, tax and telephone numbers
    choices: tuple[str, ...]
    cells: tuple[str, ...]


SIMPLIFIED = Script(
    "zh", labels.SIMPLIFIED, labels.GOODS_ZH, numbers.chinese_date, "零壹贰叁肆伍陆柒捌玖",
    "拾佰仟", "万",
    "元整", ("¥", "¥", "人民币", "RMB ", ""),
    ("######19######0##X", "######19#########3", "1##########", "010-########", "0###-#######",
    "91######MA########",
     "粤B·?####", "京A#??##", "№ ########", "No.########"),
    listed("是|否|男|女|有|无|同意|不同意|已婚|未婚|合格|不合格|现金|转账|其他|初次|复诊|阳性|阴性"),
    listed("是|否|无|有|男|女|合格|正常|阴性|—|/|元|个|件|台|套|千克|合计|小计|同上|平方米|%"),
)  # fmt: skip
TRADITIONAL = Script(
    "zh-Hant", labels.TRADITIONAL, labels.GOODS_HANT, numbers.republic_date, "零壹貳參肆伍陸柒捌玖",
    "拾佰仟", "萬",
    "元整", ("NT$", "HK$", "$", "新臺幣", "港幣", ""),
    ("?#########", "?######(#)", "########", "09##-######", "(02)####-####", "(852) #### ####",
    "??-########", "???-####",
     "#### ####", "府授字第##########號"),
    listed("是|否|男|女|有|無|同意|不同意|已婚|未婚|合格|不合格|現金|轉帳|其他|初診|複診|內用|外帶|自取"),
    listed("是|否|無|有|男|女|合格|正常|陰性|—|/|元|個|件|檯|臺|套|公斤|合計|小計|同上|坪|%"),
)  # fmt: skip


def label(rng: Random) -> str:
    """Return a label of an English form: bare, or with a colon, dotted leader, boxes or value."""
    name = rng.choice(labels.ENGLISH)
    name = rng.choice((name, name, name.upper(), title(name)))
    style = rng.random()
    if style < 0.08:
        return rng.choice(labels.TITLES_EN)
    if style < 0.2:
        return name
    if style < 0.4:
        return name + rng.choice((":", ":", ":", " :", "?", "*:"))
    if style < 0.48:
        leader = "." * rng.randint(4, 24)
        return f"{name} {leader} {rng.choice((value, numbers.integer))(rng)}"
    if style < 0.66:
        return _boxes(name, rng)
    if style < 0.74:
        names = rng.sample(labels.ENGLISH, rng.randint(2, 4))
        return (
            " ".join(name.upper() for name in names)
            if rng.random() < 0.4
            else ": ".join(names) + ":"
        )
    return f"{name}{rng.choice((': ', ': ', ' : ', ' '))}{value(rng)}"


def value(rng: Random) -> str:
    """Return a value filled into an English form."""
    pool = people("en")
    draws = (
        numbers.date,
        numbers.amount,
        numbers.code,
        numbers.telephone,
        numbers.integer,
        numbers.address,
    )
    if rng.random() < 0.55:
        return rng.choice(draws)(rng)
    text = rng.choice(
        rng.choice((pool.names, pool.names, pool.companies, pool.cities, pool.addresses))
    )
    return text.upper() if rng.random() < 0.35 else text


def receipt(rng: Random) -> str:
    """Return a line of a receipt, mostly in capitals: goods, quantities and prices."""
    goods, cost = rng.choice(labels.GOODS_EN), numbers.price(rng)
    total = rng.choice(("TOTAL", "SUBTOTAL", "CASH", "CHANGE", "TOTAL SALES (INCLUSIVE OF GST)",
    "ROUNDING ADJ", "GST 6%",
                           "TAX", "VISA", "DISCOUNT", "AMT DUE", "NET TOTAL", "TOTAL QTY",
                           "SERVICE CHG 10%"))  # fmt: skip
    if rng.random() < 0.15:
        goods, total = goods.title(), total.title()
    count, tax = rng.randint(1, 12), rng.choice(("S", "SR", "Z", "ZR", "T", "*", "E", "A"))
    return rng.choice((
        f"{goods} {cost}", f"{count} {goods} {cost}", f"{goods} {numbers.product(rng)}",
        f"{goods} {cost} {tax}",
        f"{numbers.filled('#############', rng)} {cost}", numbers.product(rng),
        f"{total} {cost}", f"{total}: RM {cost}",
        f"{total} : {cost}", f"{total} {numbers.amount(rng)}",
        f"{goods} {rng.choice(('500ML', '1KG', '250G', 'L', '12S'))}",
        f"{numbers.date(rng)} {numbers.time(rng)} #{count:04}", f"{count} X {goods}",
        f"{tax} @6% {cost} {numbers.price(rng)}",
        f"*** {rng.choice(labels.TITLES_EN)} ***",
        f"{goods} @ {cost}/{rng.choice(('KG', 'EA', 'LB', 'PC'))}", f"{goods} -{cost}",
    ))  # fmt: skip


def byline(rng: Random) -> str:
    """Return authors with initials, an affiliation, an address or the running head of a journal."""
    pool = people("en")
    names = [rng.choice(pool.names).split() for _ in range(rng.randint(1, 4))]
    initials = [f"{rng.choice('ABCDEFGHJKLMPRSTW')}. {name[-1]}" for name in names]
    authors, first = ", ".join(initials), names[0][-1]
    journal = title(f"{rng.choice(('Journal of', 'Annals of', 'J.'))} {rng.choice(_FIELDS)}")
    place = f"{rng.choice(_PARTS)} of {rng.choice(_FIELDS)}"
    year, page = rng.randint(1950, 2026), rng.randint(1, 900)
    return rng.choice((
        authors, authors, f"{first} et al. ({year})", f"{authors} / {journal} {page} ({year})",
        f"{place}, {rng.choice(pool.cities)}",
        f"{page} {first.upper()}", f"{journal}, {year}, {page}, {page + 7}–{page + 12}",
        rng.choice(pool.addresses),
        f"{rng.choice(pool.companies)}, {rng.choice(pool.cities)}",
        f"{place}, University of {rng.choice(pool.cities)}",
    ))  # fmt: skip


def cell(word: Draw, rng: Random) -> str:
    """Return a cell of an English table."""
    style = rng.random()
    if style < 0.4:
        return rng.choice(_CELLS)
    if style < 0.75:
        return rng.choice((numbers.integer, numbers.price, numbers.measure, numbers.date))(rng)
    return " ".join(word(rng) for _ in range(rng.randint(1, 2))).capitalize()


def chinese_label(script: Script, rng: Random) -> str:
    """Return a label of a Chinese form: bare, or with a colon, leader, boxes or value."""
    name = rng.choice(script.labels)
    style = rng.random()
    if style < 0.15:
        return name
    if style < 0.35:
        return name + rng.choice("：：：:")
    if style < 0.42:
        return "".join(f"{other}：" for other in rng.sample(script.labels, 2))
    if style < 0.56:
        boxes, gap = rng.choices(_CHINESE_BOXES, k=3), rng.choice(("", " "))
        chosen = rng.sample(script.choices, rng.randint(2, 3))
        before = rng.random() < 0.7
        items = gap.join(b + c if before else c + b for b, c in zip(boxes, chosen, strict=False))
        return rng.choice((f"{name}：{items}", items))
    if style < 0.6:
        return f"{name}{'…' * rng.randint(2, 8)}{rng.randint(1, 300)}"
    if style < 0.64:
        return " ".join(name) if len(name) < 5 else f"【{name}】"
    return f"{name}{rng.choice(('：', '：', '：', ':', ' '))}{chinese_value(script, rng)}"


def chinese_value(script: Script, rng: Random) -> str:
    """Return a value filled into a Chinese form."""
    pool = people(script.language)
    style = rng.random()
    if style < 0.22:
        return rng.choice(pool.names)
    if style < 0.4:
        return rng.choice(pool.addresses).upper()
    if style < 0.52:
        return rng.choice(pool.companies)
    if style < 0.66:
        return numbers.filled(rng.choice(script.identity), rng)
    return script.date(rng) if style < 0.82 else _chinese_sum(script, rng)


def chinese_receipt(script: Script, rng: Random) -> str:
    """Return a line of a Chinese receipt or invoice."""
    goods, cost, count = rng.choice(script.goods), numbers.price(rng), rng.randint(1, 20)
    name = rng.choice(script.labels)
    return rng.choice((
        f"{goods} {cost}", f"{goods} {count} {cost}",
        f"{goods}x{count} {rng.choice(script.money)}{cost}", f"{count} {goods} {cost}",
        f"{goods} {count} {cost} {numbers.price(rng)}",
        f"{goods}（{rng.choice(('大', '小', '中', '500ml', '1kg'))}） {cost}",
        f"{name}：{rng.choice(script.money)}{cost}", f"{name} {cost}",
        f"*{goods}* {count} {cost} 13%", f"{goods} ×{count}",
    ))  # fmt: skip


def chinese_number(script: Script, rng: Random) -> str:
    """Return a date, a sum, a numeral or a count with its measure word."""
    style = rng.random()
    if style < 0.35:
        return script.date(rng)
    if style < 0.6:
        return _chinese_sum(script, rng)
    if style < 0.7:
        return numbers.filled(rng.choice(script.identity), rng)
    if style < 0.8:
        parts = "章期号册页" if script is SIMPLIFIED else "章期號冊頁"
        return f"第{rng.randint(1, 60)}{rng.choice(parts)}"
    return numbers.numeral(rng)


def chinese_cell(script: Script, word: Draw, rng: Random) -> str:
    """Return a cell of a Chinese table."""
    draws = (lambda: rng.choice(script.cells), lambda: numbers.integer(rng),
    lambda: numbers.price(rng),
             lambda: word(rng), lambda: rng.choice(script.labels),
             lambda: numbers.measure(rng))  # fmt: skip
    return rng.choice(draws)()


def _chinese_sum(script: Script, rng: Random) -> str:
    yuan = rng.randrange(1, 10 ** rng.randint(1, 8))
    if rng.random() < 0.45:
        return (
            numbers.chinese_amount(yuan, script.digits, script.units, script.myriad) + script.whole
        )
    sum_ = f"{yuan:,}" if rng.random() < 0.5 else f"{yuan}"
    cents = f".{rng.randrange(100):02}" if rng.random() < 0.6 else ""
    return rng.choice(script.money) + sum_ + cents + rng.choice(("", "", "元"))


def _boxes(name: str, rng: Random) -> str:
    gap = rng.choice((" ", " ", ""))
    chosen = rng.choice((("Yes", "No"), ("Male", "Female"), ("YES", "NO"), ("Y", "N"),
    ("Agree", "Disagree"), (name,),
                            ("Original", "Copy"), ("Urgent", "For Review", "Please Reply"),
                            ("Mr.", "Mrs.", "Ms.")))  # fmt: skip
    boxes = _BOXES if rng.random() < 0.85 else ("[ ]", "[X]", "( )", "[x]")
    items = " ".join(f"{rng.choice(boxes)}{gap}{item}" for item in chosen)
    return rng.choice((items, f"{name}: {items}"))
