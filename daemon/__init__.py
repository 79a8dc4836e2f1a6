"""ocr-daemon: the folder that reads what is dropped into it.

The path, one room a step:

    landed -> settled -> claimed
        -> [pages -> clean pages -> lines -> batches -> readings -> page text] -> document
        -> published (outbox) -> journaled -> archived | failed/

cli        the commands                        run       a Config becomes a running daemon
config     config.yaml -> one frozen Config    recipe    how a page is read: values for the workers
records    the nouns that travel               errors    Rejected, Deferred, Misconfigured, Died
pinned     files of networks, by digest        lexicon   the list of words
ownership  whom answers belong to
service    the loop: intake, workers, drain    delivery  one document's order of letting go
claims     possession is a rename              journal   SQLite: what became of each file
inbox/     watch rings, scan knows, settle decides, intake says what may be claimed
engine/    worker processes (local, slot, hired), who watches them (sentry, memory), what is
           believed of their answers, what they run (worker), what they give up (sandbox/), a
           document's tasks (job)
ocr/       pages, preprocess, orientation, segment, batches, recognizer, layout, assemble; pipeline
           composes; look draws what was seen
model/     what a CRNN is                      training/ how one is made (never imported here)
outbox/    sidecar (+ its JSON Schema), publish
once, batch: reading without watching          verify, report, environment, health: for operators
"""

__version__ = "0.1.0"
