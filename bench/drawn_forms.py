# ruff: noqa: E501 -- what is printed on a form is one line
"""Drawn invoices and forms in English and Chinese, of many layouts, with the fields on them.

Their content is invented. A seed gives the same page on every machine with the same fonts.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.drawn_pages import DrawnPage, font_face

Pairs = Sequence[tuple[str, str]]
LANGUAGES = ("en", "zh")
EMPTY, ABSENT = 0.08, 0.07  # shares of fields without a value, and without a label
_SANS = {
    "en": ("Liberation Sans", "Liberation Sans:bold"),
    "zh": ("Noto Sans CJK SC", "Noto Sans CJK SC:bold"),
}
_SERIF = {
    "en": ("Liberation Serif", "Liberation Serif:bold"),
    "zh": ("Noto Serif CJK SC", "Noto Serif CJK SC:bold"),
}
_SIZES = (22, 24, 26, 28, 32)
_LEFT, _RIGHT = 110, 1130

# what the config asks for, in its short and its long form
RULES: Mapping[str, Mapping[str, object]] = {
    "invoice_en": {
        "invoice": {"label": ["Invoice no.", "Invoice number", "Invoice #", "Invoice"], "pattern": "[A-Z0-9][A-Z0-9/-]{3,}"},
        "date": 'date beside "Invoice date" or "Date of issue" or "Issued" or "Date"',
        "due": 'date beside "Due date" or "Payment due" or "Pay by"',
        "customer": 'beside "Bill to" or "Customer" or "Client"',
        "tax": 'amount right of "VAT*" or "Sales tax*" or "Tax"',
        "total": 'last amount right of "Grand total" or "Total due" or "Amount due" or "Total"',
    },
    "form_en": {
        "name": 'beside "Full name" or "Name of applicant" or "Name"',
        "born": 'date beside "Date of birth" or "Born on" or "Birth date"',
        "member": {"label": ["Membership no.", "Member number", "Member ID"], "pattern": "[A-Z]{1,3}-?[0-9]{4,}"},
        "phone": {"label": ["Telephone", "Phone", "Mobile"], "pattern": r"[+(]?[0-9][0-9 ()-]{6,}[0-9]"},
        "city": 'beside "City" or "Town"',
        "email": {"pattern": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"},
    },
    "invoice_zh": {
        "invoice": {"label": ["发票号码", "发票编号", "单据编号"], "pattern": "[A-Z0-9][A-Z0-9-]{5,}"},
        "date": 'date beside "开票日期" or "日期"',
        "customer": 'beside "客户名称" or "购买方" or "客户"',
        "contract": {"label": "合同编号", "pattern": "[A-Z0-9][A-Z0-9-]{3,}"},
        "tax": 'amount right of "税额"',
        "total": 'last amount right of "价税合计*" or "应付金额" or "合计"',
    },
    "form_zh": {
        "name": 'beside "申请人姓名" or "姓名"',
        "born": 'date beside "出生日期" or "出生年月日"',
        "phone": {"label": ["联系电话", "手机号码", "电话"], "pattern": r"[0-9][0-9 -]{6,}[0-9]"},
        "unit": 'beside "工作单位" or "所在单位"',
        "address": 'beside "通讯地址" or "家庭住址" or "地址"',
        "number": {"label": ["会员编号", "编号"], "pattern": "[A-Z]{1,3}[0-9]{4,}"},
    },
}  # fmt: skip


@dataclass(frozen=True)
class DrawnForm:
    """A drawn page: its kind (a key of `RULES`), its layout, a JPEG, and the value of each field.

    A value is as the sidecar has it, None where the page has none.
    """

    kind: str
    layout: str
    image: bytes
    truth: Mapping[str, str | None]


@dataclass
class _Filled:
    """What is printed of each field: label and text in the order of the form; and the values."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    totals: list[tuple[str, str]] = field(default_factory=list)
    truth: dict[str, str | None] = field(default_factory=dict)


def draw(kind: str, seed: int) -> DrawnForm:
    """Return a page of a kind."""
    chance = random.Random(f"{kind} {seed}")
    language = kind.rpartition("_")[2]
    filled = _FILL[kind](chance)
    layout = chance.choice(list(_LAYOUTS))
    page = DrawnPage()
    fonts = chance.choice((_SANS, _SERIF))[language]
    style = _Style(page, *fonts, chance.choice(_SIZES), chance)
    y = _heading(style, kind)
    y = _LAYOUTS[layout](style, filled.pairs, y) + 60
    if filled.totals:
        y = _items(style, language, y) + 20
        _totals(style, filled.totals, y)
    else:
        _paragraph(style, language, y)
    image = page.scanned(
        seed,
        skew=chance.uniform(-1.5, 1.5),
        blur=chance.uniform(0.3, 0.9),
        noise=chance.uniform(1, 9),
    )
    return DrawnForm(kind, layout, image, filled.truth)


# --- what is on them ----------------------------------------------------------------------------


def _invoice_en(chance: random.Random) -> _Filled:
    filled = _Filled()
    issued = _day(chance)
    number = chance.choice(["INV-{:05d}", "{:06d}", "A{:04d}/26", "2026-{:04d}"])
    currency = chance.choice(["", "$", "€ ", "GBP "])
    net = chance.randrange(10_000, 900_000)
    tax = round(net * chance.choice([0.05, 0.07, 0.2]))
    customer = chance.choice(
        [
            "Ellery Town Library",
            "North Pier Museum",
            "A. Whitcombe & Sons",
            "Saltmarsh College",
            "Greenfield Press Ltd",
        ]
    )
    _add(
        filled,
        chance,
        "invoice",
        ["Invoice no.", "Invoice number", "Invoice No", "Invoice #"],
        number.format(chance.randrange(1000, 99_999)),
    )
    _add(
        filled,
        chance,
        "date",
        ["Invoice date", "Date of issue", "Date", "Issued"],
        *_date_en(issued, chance),
    )
    _add(
        filled,
        chance,
        "due",
        ["Due date", "Payment due", "Pay by"],
        *_date_en(issued + datetime.timedelta(30), chance),
    )
    _add(filled, chance, "customer", ["Bill to", "Customer", "Client"], customer)
    filled.pairs += [
        ("Our reference", chance.choice(["EL-118", "JW/44", "by letter"])),
        ("Page", "1 of 1"),
    ]
    chance.shuffle(filled.pairs)
    filled.totals.append(("Subtotal", currency + _money_en(net)))
    _add_total(filled, chance, "tax", ["VAT 20 %", "Sales tax", "Tax", "VAT"], currency, tax)
    _add_total(
        filled,
        chance,
        "total",
        ["Total", "Grand total", "TOTAL DUE", "Amount due"],
        currency,
        net + tax,
    )
    return filled  # fmt: skip


def _form_en(chance: random.Random) -> _Filled:
    filled = _Filled()
    first, last = (
        chance.choice(["Maria", "John", "Edith", "Samuel", "Ingrid"]),
        chance.choice(["Holloway", "Okafor", "Lindqvist", "Marsh", "Teague"]),
    )
    _add(filled, chance, "name", ["Full name", "Name", "Name of applicant"], f"{first} {last}")
    _add(
        filled,
        chance,
        "born",
        ["Date of birth", "Born on", "Birth date"],
        *_date_en(_day(chance, 1950, 2005), chance),
    )
    _add(
        filled,
        chance,
        "member",
        ["Membership no.", "Member number", "Member ID"],
        f"{chance.choice(['MB', 'K', 'LIB'])}-{chance.randrange(10_000, 99_999)}",
    )
    _add(
        filled,
        chance,
        "phone",
        ["Telephone", "Phone", "Mobile"],
        chance.choice(["+44 20 7946 {:04d}", "0161 496 {:04d}", "(555) 013-{:04d}"]).format(
            chance.randrange(1000, 9999)
        ),
    )
    _add(
        filled,
        chance,
        "city",
        ["City", "Town"],
        chance.choice(["Port Ellery", "Manchester", "Aberdeen", "Cork", "New Haven"]),
    )
    _add(
        filled, chance, "email", ["E-mail", "Email address"], f"{first}.{last}@example.org".lower()
    )
    filled.pairs.append(("Signature", ""))
    return filled  # fmt: skip


def _invoice_zh(chance: random.Random) -> _Filled:
    filled = _Filled()
    currency = chance.choice(["", "¥", "￥"])
    net = chance.randrange(10_000, 900_000)
    tax = round(net * chance.choice([0.06, 0.09, 0.13]))
    _add(
        filled,
        chance,
        "invoice",
        ["发票号码", "发票编号", "单据编号"],
        chance.choice(["{:08d}", "NO{:06d}", "FP-{:06d}"]).format(
            chance.randrange(100_000, 999_999)
        ),
    )
    _add(filled, chance, "date", ["开票日期", "日期"], *_date_zh(_day(chance), chance))
    _add(
        filled,
        chance,
        "customer",
        ["客户名称", "购买方", "客户"],
        chance.choice(
            ["北京远大贸易有限公司", "上海明珠电子科技公司", "广州市第三中学", "南方文具批发部"]
        ),
    )
    _add(filled, chance, "contract", ["合同编号"], f"HT-{chance.randrange(1000, 9999)}")
    filled.pairs.append(("经办人", chance.choice(["王建国", "李晓红", "陈明"])))
    chance.shuffle(filled.pairs)
    filled.totals.append(("小计", currency + _money_en(net)))
    _add_total(filled, chance, "tax", ["税额"], currency, tax)
    _add_total(filled, chance, "total", ["合计", "价税合计(小写)", "应付金额"], currency, net + tax)
    return filled  # fmt: skip


def _form_zh(chance: random.Random) -> _Filled:
    filled = _Filled()
    _add(
        filled,
        chance,
        "name",
        ["姓名", "申请人姓名"],
        chance.choice(["王建国", "李晓红", "陈明", "张伟", "赵丽华"]),
    )
    _add(
        filled,
        chance,
        "born",
        ["出生日期", "出生年月日"],
        *_date_zh(_day(chance, 1950, 2005), chance),
    )
    _add(
        filled,
        chance,
        "phone",
        ["联系电话", "手机号码", "电话"],
        chance.choice(["138{:08d}", "010-{:08d}", "0755-{:08d}"]).format(
            chance.randrange(10_000_000, 99_999_999)
        ),
    )
    _add(
        filled,
        chance,
        "unit",
        ["工作单位", "所在单位"],
        chance.choice(["市人民医院", "东方机械厂", "第二实验小学", "远大建筑公司"]),
    )
    _add(
        filled,
        chance,
        "address",
        ["通讯地址", "家庭住址", "地址"],
        chance.choice(
            ["北京市海淀区中关村大街18号", "上海市黄浦区南京东路200号", "广州市天河区体育西路5号"]
        ),
    )
    _add(
        filled,
        chance,
        "number",
        ["会员编号", "编号"],
        f"{chance.choice(['HY', 'K', 'TS'])}{chance.randrange(10_000, 99_999)}",
    )
    filled.pairs.append(("备注", ""))
    return filled  # fmt: skip


_FILL: dict[str, Callable[[random.Random], _Filled]] = {
    "invoice_en": _invoice_en, "form_en": _form_en, "invoice_zh": _invoice_zh, "form_zh": _form_zh,
}  # fmt: skip


def _add(
    filled: _Filled, chance: random.Random, name: str, labels: Sequence[str], text: str,
    value: str | None = None,
) -> None:  # fmt: skip
    """Add a field to a form: with its value, without it, or not at all."""
    fate = chance.random()
    filled.truth[name] = None if fate < EMPTY + ABSENT else value or text
    if fate >= ABSENT:
        filled.pairs.append((chance.choice(labels), "" if fate < EMPTY + ABSENT else text))


def _add_total(
    filled: _Filled, chance: random.Random, name: str, labels: Sequence[str], currency: str, cents: int
) -> None:  # fmt: skip
    filled.truth[name] = None
    if chance.random() >= ABSENT:
        filled.truth[name] = f"{cents // 100}.{cents % 100:02d}"
        filled.totals.append((chance.choice(labels), currency + _money_en(cents)))


def _money_en(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def _day(chance: random.Random, first: int = 2015, last: int = 2026) -> datetime.date:
    return datetime.date(chance.randint(first, last), chance.randint(1, 12), chance.randint(1, 28))


def _date_en(day: datetime.date, chance: random.Random) -> tuple[str, str]:
    style = chance.choice(
        ["%d/%m/%Y", "%d.%m.%Y", "%Y-%m-%d", "%-d %B %Y", "%b %-d, %Y", "%d-%b-%Y"]
    )
    return day.strftime(style), day.isoformat()


def _date_zh(day: datetime.date, chance: random.Random) -> tuple[str, str]:
    style = chance.choice(["%Y年%-m月%-d日", "%Y年%m月%d日", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"])
    return day.strftime(style), day.isoformat()


# --- how they look ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Style:
    page: DrawnPage
    font: str
    bold: str
    size: int
    chance: random.Random

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        bold: bool = False,
        anchor: str = "la",
        size: int = 0,
    ) -> None:
        self.page.write(
            x, y, text, self.bold if bold else self.font, size or self.size, anchor=anchor
        )

    def width(self, text: str, *, bold: bool = False) -> float:
        return font_face(self.bold if bold else self.font, self.size).getlength(text)

    @property
    def step(self) -> float:
        return self.size * 1.75


def _heading(style: _Style, kind: str) -> float:
    title, company = {
        "invoice_en": ("INVOICE", "Harbour & Lane Bookbinders, 14 Quay Street, Port Ellery"),
        "form_en": ("APPLICATION FOR MEMBERSHIP", "Ellery Town Library"),
        "invoice_zh": ("销售发票", "东方文具有限公司"),
        "form_zh": ("会员登记表", "市图书馆"),
    }[kind]
    style.write(_LEFT, 110, title, bold=True, size=style.size + 16)
    style.write(_LEFT, 180, company)
    return 290


def _inline(style: _Style, pairs: Pairs, y: float) -> float:
    colon = style.chance.choice([": ", ":  ", " : "])
    for label, value in pairs:
        style.write(_LEFT, y, f"{label}{colon}{value}")
        y += style.step
    return y


def _aligned(style: _Style, pairs: Pairs, y: float) -> float:
    colon, bold = style.chance.choice(["", ":"]), style.chance.random() < 0.5
    at = (
        _LEFT
        + max(style.width(label + ":", bold=bold) for label, _ in pairs)
        + style.chance.randint(40, 260)
    )
    for label, value in pairs:
        style.write(_LEFT, y, label + colon, bold=bold)
        style.write(at, y, value)
        y += style.step
    return y


def _justified(style: _Style, pairs: Pairs, y: float) -> float:
    for label, value in pairs:
        style.write(_LEFT, y, label)
        style.write(_RIGHT, y, value, anchor="ra")
        y += style.step
    return y


def _above(style: _Style, pairs: Pairs, y: float) -> float:
    columns = style.chance.choice([2, 3])
    bold = style.chance.random() < 0.5
    for k in range(0, len(pairs), columns):
        for column, (label, value) in enumerate(pairs[k : k + columns]):
            x = _LEFT + column * (_RIGHT - _LEFT) / columns
            style.write(x, y, label, bold=bold, size=round(style.size * 0.8))
            style.write(x, y + style.size * 1.25, value)
        y += style.size * 3.6
    return y


def _boxed(style: _Style, pairs: Pairs, y: float) -> float:
    height, middle = style.size * 2.1, _LEFT + 330
    top = y
    style.page.rule(_LEFT, y, _RIGHT, y)
    for label, value in pairs:
        style.write(_LEFT + 14, y + style.size * 0.45, label)
        style.write(middle + 14, y + style.size * 0.45, value)
        y += height
        style.page.rule(_LEFT, y, _RIGHT, y)
    for x in (_LEFT, middle, _RIGHT):
        style.page.rule(x, top, x, y)
    return y


def _header_row(style: _Style, pairs: Pairs, y: float) -> float:
    columns, height = 3, style.size * 2.1
    for k in range(0, len(pairs), columns):
        shown = pairs[k : k + columns]
        for row in range(3):
            style.page.rule(_LEFT, y + row * height, _RIGHT, y + row * height)
        for column in range(columns + 1):
            x = _LEFT + column * (_RIGHT - _LEFT) / columns
            style.page.rule(x, y, x, y + 2 * height)
        for column, (label, value) in enumerate(shown):
            x = _LEFT + column * (_RIGHT - _LEFT) / columns + 12
            style.write(x, y + style.size * 0.45, label, bold=True)
            style.write(x, y + height + style.size * 0.45, value)
        y += 2 * height + style.size
    return y


def _two_columns(style: _Style, pairs: Pairs, y: float) -> float:
    for k in range(0, len(pairs), 2):
        for column, (label, value) in enumerate(pairs[k : k + 2]):
            style.write(_LEFT + column * 540, y, f"{label}: {value}")
        y += style.step
    return y


def _underlined(style: _Style, pairs: Pairs, y: float) -> float:
    for label, value in pairs:
        style.write(_LEFT, y, label)
        at = _LEFT + style.width(label) + 20
        style.page.rule(at, y + style.size * 1.3, _RIGHT - 200, y + style.size * 1.3)
        style.write(at + 20, y, value)
        y += style.step * 1.1
    return y


_LAYOUTS: dict[str, Callable[[_Style, Pairs, float], float]] = {
    "inline": _inline, "aligned": _aligned, "justified": _justified, "above": _above, "boxed": _boxed,
    "header row": _header_row, "two columns": _two_columns, "underlined": _underlined,
}  # fmt: skip


def _items(style: _Style, language: str, y: float) -> float:
    names = {
        "en": ["Rebinding, half leather", "New endpapers", "Gilt lettering", "Box, cloth"],
        "zh": ["办公用纸", "签字笔", "文件夹", "打印机墨盒"],
    }[language]
    head = {
        "en": ("Description", "Qty", "Price", "Amount"),
        "zh": ("名称", "数量", "单价", "金额"),
    }[language]
    rows = [head]
    for name in style.chance.sample(names, style.chance.randint(2, 4)):
        count, price = style.chance.randint(1, 30), style.chance.randrange(100, 20_000)
        rows.append((name, str(count), _money_en(price), _money_en(count * price)))
    for place, (what, *numbers) in enumerate(rows):
        style.write(_LEFT, y, what, bold=place == 0)
        for x, number in zip((690, 890, _RIGHT), numbers, strict=True):
            style.write(x, y, number, bold=place == 0, anchor="ra")
        y += style.step
    style.page.rule(_LEFT, y, _RIGHT, y)
    return y  # fmt: skip


def _totals(style: _Style, totals: Pairs, y: float) -> None:
    x = style.chance.choice([_LEFT, 640])
    colon = style.chance.choice(["", ":"])
    for label, value in totals:
        style.write(x, y, label + colon)
        style.write(_RIGHT, y, value, anchor="ra", bold=True)
        y += style.step


def _paragraph(style: _Style, language: str, y: float) -> None:
    lines = {
        "en": [
            "I agree to the rules of the library and return what I borrow in time.",
            "Cards are valid for a year from the day on which they are issued.",
        ],
        "zh": [
            "本人同意遵守图书馆的各项规定，并按时归还所借图书。",
            "会员证自发放之日起一年内有效。",
        ],
    }[language]
    for line in lines:
        style.write(_LEFT, y, line)
        y += style.step  # fmt: skip
