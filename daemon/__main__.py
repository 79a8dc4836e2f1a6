"""`python -m daemon` is `ocr-daemon`."""

import os

from daemon.core.import_path import exclude_working_directory


def main() -> None:
    """Run the command on the command line.

    What is set here holds for all processes: no module comes from the working directory, and ONNX
    Runtime sends nothing. Its builds for Linux report their use to Microsoft unless this is set
    before they are loaded, and keep an identifier in the home folder and a file in /tmp.
    """
    exclude_working_directory()
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from daemon.cli.app import main as run_command  # imports much of the standard library

    run_command()


if __name__ == "__main__":
    main()
