"""`ocr-daemon list`: the failed files, those that wait and why, and the last answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import fmean
from typing import Literal, TypedDict

from daemon.cli.failures import FailedAnswer, standing_failures
from daemon.cli.report import Report, no_ledger, table
from daemon.config.settings import Config
from daemon.core import fs
from daemon.core.records import LedgerEntry
from daemon.inbox.claims.modes import CLAIM_MODES
from daemon.inbox.completeness import missing_end
from daemon.inbox.failed import FailedFile
from daemon.inbox.waiting import WaitingFile, waiting_files
from daemon.ledger.ledger import Ledger
from daemon.monitoring import heartbeat
from daemon.monitoring import waiting as reported
from daemon.outbox.publish import Outbox
from daemon.outbox.reader import Answer
from daemon.supervisor.wiring import quiet_seconds, scanner

Which = Literal["recent", "failed", "waiting"]


class _Failed(TypedDict):
    name: str
    path: str | None
    bytes: int | None
    failed_at: str | None
    reason: str | None
    answer: str | None


def list_documents(config: Config, which: Which, limit: int) -> Report:
    """Report up to `limit` documents: the last answers, the failed files, or those that wait."""
    match which:
        case "failed":
            return _failed(config, limit)
        case "waiting":
            return _waiting(config, limit)
        case "recent":
            return _recent(config, limit)


# --- the last answers ---------------------------------------------------------------------------


def _recent(config: Config, limit: int) -> Report:
    if not config.ledger_file.exists():
        return no_ledger(config)
    with contextlib.closing(Ledger(config.ledger_file, read_only=True)) as ledger:
        latest = ledger.latest(limit)
    outbox = Outbox(config.folders.outbox)
    values = [_answer_values(entry, at, outbox) for entry, at in latest]
    rows = [_answer_row(each) for each in values]
    return Report("\n".join(table(rows)) or "nothing has been answered yet", {"recent": values})


def _answer_values(entry: LedgerEntry, at: str, outbox: Outbox) -> dict[str, object]:
    answer = outbox.answer_to(entry.sha256, entry.answer)
    return {
        "name": fs.to_unicode(entry.name),
        "status": entry.status,
        "answered_at": at,
        "answer": entry.answer and fs.to_unicode(entry.answer),
        "is_collected": answer is None,
        "duplicate_of": (answer or {}).get("duplicate_of"),
        "pages": len(answer.get("pages", ())) if answer else None,
        "confidence": _confidence(answer),
        "reason": (answer or {}).get("error", {}).get("message"),
    }


def _confidence(answer: Answer | None) -> float | None:
    pages = (answer or {}).get("pages", ())
    known = [page["confidence"] for page in pages if page.get("confidence") is not None]
    return round(fmean(known), 4) if known else None


def _answer_row(values: dict[str, object]) -> list[str]:
    facts = []
    if values["is_collected"]:
        facts.append("its answer is no longer in the outbox (deleted or moved)")
    elif values["answer"] != f"{values['name']}.json":
        facts.append(f"its answer is {values['answer']}")
    if values["duplicate_of"]:
        facts.append(f"the same bytes as {values['duplicate_of']}")
    if values["pages"]:
        facts.append("1 page" if values["pages"] == 1 else f"{values['pages']} pages")
    if isinstance(confidence := values["confidence"], float):
        facts.append(f"{int(100 * confidence)}% confidence")  # rounded down, as on the page
    if values["reason"]:
        facts.append(str(values["reason"]))
    at = datetime.fromisoformat(str(values["answered_at"]))
    return [_local_time(at), str(values["status"]), str(values["name"]), ", ".join(facts)]


# --- failed files -------------------------------------------------------------------------------


def _failed(config: Config, limit: int) -> Report:
    standing = standing_failures(config)
    files = [_failed_file_values(file, standing.answer_to(file)) for file in standing.files]
    answers = [_failed_answer_values(answer) for answer in standing.answers]
    found = sorted([*files, *answers], key=lambda each: each["failed_at"] or "", reverse=True)
    rows = [_failed_row(each) for each in found[:limit]]
    lines = [*table(rows), *_rest(len(found), limit)]
    if files:
        lines.append("`ocr-daemon retry NAME` puts a file back into the inbox, --all all of them")
        if config.moves_files:
            folder = config.folders.failed
            lines.append(
                f"to dismiss a failure, delete its file in {folder} and its answer in the outbox"
            )
    if answers:
        lines.append("an answer without its file counts as failed until you delete the answer")
    text = "\n".join(lines) or "no file has failed"
    return Report(text, {"failed": found[:limit], "number": len(found)})


def _failed_row(values: _Failed) -> list[str]:
    at = values["failed_at"]
    time_of = "-" if at is None else _local_time(datetime.fromisoformat(at))
    reason = values["reason"] or "the reason is not recorded"
    if values["path"] is None:
        reason = f"{reason} (its file is gone, its answer is {values['answer']})"
    return [time_of, values["name"], reason]


def _failed_file_values(file: FailedFile, answer: LedgerEntry | None) -> _Failed:
    return {
        "name": fs.to_unicode(file.name),
        "path": fs.to_unicode(str(file.path)),
        "bytes": file.bytes,
        "failed_at": _rfc3339(file.failed_at),
        "reason": file.reason,
        "answer": fs.to_unicode(answer.answer) if answer and answer.answer else None,
    }


def _failed_answer_values(answer: FailedAnswer) -> _Failed:
    return {
        "name": fs.to_unicode(answer.name),
        "path": None,
        "bytes": None,
        "failed_at": _rfc3339(answer.failed_at),
        "reason": answer.reason,
        "answer": fs.to_unicode(answer.place),
    }


def _rfc3339(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    at = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


# --- files that wait ----------------------------------------------------------------------------


def _waiting(config: Config, limit: int) -> Report:
    health, sentence = heartbeat.diagnose(config.folders.state, time.monotonic())
    is_running = health in ("ok", "degraded")
    paused = reported.last(config.folders.state).paused if is_running else None
    reading, found, refused = _unanswered(config)
    rows = [[fs.to_unicode(name), "reading", reason] for name, reason in reading]
    for file in found:
        reason = file.reason
        if file.state == "ready" and not is_running:
            reason = f"waits for the daemon, which is {health}"
        elif file.state == "ready" and paused is not None:
            reason = paused
        rows.append([fs.to_unicode(file.name), file.state, reason])
    rows += [[fs.to_unicode(name), "refused", reason] for name, reason in refused]
    lines = [*table(rows[:limit]), *_rest(len(rows), limit)]
    if health != "ok":
        lines.insert(0, f"daemon {health}: {sentence}")
    values = [
        {"name": name, "state": state, "reason": reason} for name, state, reason in rows[:limit]
    ]
    daemon = {"status": health, "message": sentence}
    text = "\n".join(lines) if rows else "\n".join([*lines, "no file waits"])
    return Report(text, {"daemon": daemon, "waiting": values, "number": len(rows)})


def _unanswered(
    config: Config,
) -> tuple[list[tuple[str, str]], list[WaitingFile], list[tuple[str, str]]]:
    """Return the files that are read now, those that wait in the inbox, and the refused ones."""
    scanned = scanner(config).scan()
    listing = scanned.files
    reading: list[tuple[str, str]] = []
    if config.ledger_file.exists():
        with contextlib.closing(Ledger(config.ledger_file, read_only=True)) as ledger:
            listing = CLAIM_MODES[config.claim].unanswered(listing, ledger)
            reading = [(entry.name, _progress(entry)) for entry in ledger.unfinished()]
    found = waiting_files(
        config.folders.inbox, listing, quiet_seconds(config), config.watch.incomplete_seconds,
        missing_end, must_move=config.moves_files,
    )  # fmt: skip
    return reading, list(found), sorted(scanned.refused.items())


def _progress(entry: LedgerEntry) -> str:
    since = _local_time(datetime.fromisoformat(entry.claimed_at))
    attempt = f", attempt {entry.attempts}" if entry.attempts > 1 else ""
    return f"claimed at {since}{attempt}"


def _rest(number: int, limit: int) -> Iterator[str]:
    if number > limit:
        yield f"and {number - limit} more (--limit {number})"


def _local_time(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
