"""What the daemon and a Dask worker say to each other: JSON that msgspec checks by its types.

Dask carries these messages as bytes, so that neither end unpickles a record of the other one: a
worker of another version is told so, instead of failing at a field that it does not know.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar

import msgspec

from daemon.core.errors import DaemonError, Deferred, Died, Rejected, Unconfirmed

# What one message carries at most of a file, of the pages for a searchable PDF or of an output.
# Dask's scheduler holds each message until its task is done, and warns from 10 MB.
CHUNK_BYTES: Final = 4 << 20

NotStartedReason = Literal["missing", "closing", "other_worker"]
"""Why a task has not begun: the worker needs the bytes of the file, it is about to end, or it is
another process than the one that the handshake was with."""


class HandshakeRequest(msgspec.Struct, frozen=True):
    """What a worker must have in common with the daemon `daemon`.

    `settings` are digests of the networks and the settings they are loaded with, by config key.
    `profiles` has the digest of each recipe by the name of its profile; `recipes` is their JSON,
    decoded only by a worker of the same version.
    """

    daemon: str
    versions: dict[str, str | None]
    settings: dict[str, str | None]
    profiles: dict[str, str]
    recipes: msgspec.Raw


class HandshakeAccepted(msgspec.Struct, frozen=True, tag=True):
    """The worker reads as the daemon does: `slots` tasks at once. `id` is that of its process."""

    id: str
    slots: int
    protections: str


class HandshakeRefused(msgspec.Struct, frozen=True, tag=True):
    """The worker would not read as the daemon does, for these reasons."""

    reasons: tuple[str, ...]


class TaskMessage(msgspec.Struct, frozen=True):
    """A task for the worker process `worker`: a request of `wire`, in `task` or in an upload.

    `document` is a key that a file has in one state. With `is_shared` the worker reads the file of
    the task by its path; its content must then have the digest `sha256`, if that is not None.
    Otherwise the content comes with the message, in an upload, or has come before. An upload is a
    file that was sent in chunks.
    """

    worker: str
    document: str
    is_shared: bool
    sha256: str | None = None
    task: msgspec.Raw = msgspec.Raw()
    request_upload: str | None = None
    document_upload: str | None = None


class TaskDone(msgspec.Struct, frozen=True, tag=True):
    """The task is done: a reply of `wire`. `output` names an output that must be read in chunks.

    `size` is that of the output in bytes.
    """

    reply: msgspec.Raw
    output: str | None = None
    size: int = 0


class TaskNotStarted(msgspec.Struct, frozen=True, tag=True):
    """The task has not begun."""

    reason: NotStartedReason


class TaskFailed(msgspec.Struct, frozen=True, tag=True):
    """The task ended in an error of ours."""

    error: Literal["rejected", "unconfirmed", "deferred", "died"]
    message: str
    kind: Annotated[str, msgspec.Meta(pattern="^[a-z0-9_.]{1,40}$")] = "unknown"
    signal: int | None = None

    @classmethod
    def of(cls, error: DaemonError) -> TaskFailed:
        """Return the reply for an error."""
        match error:
            case Rejected(reason=kind, message=message):
                return cls("rejected", message, kind)
            case Died(kind=kind, message=message, signal=signal):
                return cls("died", message, kind, signal)
            case Unconfirmed():
                return cls("unconfirmed", str(error))
        return cls("deferred", str(error))

    def exception(self, worker: str) -> DaemonError:
        """Return the error; a fault of the environment names the worker."""
        match self.error:
            case "rejected":
                return Rejected(self.kind, self.message)
            case "died":
                return Died(self.kind, self.message, self.signal)
            case "unconfirmed":
                return Unconfirmed(f"worker {worker}: {self.message}")
            case "deferred":
                return Deferred(f"worker {worker}: {self.message}")


HandshakeReply = HandshakeAccepted | HandshakeRefused
TaskReply = TaskDone | TaskNotStarted | TaskFailed
T = TypeVar("T", HandshakeRequest, TaskMessage, HandshakeReply, TaskReply)

handshake_decoder: Final = msgspec.json.Decoder(HandshakeRequest)
task_decoder: Final = msgspec.json.Decoder(TaskMessage)
handshake_reply_decoder: Final = msgspec.json.Decoder(HandshakeReply)
task_reply_decoder: Final = msgspec.json.Decoder(TaskReply)
encode: Final = msgspec.json.encode
