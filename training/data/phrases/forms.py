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
    """What differs between forms in simplified and in traditional Chinese."""

    language: str
    labels: tuple[str, ...]
    goods: tuple[str, ...]
    date: Callable[[Random], str]
    digits: str
    units: str
    myriad: str
    whole: str  # after a sum without cents
    money: tuple[str, ...]
    identity: tuple[str, ...]  # shapes of identity, tax and telephone numbers
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


def label(chance: Random) -> str:
    """Return an English form's label: bare, with a colon, a dotted leader, boxes or its value."""
    name = chance.choice(labels.ENGLISH)
    name = chance.choice((name, name, name.upper(), title(name)))
    style = chance.random()
    if style < 0.08:
        return chance.choice(labels.TITLES_EN)
    if style < 0.2:
        return name
    if style < 0.4:
        return name + chance.choice((":", ":", ":", " :", "?", "*:"))
    if style < 0.48:
        leader = "." * chance.randint(4, 24)
        return f"{name} {leader} {chance.choice((value, numbers.integer))(chance)}"
    if style < 0.66:
        return _boxes(name, chance)
    if style < 0.74:
        names = chance.sample(labels.ENGLISH, chance.randint(2, 4))
        return (
            " ".join(name.upper() for name in names)
            if chance.random() < 0.4
            else ": ".join(names) + ":"
        )
    return f"{name}{chance.choice((': ', ': ', ' : ', ' '))}{value(chance)}"


def value(chance: Random) -> str:
    """Return what an English form is filled with."""
    pool = people("en")
    draws = (
        numbers.date,
        numbers.amount,
        numbers.code,
        numbers.telephone,
        numbers.integer,
        numbers.address,
    )
    if chance.random() < 0.55:
        return chance.choice(draws)(chance)
    text = chance.choice(
        chance.choice((pool.names, pool.names, pool.companies, pool.cities, pool.addresses))
    )
    return text.upper() if chance.random() < 0.35 else text


def receipt(chance: Random) -> str:
    """Return a till's line, mostly in capitals: goods, quantities and prices one space apart."""
    goods, cost = chance.choice(labels.GOODS_EN), numbers.price(chance)
    total = chance.choice(("TOTAL", "SUBTOTAL", "CASH", "CHANGE", "TOTAL SALES (INCLUSIVE OF GST)",
    "ROUNDING ADJ", "GST 6%",
                           "TAX", "VISA", "DISCOUNT", "AMT DUE", "NET TOTAL", "TOTAL QTY",
                           "SERVICE CHG 10%"))  # fmt: skip
    if chance.random() < 0.15:
        goods, total = goods.title(), total.title()
    count, tax = chance.randint(1, 12), chance.choice(("S", "SR", "Z", "ZR", "T", "*", "E", "A"))
    return chance.choice((
        f"{goods} {cost}", f"{count} {goods} {cost}", f"{goods} {numbers.product(chance)}",
        f"{goods} {cost} {tax}",
        f"{numbers.shaped('#############', chance)} {cost}", numbers.product(chance),
        f"{total} {cost}", f"{total}: RM {cost}",
        f"{total} : {cost}", f"{total} {numbers.amount(chance)}",
        f"{goods} {chance.choice(('500ML', '1KG', '250G', 'L', '12S'))}",
        f"{numbers.date(chance)} {numbers.time(chance)} #{count:04}", f"{count} X {goods}",
        f"{tax} @6% {cost} {numbers.price(chance)}",
        f"*** {chance.choice(labels.TITLES_EN)} ***",
        f"{goods} @ {cost}/{chance.choice(('KG', 'EA', 'LB', 'PC'))}", f"{goods} -{cost}",
    ))  # fmt: skip


def byline(chance: Random) -> str:
    """Return authors with initials, an affiliation, an address or a journal's running head."""
    pool = people("en")
    names = [chance.choice(pool.names).split() for _ in range(chance.randint(1, 4))]
    initials = [f"{chance.choice('ABCDEFGHJKLMPRSTW')}. {name[-1]}" for name in names]
    authors, first = ", ".join(initials), names[0][-1]
    journal = title(f"{chance.choice(('Journal of', 'Annals of', 'J.'))} {chance.choice(_FIELDS)}")
    place = f"{chance.choice(_PARTS)} of {chance.choice(_FIELDS)}"
    year, page = chance.randint(1950, 2026), chance.randint(1, 900)
    return chance.choice((
        authors, authors, f"{first} et al. ({year})", f"{authors} / {journal} {page} ({year})",
        f"{place}, {chance.choice(pool.cities)}",
        f"{page} {first.upper()}", f"{journal}, {year}, {page}, {page + 7}–{page + 12}",
        chance.choice(pool.addresses),
        f"{chance.choice(pool.companies)}, {chance.choice(pool.cities)}",
        f"{place}, University of {chance.choice(pool.cities)}",
    ))  # fmt: skip


def cell(word: Draw, chance: Random) -> str:
    """Return an English table's cell."""
    style = chance.random()
    if style < 0.4:
        return chance.choice(_CELLS)
    if style < 0.75:
        return chance.choice((numbers.integer, numbers.price, numbers.measure, numbers.date))(
            chance
        )
    return " ".join(word(chance) for _ in range(chance.randint(1, 2))).capitalize()


def chinese_label(script: Script, chance: Random) -> str:
    """Return a Chinese form's label: bare, with a colon, a leader, boxes or its value."""
    name = chance.choice(script.labels)
    style = chance.random()
    if style < 0.15:
        return name
    if style < 0.35:
        return name + chance.choice("：：：:")
    if style < 0.42:
        return "".join(f"{other}：" for other in chance.sample(script.labels, 2))
    if style < 0.56:
        boxes, gap = chance.choices(_CHINESE_BOXES, k=3), chance.choice(("", " "))
        chosen = chance.sample(script.choices, chance.randint(2, 3))
        before = chance.random() < 0.7
        items = gap.join(b + c if before else c + b for b, c in zip(boxes, chosen, strict=False))
        return chance.choice((f"{name}：{items}", items))
    if style < 0.6:
        return f"{name}{'…' * chance.randint(2, 8)}{chance.randint(1, 300)}"
    if style < 0.64:
        return " ".join(name) if len(name) < 5 else f"【{name}】"
    return f"{name}{chance.choice(('：', '：', '：', ':', ' '))}{chinese_value(script, chance)}"


def chinese_value(script: Script, chance: Random) -> str:
    """Return what a Chinese form is filled with."""
    pool = people(script.language)
    style = chance.random()
    if style < 0.22:
        return chance.choice(pool.names)
    if style < 0.4:
        return chance.choice(pool.addresses).upper()
    if style < 0.52:
        return chance.choice(pool.companies)
    if style < 0.66:
        return numbers.shaped(chance.choice(script.identity), chance)
    return script.date(chance) if style < 0.82 else _chinese_sum(script, chance)


def chinese_receipt(script: Script, chance: Random) -> str:
    """Return a line of a Chinese till or invoice."""
    goods, cost, count = chance.choice(script.goods), numbers.price(chance), chance.randint(1, 20)
    name = chance.choice(script.labels)
    return chance.choice((
        f"{goods} {cost}", f"{goods} {count} {cost}",
        f"{goods}x{count} {chance.choice(script.money)}{cost}", f"{count} {goods} {cost}",
        f"{goods} {count} {cost} {numbers.price(chance)}",
        f"{goods}（{chance.choice(('大', '小', '中', '500ml', '1kg'))}） {cost}",
        f"{name}：{chance.choice(script.money)}{cost}", f"{name} {cost}",
        f"*{goods}* {count} {cost} 13%", f"{goods} ×{count}",
    ))  # fmt: skip


def chinese_number(script: Script, chance: Random) -> str:
    """Return a date, a sum, a numeral or a count with its measure word."""
    style = chance.random()
    if style < 0.35:
        return script.date(chance)
    if style < 0.6:
        return _chinese_sum(script, chance)
    if style < 0.7:
        return numbers.shaped(chance.choice(script.identity), chance)
    if style < 0.8:
        parts = "章期号册页" if script is SIMPLIFIED else "章期號冊頁"
        return f"第{chance.randint(1, 60)}{chance.choice(parts)}"
    return numbers.numeral(chance)


def chinese_cell(script: Script, word: Draw, chance: Random) -> str:
    """Return a Chinese table's cell."""
    draws = (lambda: chance.choice(script.cells), lambda: numbers.integer(chance),
    lambda: numbers.price(chance),
             lambda: word(chance), lambda: chance.choice(script.labels),
             lambda: numbers.measure(chance))  # fmt: skip
    return chance.choice(draws)()


def _chinese_sum(script: Script, chance: Random) -> str:
    yuan = chance.randrange(1, 10 ** chance.randint(1, 8))
    if chance.random() < 0.45:
        return (
            numbers.chinese_amount(yuan, script.digits, script.units, script.myriad) + script.whole
        )
    sum_ = f"{yuan:,}" if chance.random() < 0.5 else f"{yuan}"
    cents = f".{chance.randrange(100):02}" if chance.random() < 0.6 else ""
    return chance.choice(script.money) + sum_ + cents + chance.choice(("", "", "元"))


def _boxes(name: str, chance: Random) -> str:
    gap = chance.choice((" ", " ", ""))
    chosen = chance.choice((("Yes", "No"), ("Male", "Female"), ("YES", "NO"), ("Y", "N"),
    ("Agree", "Disagree"), (name,),
                            ("Original", "Copy"), ("Urgent", "For Review", "Please Reply"),
                            ("Mr.", "Mrs.", "Ms.")))  # fmt: skip
    boxes = _BOXES if chance.random() < 0.85 else ("[ ]", "[X]", "( )", "[x]")
    items = " ".join(f"{chance.choice(boxes)}{gap}{item}" for item in chosen)
    return chance.choice((items, f"{name}: {items}"))
