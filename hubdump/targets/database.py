"""What `--to postgresql://...` means: a database, its password kept apart from all that is told or written; and what
`--to dlt:DESTINATION` does, of which dlt alone knows where it is and what opens it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from hubdump.errors import UsageError, installing
from hubdump.targets.written import Unfit

SCHEMES = ("postgresql", "postgres")
DLT = "dlt:"
_DESTINATION = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
# With a database's URL: the key under which the store keeps the marks by which it knows what it put there.
DATABASE = "database:"


@dataclass(frozen=True, slots=True)
class Database:
    """A database that somebody asks for: its URL without the password, and the password, empty where libpq finds it."""

    url: str
    password: str = field(default="", repr=False)
    hard_delete: bool = False


class Load(Struct, frozen=True):
    """What the process that loads is to do. `known` are the marks under which what is in the database is this store's,
    `mark` the one that it gets. `layout` is the one of layouts/ that it is to have views of; None: that it has.
    """

    url: str
    known: tuple[str, ...]
    mark: str
    hard_delete: bool = False
    layout: str | None = None


class Loaded(Struct, frozen=True):
    """What was loaded: the records that are there, the rows written for it; `told` is what a person should know, the
    rest is as in `Written`.
    """

    records: int
    rows: int
    mended: int = 0
    unfit: tuple[Unfit, ...] = ()
    strange: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def is_database(asked: str) -> bool:
    """Whether a word names a database, or a destination of dlt's."""
    return asked.startswith((DLT, *(f"{scheme}://" for scheme in SCHEMES)))


def database(asked: str, *, hard_delete: bool = False) -> Database:
    """The database of a URL; UsageError, which does not repeat it, for one that cannot be."""
    if asked.startswith(DLT):
        return _of_dlt(asked, hard_delete=hard_delete)
    hint = "hubdump load postgresql://user@host/database"
    try:
        url = urlsplit(asked)
    except ValueError:
        raise UsageError("The URL of the database is none.", hint) from None
    if url.fragment or "@" in url.path + url.query or url.netloc.count("@") > 1:
        raise UsageError(
            "The URL of the database has a character in its password, or elsewhere, that must be percent-encoded: "
            "%40 for @, %2F for /, %3F for ?, %23 for #.",
            hint,
        )
    if "password=" in url.query:
        raise UsageError(
            "The URL of the database has a password among its parameters. Nothing was done.",
            "Put it into ~/.pgpass, into PGPASSWORD, or behind the user: postgresql://user:password@host/database",
        )
    if find_spec("psycopg") is None:
        raise UsageError("PostgreSQL needs psycopg, which is not installed.", installing("psycopg[binary]"))
    user, at, host = url.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return Database(url._replace(netloc=name + at + host).geturl(), unquote(password), hard_delete)


def _of_dlt(asked: str, *, hard_delete: bool) -> Database:
    if not _DESTINATION.fullmatch(asked.removeprefix(DLT)):
        raise UsageError(
            "What follows dlt: is the name of a destination: where it is, and what opens it, dlt's own settings say. "
            "Nothing was done.",
            "hubdump load dlt:duckdb\nWhere dlt looks for its settings: docs/dlt.md",
        )
    if missing := [name for name in ("dlt", "pyarrow") if find_spec(name) is None]:
        raise UsageError(f"{asked} needs {' and '.join(missing)}: not installed.", installing("hubdump[dlt]"))
    return Database(asked, hard_delete=hard_delete)
