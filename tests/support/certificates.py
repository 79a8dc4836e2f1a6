"""Certificates of a throwaway authority, made by the program openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from daemon.engine.protocol import TlsFiles

IS_MISSING = shutil.which("openssl") is None


def certified(folder: Path) -> TlsFiles:
    """Return an authority, and a certificate of it with its key, in a new folder."""
    folder.mkdir()
    files = TlsFiles(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority, request = folder / "ca-key.pem", folder / "request.pem"
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority",
        "-keyout", authority, "-out", files.ca,
    )  # fmt: skip
    _openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=member",
        "-keyout", files.key, "-out", request,
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", request, "-CA", files.ca, "-CAkey", authority, "-CAcreateserial",
        "-days", "2", "-out", files.cert,
    )  # fmt: skip
    return files


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
