"""`ocr-daemon` with pretended reading; see pretended.py."""

from daemon.cli.app import main
from tests.torture import pretended

if __name__ == "__main__":
    del pretended  # imported for what it exchanges
    main()
