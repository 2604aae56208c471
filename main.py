"""`python main.py` is `hubdump run`, as the users of the first version type it; other verbs work too."""

from __future__ import annotations

import sys


def start() -> None:
    """Hand over to hubdump; exit 2 with the command that installs what is missing."""
    try:
        from hubdump.cli import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("hubdump."):
            raise
        sys.stderr.write(
            f"hubdump's dependencies are not installed for this Python ({error.name} is missing).\n"
            "hint: make run installs them and tries the sandbox; then: venv/bin/python main.py\n"
        )
        raise SystemExit(2) from None
    verbs = ("run", "verify", "status", "load", "sandbox")
    if not any(argument in verbs or argument in {"-h", "--help", "--version"} for argument in sys.argv[1:2]):
        sys.argv.insert(1, "run")
    main()


if __name__ == "__main__":
    start()
