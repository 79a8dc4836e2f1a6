"""`python -m daemon` is `ocr-daemon`."""

from daemon.cli import main

main()
