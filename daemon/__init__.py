"""ocr-daemon: the folder that reads what is dropped into it.

The path, one room a step:

    landed -> settled -> claimed
        -> [pages -> clean pages -> lines -> batches -> readings -> page text] -> document
        -> published (outbox) -> journaled -> archived | failed/

cli        the commands                        service   the loop: time, signals, intake, drain
config     config.yaml -> one frozen Config    recipe    how a page is read: values for the workers
records    the nouns that travel               errors    Rejected, Deferred, Misconfigured
inbox/     watch, scan, settle                 claims    possession is a rename
journal    SQLite: what became of each file    engine/   worker processes and their tasks
ocr/       pages, preprocess, segment, batches, recognizer, layout, assemble; pipeline composes them
model/     what a CRNN is                      outbox/   the sidecar and its JSON Schema
training/  how a CRNN is made (never imported by the running daemon)
"""

__version__ = "0.1.0"
