"""Keeps the working directory out of the folders from which Python imports modules.

`python -m` and `python -c` search the working directory first, and an empty or relative entry of
PYTHONPATH is that directory or a folder below it. The daemon may be started in a folder in which
other people put files, and a `numpy.py` there would run with its rights.
"""

# Only what the interpreter has loaded already: anything else could be found in that very folder.
# ruff: noqa: PTH117, PTH120
import os
import sys


def exclude_working_directory() -> None:
    """Import nothing from the working directory, neither here nor in processes started from here.

    A folder that an absolute entry of PYTHONPATH names stays, and so does the one from which this
    package was imported.
    """
    given = os.environ.get("PYTHONPATH")
    entries = given.split(os.pathsep) if given else []
    absolute = [entry for entry in entries if os.path.isabs(entry)]
    searched = {_real(entry) for entry in entries if not os.path.isabs(entry)}
    if not sys.flags.safe_path and sys.path and _real(sys.path[0]) == _real(""):
        searched.add(_real(""))
        del sys.path[0]  # a later entry of the same name is there for another reason
    package_root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    if package_root in searched:
        absolute.append(package_root)
        sys.path.append(package_root)
    kept = {_real(entry) for entry in (*absolute, os.path.dirname(os.__file__))}
    dropped = {_real(entry) for entry in entries} - kept
    sys.path[:] = [entry for entry in sys.path if _real(entry) not in dropped]
    os.environ["PYTHONPATH"] = os.pathsep.join(absolute)  # an empty one is as good as none
    os.environ["PYTHONSAFEPATH"] = "1"


def _real(entry: str) -> str:
    """Return the folder that an entry names; the entry itself where it cannot be told."""
    try:
        return os.path.realpath(entry)
    except OSError:  # the working directory has been removed
        return entry
