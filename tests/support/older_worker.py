"""`ocr-daemon` of an earlier version, with simulated OCR: what it says of itself."""

import daemon

daemon.__version__ = "0.0.1"

from daemon.cli.app import main  # noqa: E402
from tests.torture import pretended_worker  # noqa: E402

if __name__ == "__main__":
    del pretended_worker  # imported for the functions that it replaces
    main()
