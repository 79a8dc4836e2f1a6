"""`python -m daemon` is `ocr-daemon`."""

from daemon.cli.app import main

main()
