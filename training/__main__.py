"""Entry point of `python -m training COMMAND`."""

import torch

from training.commands import app

# Processors take a hundred times as long for such numbers.
torch.set_flush_denormal(True)
app(prog_name="python -m training")
