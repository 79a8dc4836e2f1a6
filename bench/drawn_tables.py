"""Drawn pages with tables of ten kinds, and pages of lists and prose that are no tables.

A page comes with its truth: the cells with their spans and texts, and the lines as drawn. Contents
are invented. The fonts are those of the machine (Debian packages fonts-liberation and
fonts-noto-cjk).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from itertools import pairwise

from PIL import Image, ImageDraw

from bench.drawn_pages import CHINESE, CHINESE_BOLD, INK, DrawnPage, font_face
from daemon.core.records import Box, Cell, Table
from daemon.ocr.assemble.plain_text import cell_text

WHITE = (255, 255, 255)
DARK = ((28, 54, 96), (40, 40, 40), (0, 92, 75), (120, 30, 40))
LIGHT = ((232, 238, 246), (236, 236, 236), (228, 242, 234), (248, 236, 226))
LEFT_EDGE, RIGHT_EDGE = 110, 1130


@dataclass(frozen=True)
class TablePage:
    """A drawn page: the file, its tables, and its lines in the pixels of the file.

    Lines are texts with the corners of their ink, 4 x 2, clockwise from the upper left one.
    """

    name: str
    file: bytes
    tables: tuple[Table, ...]
    lines: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]


@dataclass
class Face:
    """How a table is set; measures are in em, shares of the font's size."""

    chinese: bool
    family: str
    bold: str
    size: int
    pad_x: float = 0.6
    pad_y: float = 0.35
    rules: str = "none"  # grid, rows, header, columns, frame, none
    lost: float = 0.0  # share of the sides of cells whose rule has faded
    rule_width: int = 2  # pixels
    rule_tone: int = 40  # 0 black .. 255 white
    bar: tuple[int, int, int] | None = None  # of the header, which is white then
    stripe: tuple[int, int, int] | None = None  # of every other row

    def width(self, text: str, bold: bool = False) -> float:
        """Return the width of a line in pixels."""
        return font_face(self.bold if bold else self.family, self.size).getlength(text)

    @property
    def pitch(self) -> float:
        """The distance of lines in pixels."""
        return (1.5 if self.chinese else 1.2) * self.size


@dataclass
class Entry:
    """A cell to draw; `align` is l, m or r."""

    row: int
    column: int
    lines: list[str]
    align: str = "l"
    row_span: int = 1
    column_span: int = 1
    turned: bool = False  # by 90 degrees, read from below

    @property
    def text(self) -> str:
        """The text of the cell as published."""
        return cell_text([line for line in self.lines if line])


@dataclass
class Sheet:
    """A page that remembers what is drawn on it."""

    page: DrawnPage = field(default_factory=DrawnPage)
    zoom: float = 1.0  # of the scan: pixels by those of the drawing
    lines: list[tuple[str, tuple[float, float, float, float]]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        font: str,
        size: int,
        fill: tuple[int, int, int] = INK,
        anchor: str = "la",
    ) -> None:
        """Write a line; `anchor` is Pillow's."""
        if text:
            self.page.write(x, y, text, font, size, fill=fill, anchor=anchor)
            face = font_face(font, size)
            self.lines.append((text, _shifted(face.getbbox(text, anchor=anchor), x, y)))

    def write_turned(self, x: float, y: float, text: str, font: str, size: int) -> None:
        """Write a line from below to above, its lower left corner turned to `x`, `y`."""
        face = font_face(font, size)
        left, top, right, bottom = (round(side) for side in face.getbbox(text))
        label = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(label).text((-left, -top), text, 255, face)
        turned = label.transpose(Image.Transpose.ROTATE_90)
        at = (round(x), round(y) - turned.height)
        self.page.image.paste(INK, at, turned)
        self.lines.append((text, (*at, at[0] + turned.width, at[1] + turned.height)))

    def shade(self, box: tuple[float, float, float, float], fill: tuple[int, int, int]) -> None:
        """Fill a box, left, top, right, bottom."""
        ImageDraw.Draw(self.page.image).rectangle(box, fill)

    def finished(self, name: str, rng: random.Random) -> TablePage:
        """Return the page as a scan that lies not quite straight."""
        skew, zoom = rng.uniform(-0.7, 0.7), self.zoom
        width, height = self.page.image.size
        size = round(width * zoom), round(height * zoom)
        self.page.image = self.page.image.resize(size, Image.Resampling.LANCZOS)
        file = self.page.scanned(rng.randrange(1 << 30), skew=skew, blur=0.5 * zoom, noise=3)
        middle = size[0] / 2, size[1] / 2
        lines = tuple(
            (text, tuple(
                _turned((x * zoom, y * zoom), middle, math.radians(skew))
                for x, y in _corners(box)
            ))
            for text, box in self.lines
        )  # fmt: skip
        return TablePage(name, file, tuple(_zoomed(table, zoom) for table in self.tables), lines)


def _zoomed(table: Table, zoom: float) -> Table:
    cells = tuple(
        replace(cell, box=Box(*(round(side * zoom) for side in astuple(cell.box))))
        for cell in table.cells
    )
    return replace(table, cells=cells)


def _shifted(box: Sequence[float], x: float, y: float) -> tuple[float, float, float, float]:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _corners(box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _turned(
    point: tuple[float, float], middle: tuple[float, ...], angle: float
) -> tuple[float, float]:
    """Return where a point lies on the page turned counterclockwise, as Pillow turns it."""
    x, y = point[0] - middle[0], point[1] - middle[1]
    return (
        middle[0] + x * math.cos(angle) + y * math.sin(angle),
        middle[1] - x * math.sin(angle) + y * math.cos(angle),
    )


# --- tables ------------------------------------------------------------------------------------


def draw_table(sheet: Sheet, top: float, entries: Sequence[Entry], face: Face) -> float:
    """Draw a table between the margins, record it, and return the height at which it ends."""
    x, y = _positions(entries, face, top)
    left = LEFT_EDGE + max(0, (RIGHT_EDGE - LEFT_EDGE - x[-1]) / 2)
    x = [left + at for at in x]
    if face.stripe:
        for row in range(2, len(y) - 1, 2):
            sheet.shade((x[0], y[row], x[-1], y[row + 1]), face.stripe)
    if face.bar:
        sheet.shade((x[0], y[0], x[-1], y[1]), face.bar)
    for entry in entries:
        _write_entry(sheet, entry, face, (x, y))
    _rule(sheet, entries, face, x, y)
    cells = tuple(
        Cell(e.row, e.column, e.row_span, e.column_span, Box(
            round(x[e.column]), round(y[e.row]),
            round(x[e.column + e.column_span]), round(y[e.row + e.row_span]),
        ), (), e.text)
        for e in sorted(entries, key=lambda e: (e.row, e.column))
    )  # fmt: skip
    sheet.tables.append(Table(len(y) - 1, len(x) - 1, cells))
    return y[-1]


def _positions(entries: Sequence[Entry], face: Face, top: float) -> tuple[list[float], list[float]]:
    """Return where columns begin, from 0 on, and rows, from `top` on; each with its end."""
    columns = max(e.column + e.column_span for e in entries)
    rows = max(e.row + e.row_span for e in entries)
    pads = 2 * face.pad_x * face.size, 2 * face.pad_y * face.size
    sizes = {id(e): _extent(e, face) for e in entries}
    widths, heights = [0.0] * columns, [0.0] * rows
    for e in sorted(entries, key=lambda e: e.column_span):
        lacking = sizes[id(e)][0] + pads[0] - sum(widths[e.column : e.column + e.column_span])
        for column in range(e.column, e.column + e.column_span):
            widths[column] += max(0.0, lacking) / e.column_span
    for e in sorted(entries, key=lambda e: e.row_span):
        lacking = sizes[id(e)][1] + pads[1] - sum(heights[e.row : e.row + e.row_span])
        for row in range(e.row, e.row + e.row_span):
            heights[row] += max(0.0, lacking) / e.row_span
    x, y = [0.0], [top]
    for width in widths:
        x.append(x[-1] + width)
    for height in heights:
        y.append(y[-1] + height)
    return x, y


def _extent(entry: Entry, face: Face) -> tuple[float, float]:
    width = max((face.width(line, entry.row == 0) for line in entry.lines), default=0.0)
    height = face.pitch * max(1, len(entry.lines))
    return (height, width) if entry.turned else (width, height)


def _write_entry(
    sheet: Sheet, entry: Entry, face: Face, grid: tuple[Sequence[float], Sequence[float]]
) -> None:
    x, y = grid
    left, right = x[entry.column], x[entry.column + entry.column_span]
    top, bottom = y[entry.row], y[entry.row + entry.row_span]
    pad = face.pad_x * face.size
    font = face.bold if entry.row == 0 else face.family
    if entry.turned:
        for line in entry.lines:
            at = (left + right) / 2 - face.size * 0.4, bottom - face.pad_y * face.size
            sheet.write_turned(*at, line, font, face.size)
        return
    first = (top + bottom) / 2 - face.pitch * (len(entry.lines) - 1) / 2
    at = {"l": left + pad, "m": (left + right) / 2, "r": right - pad}[entry.align]
    fill = WHITE if face.bar and entry.row == 0 else INK
    for number, line in enumerate(entry.lines):
        sheet.write(at, first + face.pitch * number, line, font, face.size, fill, f"{entry.align}m")


def _rule(
    sheet: Sheet, entries: Sequence[Entry], face: Face, x: Sequence[float], y: Sequence[float]
) -> None:
    boxes: list[tuple[float, float, float, float]] = []
    if face.rules == "grid":
        boxes = [
            (x[e.column], y[e.row], x[e.column + e.column_span], y[e.row + e.row_span])
            for e in entries
        ]
    elif face.rules == "frame":
        boxes = [(x[0], y[0], x[-1], y[-1])]
    ends = [side for box in boxes for side in pairwise([*_corners(box), box[:2]])]
    if face.rules in ("rows", "header", "columns"):
        wanted = range(len(y)) if face.rules == "rows" else (0, 1, len(y) - 1)
        ends = [((x[0], y[row]), (x[-1], y[row])) for row in wanted]
    if face.rules == "columns":
        ends += [((at, y[0]), (at, y[-1])) for at in x]
    draw = ImageDraw.Draw(sheet.page.image)
    fading = random.Random(len(ends))  # no cryptography
    drawn = {side for side in ends if fading.random() >= face.lost}
    for start, stop in ends:
        if face.lost and (start, stop) not in drawn and (stop, start) not in drawn:
            continue
        draw.line((*start, *stop), (face.rule_tone,) * 3, face.rule_width)


# --- contents ----------------------------------------------------------------------------------

ITEMS = (
    "Copper pipe", "Garden hose", "Paint brush", "Desk lamp", "Steel bolts", "Cotton gloves",
    "Wall clock", "Oak shelf", "Rubber mat", "Glass jar", "Wool blanket", "Tin bucket",
    "Wire mesh", "Leather belt", "Paper folder", "Brass hinge", "Safety helmet", "Door handle",
)  # fmt: skip
NAMES = (
    "Anna Keller", "Tom Price", "Maria Lopez", "John Hale", "Ruth Benson", "Peter Vance",
    "Clara Stone", "Hugo Marsh", "Ella Wood", "Simon Gray", "Nora Field", "Paul Carter",
)  # fmt: skip
PLACES = (
    "Bristol", "Lisbon", "Geneva", "Oslo", "Hamburg", "Cork", "Milan", "Turin", "Leeds", "Gdansk",
)  # fmt: skip
ROLES = (
    "Engineer", "Accountant", "Site manager", "Nurse", "Driver", "Teacher", "Clerk", "Designer",
)  # fmt: skip
STATES = ("open", "closed", "waiting", "shipped", "returned", "paid")
ITEMS_ZH = (
    "白细胞计数", "红细胞计数", "血红蛋白", "血小板计数", "中性粒细胞", "淋巴细胞", "单核细胞",
    "葡萄糖", "尿素氮", "肌酐", "尿酸", "总胆固醇",
    "甘油三酯", "钾离子", "钠离子", "氯离子", "血清钙",
)  # fmt: skip
GOODS_ZH = (
    "办公用纸", "打印机墨盒", "电脑显示器", "无线键盘", "会议桌", "文件柜", "投影仪", "白板笔",
    "碎纸机", "电话机", "台灯", "订书机", "计算器", "移动硬盘",
)  # fmt: skip
NAMES_ZH = ("王建国", "李小红", "张伟", "刘洋", "陈静", "杨帆", "赵敏", "黄磊", "周杰", "吴芳")
PLACES_ZH = ("北京", "上海", "广州", "成都", "武汉", "南京", "杭州", "西安", "重庆", "天津")
ROLES_ZH = ("工程师", "会计", "项目经理", "护士", "司机", "教师", "文员", "设计师")
UNITS_ZH = ("个", "台", "箱", "张", "套", "盒")
UNITS_LAB = ("g/L", "mmol/L", "umol/L", "%", "U/L", "mg/dL")
SENTENCES = (
    "The goods were checked on arrival and found to be complete.",
    "Please return one signed copy of this page to the office before Friday.",
    "All figures are given without tax and were rounded to two places.",
    "Further copies may be ordered from the address below at no cost.",
    "The committee met again in spring and agreed on the next steps.",
    "Work on the bridge goes on through the night when the tide is low.",
)
SENTENCES_ZH = (
    "以上货物已经验收完毕，数量与质量均符合合同要求。",
    "请在收到本通知后三个工作日内将回执寄回办公室。",
    "所有金额均不含税，保留两位小数。",
    "如需更多资料，请与下列地址的负责人联系。",
)

Column = tuple[str, str, str, Callable[[random.Random], str]]  # header, Chinese one, alignment


def _money(rng: random.Random) -> str:
    return f"{rng.uniform(1, 10 ** rng.randint(1, 4)):,.2f}"


def _date(rng: random.Random) -> str:
    return f"{rng.randint(2019, 2026)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


WORD_COLUMNS: Sequence[Column] = (
    ("Name", "姓名", "l", lambda r: r.choice(NAMES)),
    ("Town", "城市", "l", lambda r: r.choice(PLACES)),
    ("Position", "职务", "l", lambda r: r.choice(ROLES)),
    ("State", "状态", "l", lambda r: r.choice(STATES)),
)
NUMBER_COLUMNS: Sequence[Column] = (
    ("Quantity", "数量", "r", lambda r: str(r.randint(1, 400))),
    ("Price", "单价", "r", _money),
    ("Amount", "金额", "r", _money),
    ("Share", "比例", "r", lambda r: f"{r.uniform(0, 99):.1f}%"),
    ("Date", "日期", "l", _date),
    ("Weight", "重量", "r", lambda r: f"{r.uniform(0.1, 90):.1f}"),
)  # fmt: skip
ITEM: Column = ("Item", "品名", "l", lambda r: r.choice(ITEMS))
CODE: Column = ("Code", "编号", "l", lambda r: f"{r.choice('ABCDEFGH')}{r.randint(100, 999)}")
IN_CHINESE: Mapping[str, Sequence[str]] = {
    "Name": NAMES_ZH, "Town": PLACES_ZH, "Position": ROLES_ZH, "Item": GOODS_ZH,
    "State": ("已付", "未付", "退回", "待审"),
}  # fmt: skip


def random_face(rng: random.Random, chinese: bool | None = None, **more: object) -> Face:
    chinese = rng.random() < 0.4 if chinese is None else chinese
    sans = rng.random() < 0.5
    if chinese:
        family = CHINESE.replace("Serif", "Sans") if sans else CHINESE
        bold = CHINESE_BOLD.replace("Serif", "Sans") if sans else CHINESE_BOLD
    else:
        family = "Liberation Sans" if sans else "Liberation Serif"
        bold = f"{family}:bold"
    face = Face(chinese, family, bold, rng.randint(22, 30))
    face.rule_width, face.rule_tone = rng.choice((1, 2, 2, 3)), rng.choice((0, 40, 40, 130))
    for name, value in more.items():
        setattr(face, name, value)
    return face


def table_body(
    rng: random.Random, face: Face, columns: Sequence[Column], rows: int, center: bool = False
) -> list[Entry]:
    """Return a header and `rows` rows of the columns; few cells are empty."""
    entries = []
    for number, (header, chinese, align, content) in enumerate(columns):
        align = "m" if center else align
        entries.append(Entry(0, number, [chinese if face.chinese else header], align))
        for row in range(1, rows + 1):
            words = IN_CHINESE.get(header) if face.chinese else None
            text = rng.choice(words) if words else content(rng)
            is_empty = number > 1 and rng.random() < 0.06
            entries.append(Entry(row, number, [] if is_empty else [text], align))
    return entries


def fitted(entries: Sequence[Entry], face: Face) -> Face:
    """Return the face made smaller until the table fits between the margins."""
    while _positions(entries, face, 0)[0][-1] > RIGHT_EDGE - LEFT_EDGE and face.size > 16:
        face.size -= 1
    return face


def mixed_columns(rng: random.Random, count: int) -> list[Column]:
    words, numbers = rng.sample(WORD_COLUMNS, 2), rng.sample(NUMBER_COLUMNS, min(6, count - 2))
    return [rng.choice((ITEM, CODE)), *words[: count - 1 - len(numbers)], *numbers]


def _page(rng: random.Random, name: str, face: Face, entries: Sequence[Entry]) -> TablePage:
    """Return a page with a title, a paragraph, the table, and a paragraph."""
    sheet = Sheet(zoom=rng.choice((0.6, 0.8, 1.0, 1.0, 1.35)))
    sentences = SENTENCES_ZH if face.chinese else SENTENCES
    y = 110.0
    title = rng.choice(("一览表", "明细表", "统计表")) if face.chinese else rng.choice(
        ("Overview of the year", "List of deliveries", "Summary by department")
    )  # fmt: skip
    sheet.write(LEFT_EDGE, y, title, face.bold, 44)
    y += 90
    for sentence in rng.sample(sentences, rng.randint(1, 3)):
        sheet.write(LEFT_EDGE, y, sentence, face.family, 27)
        y += 44
    y = draw_table(sheet, y + rng.randint(20, 60), entries, fitted(entries, face))
    y += rng.randint(40, 80)
    for sentence in rng.sample(sentences, rng.randint(1, 3)):
        sheet.write(LEFT_EDGE, y, sentence, face.family, 27)
        y += 44
    return sheet.finished(name, rng)


def ruled(rng: random.Random, name: str) -> TablePage:
    """A rule between all cells, some of them faded."""
    face = random_face(
        rng, rules="grid", pad_x=rng.uniform(0.3, 1.0), pad_y=rng.uniform(0.15, 0.6),
        lost=rng.choice((0, 0, 0.3)),
    )  # fmt: skip
    columns = mixed_columns(rng, rng.randint(4, 7))
    return _page(
        rng, name, face, table_body(rng, face, columns, rng.randint(4, 14), rng.random() < 0.3)
    )


def half_ruled(rng: random.Random, name: str) -> TablePage:
    """Rules between rows, or around header and body, or these and rules between columns."""
    rules = rng.choice(("rows", "header", "columns"))
    face = random_face(rng, rules=rules, pad_x=rng.uniform(0.4, 1.4), pad_y=rng.uniform(0.15, 0.5))
    columns = mixed_columns(rng, rng.randint(4, 6))
    return _page(rng, name, face, table_body(rng, face, columns, rng.randint(4, 14)))


def framed(rng: random.Random, name: str) -> TablePage:
    """A frame around the table and no rule in it."""
    face = random_face(rng, rules="frame", pad_x=rng.uniform(0.4, 1.4), pad_y=rng.uniform(0.1, 0.5))
    columns = mixed_columns(rng, rng.randint(3, 6))
    return _page(rng, name, face, table_body(rng, face, columns, rng.randint(4, 14)))


def numeric(rng: random.Random, name: str) -> TablePage:
    """A name and numbers, without rules."""
    face = random_face(rng, pad_x=rng.uniform(0.4, 1.8), pad_y=rng.uniform(0.0, 0.4))
    columns = [ITEM, *rng.sample(NUMBER_COLUMNS, rng.randint(3, 6))]
    return _page(rng, name, face, table_body(rng, face, columns, rng.randint(4, 18)))


def words(rng: random.Random, name: str) -> TablePage:
    """Words alone, without rules."""
    face = random_face(rng, pad_x=rng.uniform(0.5, 2.0), pad_y=rng.uniform(0.0, 0.4))
    columns = rng.sample(WORD_COLUMNS, rng.randint(3, 4))
    return _page(rng, name, face, table_body(rng, face, columns, rng.randint(5, 16)))


def spans(rng: random.Random, name: str) -> TablePage:
    """Headers over two columns, and names of groups beside two or three rows; ruled."""
    face = random_face(rng, rules="grid", pad_x=rng.uniform(0.4, 1.0), pad_y=rng.uniform(0.2, 0.5))
    groups = rng.sample(("2022", "2023", "2024", "2025", "2026"), rng.randint(2, 3))
    head = (
        ("地区", "品名", "数量", "金额") if face.chinese else ("Region", "Item", "Pieces", "Amount")
    )
    entries = [Entry(0, 0, [head[0]], "m", 2), Entry(0, 1, [head[1]], "m", 2)]
    for number, group in enumerate(sorted(groups)):
        year = f"{group}年" if face.chinese else f"Year {group}"
        entries.append(Entry(0, 2 + 2 * number, [year], "m", 1, 2))
        entries += [Entry(1, 2 + 2 * number + k, [head[2 + k]], "m") for k in (0, 1)]
    row = 2
    for place in rng.sample(PLACES_ZH if face.chinese else PLACES, rng.randint(2, 4)):
        rows = rng.randint(1, 3)
        entries.append(Entry(row, 0, [place], "l", rows))
        for k in range(row, row + rows):
            item = rng.choice(GOODS_ZH if face.chinese else ITEMS)
            entries.append(Entry(k, 1, [item]))
            for number in range(len(groups)):
                entries.append(Entry(k, 2 + 2 * number, [str(rng.randint(1, 900))], "r"))
                entries.append(Entry(k, 3 + 2 * number, [_money(rng)], "r"))
        row += rows
    total = "合计" if face.chinese else "Total"
    entries.append(Entry(row, 0, [total], "l", 1, 2))
    for number in range(len(groups)):
        entries.append(Entry(row, 2 + 2 * number, [str(rng.randint(1, 900))], "r"))
        entries.append(Entry(row, 3 + 2 * number, [_money(rng)], "r"))
    return _page(rng, name, face, entries)


def multi_line(rng: random.Random, name: str) -> TablePage:
    """Cells of several lines: ruled, with rules between rows, or parted by white space."""
    rules = rng.choice(("grid", "rows", "none"))
    pad_y = rng.uniform(0.5, 0.8) if rules == "none" else rng.uniform(0.15, 0.5)
    face = random_face(rng, rules=rules, pad_x=rng.uniform(0.6, 1.2), pad_y=pad_y)
    columns = [CODE, *rng.sample(NUMBER_COLUMNS, rng.randint(2, 3))]
    entries = table_body(rng, face, columns, rng.randint(3, 7))
    for entry in entries:
        entry.column += entry.column > 0
    entries.append(Entry(0, 1, ["说明" if face.chinese else "Description"]))
    for row in range(1, max(e.row for e in entries) + 1):
        text = rng.choice(SENTENCES_ZH if face.chinese else SENTENCES)
        entries.append(Entry(row, 1, list(_wrapped(text, face, rng.uniform(9, 13)))))
    return _page(rng, name, face, entries)


def _wrapped(text: str, face: Face, ems: float) -> Iterator[str]:
    line = ""
    for piece in text if face.chinese else (f"{word} " for word in text.split()):
        is_hanging = piece.strip() in ("，", "。")
        if line and not is_hanging and face.width((line + piece).strip()) > ems * face.size:
            yield line.strip()
            line = ""
        line += piece
    yield line.strip()


def rotated(rng: random.Random, name: str) -> TablePage:
    """Headers that are turned by 90 degrees; ruled."""
    face = random_face(
        rng, False, rules="grid", pad_x=rng.uniform(0.5, 1.0), pad_y=rng.uniform(0.2, 0.5)
    )
    columns = [ITEM, *(
        (header, "", "m", lambda r: r.choice(("yes", "no", str(r.randint(1, 99)))))
        for header in rng.sample(
            ("Length in cm", "Weight in kg", "Pieces left", "Heat proof", "In stock", "Washable"),
            rng.randint(3, 6),
        )
    )]  # fmt: skip
    entries = table_body(rng, face, columns, rng.randint(4, 10))
    for entry in entries:
        entry.turned = entry.row == 0 and entry.column > 0
    return _page(rng, name, face, entries)


def shaded(rng: random.Random, name: str) -> TablePage:
    """A header in white on a dark bar, every other row shaded; without rules."""
    number = rng.randrange(4)
    face = random_face(
        rng, pad_x=rng.uniform(0.6, 1.3), pad_y=rng.uniform(0.15, 0.5),
        bar=DARK[number], stripe=rng.choice((LIGHT[number], None)),
    )  # fmt: skip
    return _page(
        rng,
        name,
        face,
        table_body(rng, face, mixed_columns(rng, rng.randint(4, 6)), rng.randint(4, 14)),
    )


def chinese(rng: random.Random, name: str) -> TablePage:
    """A laboratory report of 13 rows and 5 columns, or the table of an invoice."""
    if rng.random() < 0.6:
        face = random_face(
            rng, True, pad_x=rng.uniform(0.5, 1.6), pad_y=rng.uniform(0.0, 0.3),
            rules=rng.choice(("none", "none", "header")),
        )  # fmt: skip
        entries = [
            Entry(0, k, [text]) for k, text in enumerate(("代号", "项目", "结果", "参考值", "单位"))
        ]
        for row, item in enumerate(rng.sample(ITEMS_ZH, 13), start=1):
            low = rng.uniform(0.5, 50)
            code = "".join(rng.choices("ABCDEFGHKLMNPRSTUW", k=rng.randint(2, 4)))
            result = f"{rng.uniform(low * 0.8, low * 3.2):.1f}"
            texts = (code, item, result, f"{low:.1f}--{3 * low:.0f}", rng.choice(UNITS_LAB))
            entries += [Entry(row, k, [text]) for k, text in enumerate(texts)]
        return _page(rng, name, face, entries)
    face = random_face(
        rng, True, rules="grid", pad_x=rng.uniform(0.3, 0.8), pad_y=rng.uniform(0.1, 0.4)
    )
    entries = [
        Entry(0, k, [text], "m")
        for k, text in enumerate(("货物名称", "单位", "数量", "单价", "金额", "税率", "税额"))
    ]
    rows = rng.randint(3, 7)
    for row in range(1, rows + 1):
        texts = (
            rng.choice(GOODS_ZH), rng.choice(UNITS_ZH), str(rng.randint(1, 90)),
            _money(rng), _money(rng), rng.choice(("6%", "13%")), _money(rng),
        )  # fmt: skip
        entries += [Entry(row, k, [text], "l" if k < 2 else "r") for k, text in enumerate(texts)]
    entries += [Entry(rows + 1, 0, ["合计"], "m", 1, 4), Entry(rows + 1, 4, [_money(rng)], "r")]
    entries += [Entry(rows + 1, 5, []), Entry(rows + 1, 6, [_money(rng)], "r")]
    entries += [Entry(rows + 2, 0, ["价税合计"], "m"), Entry(rows + 2, 1, [_money(rng)], "l", 1, 6)]
    return _page(rng, name, face, entries)


# --- pages without tables ----------------------------------------------------------------------


def receipt(rng: random.Random, name: str) -> TablePage:
    """A till receipt: names, below them how many at what price, and the totals."""
    sheet, face = Sheet(DrawnPage((640, 1500))), random_face(rng, False)
    left, right, y = 60, 580, 80.0
    for text in (rng.choice(("CORNER STORE", "THE TEA HOUSE")), "12 Mill Lane", "Tel 555 0142"):
        sheet.write(320, y, text, face.family, 28, anchor="ma")
        y += 42
    for _ in range(rng.randint(4, 9)):
        y += 42
        sheet.write(left, y, rng.choice(ITEMS), face.family, 26)
        if rng.random() < 0.6:
            y += 38
            count = rng.randint(2, 9)
            sheet.write(left + 30, y, f"{count} x {rng.uniform(1, 20):.2f}", face.family, 26)
        sheet.write(right, y, f"{rng.uniform(1, 90):.2f}", face.family, 26, anchor="ra")
    for text in ("Subtotal", "Tax 7%", "TOTAL", "Cash", "Change"):
        y += 46
        sheet.write(left, y, text, face.family, 28)
        sheet.write(right, y, f"{rng.uniform(1, 90):.2f}", face.family, 28, anchor="ra")
    sheet.write(320, y + 80, "Thank you, come again", face.family, 26, anchor="ma")
    return sheet.finished(name, rng)


def prose(rng: random.Random, name: str) -> TablePage:
    """Prose in two columns, their lines level with one another or not."""
    sheet, face = Sheet(), random_face(rng)
    sheet.write(LEFT_EDGE, 110, "论文" if face.chinese else "On rivers", face.bold, 44)
    size = rng.randint(23, 28)
    face.size, shift = size, rng.choice((0, 0, 9))
    gutter = rng.randint(30, 70)
    width = (RIGHT_EDGE - LEFT_EDGE - gutter) / 2
    for column in (0, 1):
        y = 230.0 + shift * column
        x = LEFT_EDGE + column * (width + gutter)
        for _ in range(rng.randint(3, 6)):
            text = ("" if face.chinese else " ").join(
                rng.choice(SENTENCES_ZH if face.chinese else SENTENCES) for _ in range(4)
            )
            for line in _wrapped(text, face, width / size):
                sheet.write(x, y, line, face.family, size)
                y += 1.5 * size
            y += rng.choice((0, 0.5 * size))
            if y > 1500:
                break
    return sheet.finished(name, rng)


def numbered(rng: random.Random, name: str) -> TablePage:
    """A list with numbers, or the contents of a book with dots and page numbers."""
    sheet, face = Sheet(), random_face(rng)
    with_pages = rng.random() < 0.5
    y, size, at = 230.0, rng.randint(24, 30), 1
    face.size = size
    sheet.write(LEFT_EDGE, 110, "目录" if face.chinese else "Contents", face.bold, 44)
    for number in range(1, rng.randint(8, 16)):
        sentence = rng.choice(SENTENCES_ZH if face.chinese else SENTENCES)
        sheet.write(LEFT_EDGE, y, f"{number}.", face.family, size)
        start = LEFT_EDGE + 2.2 * size
        if with_pages:
            text = sentence[: rng.randint(5, 9) if face.chinese else rng.randint(12, 30)].strip()
            dots = int((RIGHT_EDGE - 2 * size - start - face.width(text)) / face.width("."))
            at += rng.randint(1, 20)
            sheet.write(start, y, f"{text} {'.' * (dots - 2)}", face.family, size)
            sheet.write(RIGHT_EDGE, y, str(at), face.family, size, anchor="ra")
        else:
            sheet.write(start, y, sentence, face.family, size)
        y += 1.8 * size
    return sheet.finished(name, rng)


def form(rng: random.Random, name: str) -> TablePage:
    """A letter head with names and values, then prose."""
    sheet, face = Sheet(), random_face(rng)
    y, size = 230.0, rng.randint(24, 30)
    keys = ("姓名", "城市", "职务", "日期", "编号") if face.chinese else (
        "Name:", "Town:", "Position:", "Valid from:", "Reference:"
    )  # fmt: skip
    sheet.write(LEFT_EDGE, 110, "通知" if face.chinese else "Notice", face.bold, 44)
    values = (
        rng.choice(NAMES_ZH if face.chinese else NAMES),
        rng.choice(PLACES_ZH if face.chinese else PLACES),
        rng.choice(ROLES_ZH if face.chinese else ROLES), "3 May 2026", "RV-204",
    )  # fmt: skip
    for key, value in zip(keys, values, strict=True):
        sheet.write(LEFT_EDGE, y, key, face.family, size)
        sheet.write(LEFT_EDGE + 220, y, value, face.family, size)
        y += 1.7 * size
    y += 2 * size
    for _ in range(rng.randint(5, 12)):
        sheet.write(
            LEFT_EDGE, y, rng.choice(SENTENCES_ZH if face.chinese else SENTENCES), face.family, size
        )
        y += 1.6 * size
    return sheet.finished(name, rng)


Kind = Callable[[random.Random, str], TablePage]
KINDS: Mapping[str, Kind] = {
    "ruled": ruled,
    "half-ruled": half_ruled,
    "framed": framed,
    "numeric": numeric,
    "words": words,
    "spans": spans,
    "multi-line": multi_line,
    "rotated": rotated,
    "shaded": shaded,
    "chinese": chinese,
}
"""The kinds of tables."""

NO_TABLES: Mapping[str, Kind] = {
    "receipt": receipt,
    "prose": prose,
    "numbered": numbered,
    "form": form,
}
"""The kinds of pages that have no table."""


def drawn(kind: str, number: int) -> TablePage:
    """Return a page of a kind; the same for the same number in every run."""
    name = f"{kind}-{number}"
    rng = random.Random(name)  # no cryptography
    return {**KINDS, **NO_TABLES}[kind](rng, name)
