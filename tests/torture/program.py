"""`ocr-daemon` with simulated OCR; see pretended.py."""

from daemon.cli.app import main
from tests.torture import pretended

if __name__ == "__main__":
    del pretended  # imported for the functions that it replaces
    main()
