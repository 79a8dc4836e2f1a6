"""ocr-daemon: the folder that reads what is dropped into it.

The path, one room a step:

    landed -> settled -> claimed
        -> [pages -> clean pages -> lines -> batches -> readings -> page text] -> document
        -> published (outbox) -> journaled -> archived | failed/

cli        the commands                        run       a Config becomes a running daemon
running    one daemon under one config
config     config.yaml -> one frozen Config    sections  its parts
relations  what of it cannot be meant together mistakes  what is no value of it
rooms      what of it each room gets
recipe     how a page is read, for the workers policy    what decides over one document
records    the nouns that travel               errors    Rejected, Deferred, Misconfigured, Died
pinned     files of networks, by digest        lexicon   the list of words
service    the loop: intake, workers, drain    delivery  one document's order of letting go
claims/    possession is a rename, or a row    kept      where originals go: archive/, failed/
lease      which daemon lives                  ground    what folders stand on, and how much room
journal/   SQLite: what became of each file    ledger    the journal found, or made anew
hooks/     whom answers are told, off the path
aside      calls that may never come back      ownership whom answers belong to
reload     what a changed config changes       signals   what an operator asks for by them
retention  originals that have had their time  alone     one daemon on one state folder
inbox/     watch rings, scan knows, settle decides, queue says what comes next, folders which
           profile is for what, intake says what may be claimed
engine/    worker processes (local, slot, hired), who watches them (sentry, memory), what is
           believed of their answers, what they run (worker), what they give up (sandbox/), a
           document's tasks (job) and outputs (makings)
ocr/       pages, preprocess, orientation, segment, batches, recognizer, layout, assemble; pipeline
           composes; look draws what was seen
model/     what a CRNN is                      training/ how one is made (never imported here)
making/    outputs that need a decoder, in a worker: searchable PDF, pictures of pages
outbox/    sidecar (+ its JSON Schema), publish; outputs beside it: text, hocr, alto, beside
work       one claimed document on its way     scratch   where workers write what they make
observe    how a scanner writes                advice    what that asks of the config
once, batch: reading without watching          verify, report, environment, plan, health: for
           operators
web/       the page and REST, a process of its own; web_process starts it
tally      plain counts of the path            vitals    how it is, asked from another thread
metrics    the counts under Prometheus' names  endpoint  /metrics, /healthz, /readyz
notify     what systemd is told                failpoints where tests make the daemon stop
heap       free memory given back              startup   the look at everything, before
"""

__version__ = "0.1.0"
