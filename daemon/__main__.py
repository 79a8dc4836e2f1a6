"""`python -m daemon` is `ocr-daemon`."""

from daemon.core.import_path import exclude_working_directory


def main() -> None:
    """Run the command on the command line.

    No process that it starts imports a module from the working directory either.
    """
    exclude_working_directory()
    from daemon.cli.app import main as run_command  # imports much of the standard library

    run_command()


if __name__ == "__main__":
    main()
