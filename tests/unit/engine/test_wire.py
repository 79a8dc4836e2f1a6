"""Messages between the daemon and its workers: what goes through, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from daemon.core import records
from daemon.core.errors import DaemonError, Died, Misconfigured, Rejected, Unconfirmed
from daemon.core.options import FieldRule, Recipe, Rendering, Weights
from daemon.core.records import (
    Block,
    Box,
    Cell,
    Code,
    DocumentWarning,
    Failure,
    FieldValue,
    PageCount,
    PageField,
    PagesRead,
    PageText,
    Stamp,
    Table,
    TextLine,
    UnreadRegion,
    Word,
)
from daemon.core.tasks import CountPages, ReadPages, RenderTask, Task
from daemon.engine import wire
from daemon.engine.page_store import UNPACKED_BYTES, PageStore
from daemon.engine.protocol import WorkerSetup
from tests.support.repository import REPOSITORY

BOX = Box(1, 2, 30, 40)
LINE = TextLine("两 words", 0.75, BOX, (Word("两", 0.5, BOX), Word("words", None, BOX)), "vertical")
TABLE = Table(1, 2, (Cell(0, 0, 1, 1, BOX, (0,), "两 words"), Cell(0, 1, 1, 1, BOX, ())))
PAGE = PageText(
    number=3, width=100, height=200, dpi=300.0, rotation=90, skew=-1.5, text_source="mixed",
    status="partial", text="两 words", confidence=0.75,
    blocks=(Block((LINE,), "table", TABLE),),
    failure=Failure("timeout", "took too long", page=3, attempt=2, signal=9), orientation=180,
    curvature=2.5, unread=(UnreadRegion(BOX, "too_small"),),
    warnings=(DocumentWarning("renderer_message", "a stream ended early", 3),), pixel_height=2.0,
    fields=(
        PageField("total", FieldValue("9,50", "9.50", BOX, 0.9, 3)),
        PageField("order", None, "no_label"),
    ),
    codes=(Code("4006381333931", "EAN-13", BOX, True),), blank=False,
)  # fmt: skip
READ = PagesRead(
    "application/pdf", 9, (PAGE,), {"decode": 0.25}, "bf16", (DocumentWarning("a", "b"),)
)
RECIPE = Recipe(
    weights=Weights(file=Path("/models/a.onnx"), backend="onnxruntime"),
    rendering=Rendering(passwords=("geheim", "密码")),
    fields={
        "total": FieldRule(label=("Total", "合计"), type="amount", page="last"),
        "order": FieldRule(label="Order", pattern="[A-Z]+", page=2),
    },
)
NAMED = Path(os.fsdecode(b"/inbox/\xff\xe4\xb8\xa4 \n.pdf"))
STAMP = Stamp(1, 2**62, 2**63)
TASKS: list[Task] = [
    CountPages("token", NAMED, STAMP, 1.5, RECIPE),
    ReadPages("token", NAMED, STAMP, 1.5, RECIPE, 1, 4),
    RenderTask("token", NAMED, STAMP, "searchable_pdf", (PAGE,), Path("/scratch/a"), 1.5, RECIPE),
]
ERRORS: list[DaemonError] = [
    Rejected("too_large", "the page has 400 megapixels; scan it smaller"),
    Unconfirmed("the file cannot be read now"),
    Died("memory", "it does not fit in memory"),
    Misconfigured("model.sha256", "0" * 64, "the file was exchanged"),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_task_arrives_as_it_was_sent_whatever_the_name_of_the_file(task: Task) -> None:
    request = wire.decode_request(wire.encode_request(7, task))

    arrived = request.task
    if isinstance(arrived, RenderTask):
        arrived = dataclasses.replace(arrived, pages=tuple(arrived.pages))
    assert (request.request, arrived) == (7, task)


def test_packed_pages_arrive_as_they_were_read() -> None:
    store = PageStore()
    long = dataclasses.replace(PAGE, number=1, text="x" * UNPACKED_BYTES)
    for page in (long, dataclasses.replace(PAGE, number=2), PAGE):
        store.add(page)
    task = dataclasses.replace(TASKS[2], pages=store.pages())

    arrived = wire.decode_request(wire.encode_request(7, task)).task

    assert [page.number for page in arrived.pages] == [1, 2, 3]
    assert store.pages() == tuple(arrived.pages)
    assert arrived.pages[0] == long


def test_the_setup_of_a_worker_arrives_as_it_was_sent() -> None:
    setup = WorkerSetup(
        (RECIPE,), 2, (NAMED, Path("/claimed")), Path("/scratch"), logs_refusals=True
    )

    assert wire.decode_request(wire.encode_request(1, setup)).setup == setup


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (wire.Loaded(5, "landlock ABI 7"), "landlock ABI 7"),
        (wire.Counted(5, PageCount("image/png", 2, {"decode": 0.1})), None),
        (wire.PagesDone(5, READ), READ),
        (wire.Rendered(5), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_result_arrives_as_it_was_sent(reply: wire.Reply, result: object) -> None:
    result = reply.result if isinstance(reply, wire.Counted) else result

    assert wire.decode_reply(wire.encode_reply(reply), 5) == result


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_ours_is_raised_at_the_other_end(error: DaemonError) -> None:
    with pytest.raises(type(error)) as caught:
        wire.decode_reply(wire.encode_error(5, error), 5)

    assert type(caught.value) is type(error)
    assert caught.value.args == error.args


def test_the_message_of_an_error_is_cut_where_it_is_too_long() -> None:
    with pytest.raises(Rejected) as caught:
        wire.decode_reply(wire.encode_error(5, Rejected("corrupt", "x" * 100_000)), 5)

    assert caught.value.message == "x" * wire.MAX_SENTENCE


def records_in(annotation: object) -> set[type]:
    """Return the dataclasses that a record may hold, at any depth."""
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        hints = get_type_hints(annotation, vars(records) | {"Mapping": Mapping})
        return {annotation}.union(*(records_in(hint) for hint in hints.values()))
    return set().union(*(records_in(each) for each in get_args(annotation)))


def test_the_result_of_these_tests_has_every_record_and_every_field_with_a_value() -> None:
    seen: dict[type, set[str]] = {}

    def visit(value: object) -> None:
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                inner = getattr(value, field.name)
                if inner is not None and inner != field.default:
                    seen.setdefault(type(value), set()).add(field.name)
                visit(inner)
        elif isinstance(value, tuple):
            for each in value:
                visit(each)

    visit(READ)

    assert seen == {
        kind: {field.name for field in dataclasses.fields(kind)} for kind in records_in(PagesRead)
    }


def reply(**fields: object) -> bytes:
    return json.dumps({"type": "PagesDone", "request": 5} | fields).encode()


def result(**fields: object) -> dict[str, object]:
    whole = {"media_type": "image/png", "page_count": 1, "pages": [], "seconds": {}}
    return whole | fields


def page(**fields: object) -> dict[str, object]:
    encoded = json.loads(wire.encode_reply(wire.PagesDone(5, READ)))["result"]["pages"][0]
    return encoded | fields


NO_REPLIES = {
    "nothing": b"",
    "no JSON": b"what?",
    "a pickle": b"\x80\x04]\x94.",
    "another number": reply(request=6, result=result()),
    "no number": b'{"type":"Rendered"}',
    "a type that is no reply": reply(type="Load", result=result()),
    "no type": b'{"request":5}',
    "an unknown field": reply(result=result(), more=1),
    "text for pages": reply(result=result(pages="many")),
    "a number for text": reply(result=result(media_type=7)),
    "a fraction for a count": reply(result=result(page_count=1.5)),
    "truth for a count": reply(result=result(page_count=True)),
    "an unknown status": reply(result=result(pages=[page(status="fine")])),
    "a page without a number": reply(result=result(pages=[{"width": 1}])),
    "an unknown stage": reply(result=result(seconds={"cv2": 1.0})),
    "an unknown source": reply(result=result(pages=[page(text_source="__import__")])),
    "no UTF-8": b'{"type":"Loaded","request":5,"protections":"\xff"}',
    "half a surrogate pair": b'{"type":"Loaded","request":5,"protections":"\\ud800"}',
    "a long sentence": json.dumps(
        {"type": "Loaded", "request": 5, "protections": "x" * 10_000}
    ).encode(),
    "a kind with blanks": json.dumps(
        {"type": "Failed", "request": 5, "error": "died", "message": "", "kind": "a b\n"}
    ).encode(),
    "an unknown error": json.dumps(
        {"type": "Failed", "request": 5, "error": "SystemExit", "message": ""}
    ).encode(),
    "two values": reply(result=result()) + b"{}",
    "deep nesting": b"[" * 100_000,
    "deep nesting in an unknown field": b'{"type":"PagesDone","request":5,"result":{"x":'
    + b"[" * 100_000,
    "a number without an end": b'{"type":"Rendered","request":' + b"9" * 100_000 + b"}",
}


@pytest.mark.parametrize("content", NO_REPLIES.values(), ids=NO_REPLIES.keys())
def test_what_is_no_reply_is_refused(content: bytes) -> None:
    with pytest.raises(wire.InvalidMessageError):
        wire.decode_reply(content, 5)


def test_more_text_than_a_reply_may_hold_is_an_error_of_the_worker() -> None:
    pages = (dataclasses.replace(PAGE, text="x" * wire.MAX_REPLY_BYTES),)

    with pytest.raises(Died, match="MiB"):
        wire.encode_reply(wire.PagesDone(5, dataclasses.replace(READ, pages=pages)))


def test_half_a_surrogate_pair_is_sent_as_a_question_mark() -> None:
    pages = (dataclasses.replace(PAGE, text="a\ud800b"),)

    sent = wire.encode_reply(wire.PagesDone(5, dataclasses.replace(READ, pages=pages)))

    read = wire.decode_reply(sent, 5)
    assert isinstance(read, PagesRead)
    assert read.pages == (dataclasses.replace(PAGE, text="a?b"),)


def test_a_message_of_any_length_goes_through_a_channel() -> None:
    ours, theirs = socket.socketpair()
    message = os.urandom(3 << 20)
    with ours, theirs:
        sender = threading.Thread(target=wire.Channel(theirs.fileno()).send, args=(message,))
        sender.start()

        received = wire.Channel(ours.fileno()).receive(wire.MAX_REPLY_BYTES)
        sender.join()

    assert received == message


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"\xff\xff\xff\xff", wire.InvalidMessageError),
        (b"\x00\x40\x00\x01", wire.InvalidMessageError),
        (b"\x00\x00\x00\x09half", EOFError),
        (b"\x00", EOFError),
        (b"", EOFError),
    ],
)
def test_a_frame_that_is_too_long_or_cut_off_is_refused(
    sent: bytes, error: type[Exception]
) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(sent)

        with pytest.raises(error):
            wire.Channel(ours.fileno()).receive(wire.MAX_REPLY_BYTES)


# Replies of the full length that take as much memory as possible when they are decoded.
WORST_CASE = """
import json, sys
from daemon.engine import wire
full = wire.MAX_REPLY_BYTES - 1000
box = {"left": 0, "top": 0, "right": 0, "bottom": 0}
word = {"text": "", "confidence": None, "box": box}
line = {"text": "", "confidence": None, "box": box, "words": []}
cell = {"row": 0, "column": 0, "row_span": 1, "column_span": 1, "box": box, "lines": []}
page = {"number": 1, "width": 1, "height": 1, "dpi": None, "rotation": 0, "skew": 0,
        "text_source": "ocr", "status": "done", "text": "", "confidence": None, "blocks": []}
done = {"type": "PagesDone", "request": 1, "result": {"media_type": "", "page_count": 1,
        "pages": [page], "seconds": {}}}

def many(one):
    text = json.dumps(one, separators=(",", ":"))
    return "[" + ",".join([text] * (full // (len(text) + 1))) + "]"

def with_many(one, **places):
    text = json.dumps(done, separators=(",", ":"))
    for name in places:
        text = text.replace('"%s":%s' % (name, json.dumps(places[name])), '"%s":%s' % (name, one))
    return text

blocks = lambda inner: '[{"lines":%s}]' % inner
shapes = {
    "pages": with_many(many(page), pages=[page]).replace('"pages":[%s]' % json.dumps(
        page, separators=(",", ":")), '"pages":' + many(page)),
    "blocks": with_many(many({"lines": []}), blocks=[]),
    "lines": with_many(blocks(many(line)), blocks=[]),
    "words": with_many(blocks("[%s]" % json.dumps(line).replace(
        '"words": []', '"words":' + many(word))), blocks=[]),
    "cells": with_many('[{"lines":[],"table":{"rows":1,"columns":1,"cells":%s}}]' % many(cell),
        blocks=[]),
    "numbers": with_many('[{"lines":[],"table":{"rows":1,"columns":1,"cells":[%s]}}]' %
        json.dumps(cell).replace('"lines": []', '"lines":' + many(0)), blocks=[]),
    "large numbers": with_many('[{"lines":[],"table":{"rows":1,"columns":1,"cells":[%s]}}]' %
        json.dumps(cell).replace('"lines": []', '"lines":' + many(10**6)), blocks=[]),
    "warnings": with_many("[]", blocks=[]).replace('"seconds":{}',
        '"seconds":{},"warnings":' + many({"kind": "", "message": ""})),
    "seconds": with_many("[]", blocks=[]).replace('"seconds":{}', '"seconds":{%s}' % ",".join(
        ['"decode":0'] * (full // 12))),
    "wide text": with_many("[]", blocks=[]).replace('"text":""', '"text":"%s"' % (
        "a" * (full - 10) + "\\U0001f600")),
    "escapes": with_many("[]", blocks=[]).replace('"text":""', '"text":"%s"' % (
        "\\\\n" * (full // 2))),
}
content = shapes[sys.argv[1]].encode()
assert wire.MAX_REPLY_BYTES // 2 < len(content) <= wire.MAX_REPLY_BYTES, len(content)
del shapes
with open("/proc/self/clear_refs", "w") as refs:
    refs.write("5")  # the peak begins anew
peak = lambda: int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
idle = peak()
decoded = wire.decode_reply(content, 1)
print((peak() - idle + len(content) // 1024) / 1000)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape",
    [
        "pages", "blocks", "lines", "words", "cells", "numbers", "large numbers", "warnings",
        "seconds", "wide text", "escapes",
    ],
)  # fmt: skip
def test_no_reply_takes_more_than_a_few_times_its_length(shape: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", WORST_CASE, shape], capture_output=True, text=True, cwd=REPOSITORY
    )

    assert run.returncode == 0, run.stderr
    assert 2.0 < float(run.stdout) < 40.0
