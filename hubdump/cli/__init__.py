"""The command line: verbs, help, exit statuses. The only package that parses arguments."""

from __future__ import annotations

import os
from typing import Annotated, NoReturn

import typer

from hubdump.cli import diff, dump, plan, portal, proof, purge
from hubdump.cli.shared import app
from hubdump.errors import Exit
from hubdump.version import __version__

__all__ = ["app", "diff", "dump", "main", "plan", "portal", "proof", "purge"]


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Say the version and end.")] = False) -> None:
    if version:
        typer.echo(f"hubdump {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """The program: everything it writes is for its user alone, every error ends as one of our statuses."""
    os.umask(0o077)
    app(prog_name="hubdump")
    raise SystemExit(Exit.COMPLETE)
