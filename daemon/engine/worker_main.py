"""The program of a worker process: answers one request of the supervising process after another.

    python -P -m daemon.engine.worker_main CHANNEL PARENT_PIPE [REFUSALS]

All arguments are descriptors: CHANNEL is the connected socket of `wire.Channel`, PARENT_PIPE the
reading end of a pipe that the daemon holds open, REFUSALS a socket for `sandbox.refusals`.
"""

from __future__ import annotations

import signal
import sys

from daemon.core.errors import DaemonError
from daemon.engine import wire, worker
from daemon.engine.wire import Channel


def main(channel: Channel, parent_pipe: int, report_to: int | None = None) -> None:
    """Answer requests until the daemon closes the channel."""
    # Ctrl-C and a reload reach the whole process group; the daemon tells its workers when to end
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            content = channel.receive(wire.MAX_REQUEST_BYTES)
        except (EOFError, ConnectionError):
            return
        channel.send(_reply(wire.decode_request(content), parent_pipe, report_to))


def _reply(request: wire.Request, parent_pipe: int, report_to: int | None) -> bytes:
    """Do what a request asks for, and return the encoded reply.

    Whatever is not an error of ours ends this process.
    """
    number = request.request
    try:
        match request:
            case wire.Load(setup=setup):
                worker.prepare(setup, parent_pipe, report_to)
                return wire.encode_reply(wire.Loaded(number, worker.warm()))
            case wire.Count(task=task):
                counted = worker.count(task.path, task.stamp, task.recipe)
                return wire.encode_reply(wire.Counted(number, counted))
            case wire.Read(task=task):
                read = worker.read(task.path, task.stamp, task.first, task.last, task.recipe)
                return wire.encode_reply(wire.PagesDone(number, read))
            case wire.Render(task=task):
                worker.render(task)
                return wire.encode_reply(wire.Rendered(number))
    except DaemonError as error:
        return wire.encode_error(number, error)


if __name__ == "__main__":
    descriptors = [int(argument) for argument in sys.argv[1:]]
    main(Channel(descriptors[0]), *descriptors[1:])
