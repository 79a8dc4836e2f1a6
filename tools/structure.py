"""Prints the structure of a package: top entries, modules, import cycles, repeated class names.

    python -m tools.structure [FOLDER ...]

Each FOLDER is an import package (default: `daemon`), here or in another checkout to compare with.
With several, class names that repeat across them are counted too.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, set[str]]


def modules(folder: Path) -> dict[str, Path]:
    """Return the dotted name and path of each module below an import package."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def import_graph(found: dict[str, Path]) -> Graph:
    """Return the modules that each module imports, also within functions and for type checking."""
    return {name: set(_imported(path, found)) - {name} for name, path in found.items()}


def package_graph(graph: Graph) -> Graph:
    """Return the imports between the top entries of the package."""
    packages: Graph = defaultdict(set)
    for name, imported in graph.items():
        ours = _top(name)
        packages[ours] |= {_top(other) for other in imported} - {ours}
    return dict(packages)


def cycles(graph: Graph) -> list[list[str]]:
    """Return import cycles, found one after another until none is left; each ends at its start."""
    graph = {name: set(imported) for name, imported in graph.items()}
    found = []
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle = list(reversed(error.args[1]))
            found.append(cycle)
            graph[cycle[0]].discard(cycle[1])
        else:
            return found


def repeated_classes(found: dict[str, Path]) -> dict[str, list[str]]:
    """Return the public class names that are defined in more than one module."""
    modules_by_class = defaultdict(list)
    for name, path in found.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules_by_class[node.name].append(name)
    return {name: where for name, where in modules_by_class.items() if len(where) > 1}


def report(folder: Path) -> Iterator[str]:
    """Yield the figures of a package as lines."""
    found = modules(folder)
    graph = import_graph(found)
    top = {_top(name) for name in found} - {folder.name}
    yield f"top entries      {len(top)}"
    yield f"modules          {len(found)}"
    for kind, each in (("modules", graph), ("packages", package_graph(graph))):
        found_cycles = cycles(each)
        yield f"cycles, {kind:<9}{len(found_cycles)}"
        yield from (f"    {' -> '.join(cycle)}" for cycle in found_cycles)
    yield from repeated_class_lines(found)


def repeated_class_lines(found: dict[str, Path]) -> Iterator[str]:
    """Yield the number of repeated class names, and each with its modules."""
    repeated = repeated_classes(found)
    yield f"repeated classes {len(repeated)}"
    yield from (f"    {name}: {', '.join(where)}" for name, where in sorted(repeated.items()))


def _top(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _imported(path: Path, found: Iterable[str]) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in found)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names} & set(found)
            yield from names
            if len(names) < len(node.names) and node.module in found:
                yield node.module


if __name__ == "__main__":
    folders = [Path(argument).absolute() for argument in sys.argv[1:] or ["daemon"]]
    for folder in folders:
        print(folder, *report(folder), sep="\n")
    if len(folders) > 1:
        together = {name: path for folder in folders for name, path in modules(folder).items()}
        print("together", *repeated_class_lines(together), sep="\n")
