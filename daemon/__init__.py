"""ocr-daemon: a hot folder for OCR. Images and PDFs in, JSON sidecars with their text out.

What happens to a file:

    landed -> settled -> claimed
        -> [pages -> clean pages -> lines -> batches -> readings -> page text] -> document
        -> published (outbox) -> recorded (ledger) -> archived | failed/

Packages, upper ones import only lower ones (import-linter checks it, see pyproject.toml):

cli         the commands of the console script, a module each
web         the web page and the REST interface, in a process of their own
supervisor  the daemon's process: main loop, deliveries, wiring, reload, checks before the start
outbox      sidecars, derived outputs, publishing; hooks
monitoring  health, heartbeat, metrics, systemd
engine      the worker pool, its processes, their sandbox
inbox       watching, scanning, stability and completeness of files, claims, archive, retention
ocr         the page pipeline: decode, preprocess, segment, recognise, lay out, assemble, render
ledger      SQLite: what became of each file
config      config.yaml and the environment
core        what all the others use

docs/architecture.md has drawings of processes, layers and states.
"""

__version__ = "0.1.0"
