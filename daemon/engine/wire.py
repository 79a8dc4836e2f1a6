"""Messages between the supervising process and a worker: JSON that msgspec checks by its types.

A decoder that a hostile file has taken over may write anything into its end of the channel. So a
reply is data and nothing else: its length is limited, every field has the type of the record that
it belongs to, unknown fields are ignored, and no name in it is looked up. Requests have the same
form. A message is a frame: its length in bytes (4 bytes, big-endian), then that much JSON.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from daemon.core.errors import DaemonError, Died, Misconfigured, Rejected, Unconfirmed
from daemon.core.records import PageCount, PagesRead
from daemon.core.tasks import CountPages, ReadPages, RenderTask, Task
from daemon.engine.page_store import PackedPages
from daemon.engine.protocol import WorkerSetup

# 2 500 lines of ten words are 3.4 MB. Decoding takes up to six times the length of a reply: of the
# worst cases in tests/unit/engine/test_wire.py, one that consists of empty blocks.
MAX_REPLY_BYTES: Final = 4 << 20
MAX_REQUEST_BYTES: Final = 1 << 30  # all pages of a document, for its searchable PDF
MAX_SENTENCE: Final = 4000  # characters of a message

_LENGTH = struct.Struct("!I")
_CHUNK = 1 << 18

_Sentence = Annotated[str, msgspec.Meta(max_length=MAX_SENTENCE)]
_Kind = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_.]{1,40}$")]


class _Message(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`request` numbers the requests to a worker; a reply repeats the number of its request."""

    request: int


class Load(_Message, frozen=True, tag=True):
    """Enter the sandbox and load the networks: the first request to a worker."""

    setup: WorkerSetup


class Count(_Message, frozen=True, tag=True):
    """Count the pages of a document."""

    task: CountPages


class Read(_Message, frozen=True, tag=True):
    """Read pages of a document."""

    task: ReadPages


class Render(_Message, frozen=True, tag=True):
    """Render an output of a document."""

    task: RenderTask


class Loaded(_Message, frozen=True, tag=True):
    """The networks are loaded; these protections are in force."""

    protections: _Sentence


class Counted(_Message, frozen=True, tag=True):
    """The result of `Count`."""

    result: PageCount


class PagesDone(_Message, frozen=True, tag=True):
    """The result of `Read`."""

    result: PagesRead


class Rendered(_Message, frozen=True, tag=True):
    """The output of `Render` is in its target."""


class Failed(_Message, frozen=True, tag=True):
    """A request ended in an error: its class, and what its instances are made of.

    `kind` is the reason of a rejection, the kind of a death or the config key; `value` is that of
    the key.
    """

    error: Literal["rejected", "deferred", "died", "misconfigured"]
    message: _Sentence
    kind: _Kind | None = None
    value: _Sentence | None = None


Request = Load | Count | Read | Render
Reply = Loaded | Counted | PagesDone | Rendered | Failed
T = TypeVar("T")


class InvalidMessageError(Exception):
    """What was received is no message, or a longer one than is allowed."""


class Channel:
    """One end of the connection between the supervising process and a worker.

    It uses no more than read(2) and write(2), which the sandbox allows.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: bytes) -> None:
        """Write a message; an OSError where the other end is closed."""
        for part in (_LENGTH.pack(len(message)), message):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def receive(self, max_bytes: int) -> bytes:
        """Return the next message; EOFError at the end, InvalidMessageError for one too long."""
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > max_bytes:
            raise InvalidMessageError(f"a message of {length} bytes, at most {max_bytes} allowed")
        return bytes(self._read(length))

    def close(self) -> None:
        """Close this end."""
        os.close(self._descriptor)

    def _read(self, length: int) -> bytearray:
        received = bytearray()
        while len(received) < length:
            chunk = os.read(self._descriptor, min(length - len(received), _CHUNK))
            if not chunk:
                raise EOFError
            received += chunk
        return received


def encode_request(number: int, content: WorkerSetup | Task) -> bytes:
    """Return the request with this number for loading, or for a task."""
    message: Request
    match content:
        case WorkerSetup():
            message = Load(number, content)
        case CountPages():
            message = Count(number, content)
        case ReadPages():
            message = Read(number, content)
        case RenderTask():
            message = Render(number, content)
    return _encode(message)


def decode_request(content: bytes) -> Request:
    """Return the request that a worker has received."""
    return _decode(_REQUESTS, content)


def encode_reply(message: Reply) -> bytes:
    """Return a reply as it is sent; Died where it is longer than the other end accepts."""
    content = _encode(message)
    if len(content) > MAX_REPLY_BYTES:
        limit = f"{MAX_REPLY_BYTES >> 20} MiB, the most that a worker may return"
        raise Died("memory", f"its text takes {len(content) / (1 << 20):.1f} MiB, above {limit}")
    return content


def encode_error(number: int, error: DaemonError) -> bytes:
    """Return the reply to a request that ended in an error of ours."""
    match error:
        case Rejected(reason=kind, message=message):
            failed = Failed(number, "rejected", message[:MAX_SENTENCE], kind)
        case Died(kind=kind, message=message):
            failed = Failed(number, "died", message[:MAX_SENTENCE], kind)
        case Misconfigured(key=key, value=value, remedy=message):
            shown = str(value)[:MAX_SENTENCE]
            failed = Failed(number, "misconfigured", message[:MAX_SENTENCE], key, shown)
        case _:
            failed = Failed(number, "deferred", str(error)[:MAX_SENTENCE])
    return _encode(failed)


def decode_reply(content: bytes, number: int) -> str | PageCount | PagesRead | None:
    """Return the result in the reply to request `number`: protections, counted or read pages.

    None stands for a rendered output. Raises the error of ours that the reply carries, and
    InvalidMessageError where it is no reply to this request.
    """
    reply: Reply = _decode(_REPLIES, content)
    if reply.request != number:
        raise InvalidMessageError(f"a reply to request {reply.request} instead of {number}")
    match reply:
        case Loaded(protections=protections):
            return protections
        case Counted(result=counted):
            return counted
        case PagesDone(result=read):
            return read
        case Rendered():
            return None
        case Failed():
            raise _error_of(reply)


def _error_of(failed: Failed) -> DaemonError:
    kind = failed.kind or "unknown"
    match failed.error:
        case "rejected":
            return Rejected(kind, failed.message)
        case "died":
            return Died(kind, failed.message)
        case "misconfigured":
            return Misconfigured(kind, failed.value, failed.message)
        case "deferred":
            return Unconfirmed(failed.message)


def _encode(message: Request | Reply) -> bytes:
    try:
        return _ENCODER.encode(message)
    except UnicodeEncodeError:  # half of a surrogate pair, from a text layer or a file name
        return _ENCODER.encode(_in_unicode(msgspec.to_builtins(message, enc_hook=encode_value)))


def _in_unicode(value: Any) -> Any:  # noqa: ANN401 -- anything that JSON can hold
    """Return a JSON value in which halves of surrogate pairs are question marks."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_in_unicode(key): _in_unicode(each) for key, each in value.items()}
    return [_in_unicode(each) for each in value] if isinstance(value, list | tuple) else value


def _decode(decoder: msgspec.json.Decoder[T], content: bytes) -> T:
    try:
        return decoder.decode(content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidMessageError(str(error)[:200]) from error


def encode_value(value: object) -> str | list[msgspec.Raw]:
    """Return packed pages as JSON, and a path as text: a character for each of its bytes."""
    match value:
        case PackedPages():
            return list(value.encoded())
        case Path():
            return os.fsencode(value).decode("latin-1")
    raise TypeError(f"{type(value)} is no part of a message")


def decode_path(kind: type, text: object) -> Path:
    """Return a path from its text in a message; TypeError for anything else."""
    if kind is not Path or not isinstance(text, str):
        raise TypeError(f"{kind} is no part of a message")
    return Path(os.fsdecode(text.encode("latin-1")))


_ENCODER = msgspec.json.Encoder(enc_hook=encode_value)
_REQUESTS = msgspec.json.Decoder(Request, dec_hook=decode_path)
_REPLIES = msgspec.json.Decoder(Reply)
