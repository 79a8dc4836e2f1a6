"""`python -m training COMMAND`: makes and measures recognisers."""

from training.commands import app

app(prog_name="python -m training")
