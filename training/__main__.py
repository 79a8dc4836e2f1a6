"""Entry point of `python -m training COMMAND`."""

from training.commands import app

app(prog_name="python -m training")
