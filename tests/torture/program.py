"""`ocr-daemon` with simulated OCR; see pretended.py."""

from daemon.cli.app import main
from tests.torture import pretended_worker

if __name__ == "__main__":
    del pretended_worker  # imported for the functions that it replaces
    main()
