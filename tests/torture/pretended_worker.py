"""Replaces what a worker loads and renders, in every process that imports this.

These are the program itself (program.py) and the fork server, which imports the modules in
`preloaded` before it forks a worker. Tests import pretended.py, which replaces nothing.
"""

from daemon.engine import worker
from tests.torture import pretended

worker._load = pretended.load  # type: ignore[assignment]
worker._render_output = pretended.render_output  # type: ignore[assignment]
worker.preloaded = lambda recipe: [__name__]  # type: ignore[assignment]
