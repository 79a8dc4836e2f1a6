"""`ocr-daemon systemd install`: the unit of a service of one user."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from daemon.config.load import personal_folder

UNIT = """\
[Unit]
Description=ocr-daemon, a hot-folder OCR service
# restart without a limit, except after a refused configuration
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
WorkingDirectory={folder}
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
# loading the models, and recovery of unfinished documents
TimeoutStartSec=300
# longer than grace_seconds, in which documents in progress are finished
TimeoutStopSec=60
KillMode=mixed
Restart=always
RestartSec=5
# 78: the configuration or a folder is wrong
RestartPreventExitStatus=78
WatchdogSec=120
MemoryMax=2G
Nice=5
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def install(config: Path | None) -> str:
    """Write the unit of this user's service, and return the commands that start it.

    The service runs in the working directory, with `config` if there is one.
    """
    unit = personal_folder() / "systemd/user/ocr-daemon.service"
    words = [sys.executable, "-P", "-m", "daemon", "run"]
    if config:
        words += ["--config", str(config.absolute())]
    text = UNIT.format(folder=_escaped(str(Path.cwd())), command=" ".join(map(_quoted, words)))
    is_new = not unit.exists()
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(text, encoding="utf-8")
    return "\n".join([
        f"{'wrote' if is_new else 'replaced'} {unit}",
        *_refused_as_root(),
        "stop a daemon that runs already (make run: Ctrl-C)",
        "start it, now and at each login:",
        "  systemctl --user daemon-reload",
        "  systemctl --user enable --now ocr-daemon",
        "keep it running without a login:",
        "  loginctl enable-linger",
    ])  # fmt: skip


def _refused_as_root() -> list[str]:
    if os.geteuid() != 0:
        return []
    refusal = "as root the service ends with exit code 78 unless the config has allow_root: true"
    return [f"{refusal}; better install it as another user"]


def _escaped(word: str) -> str:
    """Return a word without the specifiers and variables of systemd.unit(5)."""
    return word.replace("%", "%%")


def _quoted(word: str) -> str:
    """Return a word of a command line as systemd.service(5) reads it."""
    escaped = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'
