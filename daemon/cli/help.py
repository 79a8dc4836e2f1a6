"""The help of the console script: plain text, and the commands by what they are for."""

from __future__ import annotations

from typing import Any, Final

from typer.core import TyperGroup

READING: Final = "Read"
DOCUMENTS: Final = "Documents"
OPERATING: Final = "Operate"
SETTING_UP: Final = "Set up"
_OTHER: Final = "Commands"
MAX_SUMMARY: Final = 200  # characters of the first sentence of a command


class GroupedCommands(TyperGroup):
    """Lists the commands under the headings that `rich_help_panel` gives them."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002 -- typer's
        """Write a section for each heading, in the order in which they first occur."""
        shown = {name: command for name, command in self.commands.items() if not command.hidden}
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in shown.items():
            heading = getattr(command, "rich_help_panel", None)
            rows = sections.setdefault(heading if isinstance(heading, str) else _OTHER, [])
            rows.append((name, command.get_short_help_str(MAX_SUMMARY)))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
