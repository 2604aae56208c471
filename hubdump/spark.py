"""HubSpot as a Python data source of Spark's: `spark.read.format("hubspot")`, a task for each portal.

from hubdump.spark import HubSpot

spark.dataSource.register(HubSpot)
spark.read.format("hubspot").option("portals", "portals.toml").option("table", "contacts").load()
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubdump.errors import HubdumpError, UsageError, installing

try:
    import pyarrow as pa
    from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, InputPartition
except ImportError as error:
    raise UsageError(
        f"{error.name} is not installed. Install: pip install 'hubdump[spark]' and the pyspark of your cluster, or "
        "pyspark-client",
        installing("hubdump[spark]", "pyspark-client"),
    ) from error

from hubdump import feeding
from hubdump.extract.plan import Linking
from hubdump.feeding import Ask, Between
from hubdump.portals import Portal, portals_in
from hubdump.targets import arrow_rows
from hubdump.targets.tables import ASSOCIATIONS, COLUMNS, HISTORY, MERGES

# How the run of each portal ended, a row each: a portal that cannot be read is a row, not the end of the query.
RUNS = "_runs"
# The columns of a table whose user names none: the same whatever a portal defines. Sail knows no maps in such a text.
_RECORDS = (
    "portal string, id string, created_at timestamp, updated_at timestamp, archived boolean, archived_at timestamp, "
    "_deleted boolean, _merged_into string, _extracted_at timestamp, properties string"
)
_SCHEMAS = {
    ASSOCIATIONS: "portal string, from_type string, from_id string, to_type string, to_id string, category string, "
    "type_id bigint, label string, _removed boolean",
    MERGES: "portal string, type string, old_id string, id string, known_by string",
    HISTORY: "portal string, type string, id string, property string, value string, timestamp string, "
    "source_type string, source_id string, source_label string, updated_by_user_id string",
    COLUMNS: "portal string, `table` string, `column` string, property string, type string, field_type string, "
    "label string, kind string",
    RUNS: "portal string, exit bigint, verdict string, next string, seconds double, requests bigint, records bigint",
}
_OPTIONS = (
    "table", "portals", "portal", "dump", "token_env", "env_file", "sandbox",
    "only", "exclude", "history", "associations", "extract", "wait_s",
)  # fmt: skip
_SECRET = {"token", "access_token", "service_key", "password", "secret", "client_secret", "refresh_token"}


class HubSpot(DataSource):  # type: ignore[misc] # pyspark is no dependency of ours, so its types are not read
    """The data source; its options are told in docs/many-portals.md."""

    @classmethod
    def name(cls) -> str:
        return "hubspot"

    def schema(self) -> str:
        return _SCHEMAS.get(_table(self.options), _RECORDS)

    def reader(self, schema: Any) -> DataSourceReader:
        return _Tables(_portals(self.options), _ask(self.options), _arrow(schema))

    def streamReader(self, schema: Any) -> DataSourceStreamReader:  # noqa: N802 - Spark's name
        ask = _ask(self.options)
        if ask.table == RUNS or not ask.extract:
            raise UsageError(
                "A stream is of a table's changes, and each batch asks HubSpot for them.", "spark.read"
            )
        feeding.refuse_unchanging(ask.table)
        return _Changes(_portals(self.options), ask, _arrow(schema))


@dataclass(frozen=True, slots=True)
class _Of(InputPartition):  # type: ignore[misc] # as above
    """What one task does: one portal, and in a stream from which turn to which."""

    portal: Portal
    between: Between | None = None


class _Tables(DataSourceReader):  # type: ignore[misc] # as above
    """A table of every portal, or how the run of each ended."""

    def __init__(self, portals: Sequence[Portal], ask: Ask, schema: pa.Schema) -> None:
        self._portals, self._ask, self._schema = portals, ask, schema

    def partitions(self) -> list[InputPartition]:
        return [_Of(portal) for portal in self._portals]

    def read(self, partition: _Of) -> Iterator[pa.RecordBatch]:
        portal = partition.portal
        if self._ask.table == RUNS:
            row = {"portal": portal.name, **_ended(portal, self._ask)}
            yield pa.RecordBatch.from_pylist([row], schema=self._schema)
            return
        yield from _named(portal, feeding.rows(portal, self._ask, self._schema))


class _Changes(DataSourceStreamReader):  # type: ignore[misc] # as above
    """What changed in a table of every portal: an offset is a turn, in which each portal has a run of its own."""

    def __init__(self, portals: Sequence[Portal], ask: Ask, schema: pa.Schema) -> None:
        self._portals, self._ask, self._schema = portals, ask, schema

    def initialOffset(self) -> dict[str, str]:  # noqa: N802 - Spark's name
        return {"turn": ""}

    def latestOffset(self) -> dict[str, str]:  # noqa: N802 - Spark's name
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        return {"turn": f"{now}-{secrets.randbelow(10**9):09}"}

    def partitions(self, start: Mapping[str, str], end: Mapping[str, str]) -> list[InputPartition]:
        return [_Of(portal, Between(start["turn"], end["turn"])) for portal in self._portals]

    def read(self, partition: _Of) -> Iterator[pa.RecordBatch]:
        assert partition.between is not None
        found = feeding.changes(partition.portal, self._ask, partition.between, self._schema)
        yield from _named(partition.portal, found)


def _named(portal: Portal, found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same; Spark tells of an error no more than its message."""
    try:
        yield from found
    except HubdumpError as error:
        raise HubdumpError(f"{portal.name}: {error.message} {error.hint}".strip(), error.hint) from error


def _ended(portal: Portal, ask: Ask) -> dict[str, Any]:
    """How the run of a portal ended, or could not begin, as columns."""
    try:
        ended = feeding.ended(portal, ask)
    except HubdumpError as error:
        return {"exit": int(error.exit), "verdict": error.message, "next": error.hint}
    return {
        "exit": ended.exit,
        "verdict": ended.verdict,
        "next": "\n".join(ended.next),
        "seconds": ended.seconds,
        "requests": sum(ended.requests.values()),
        "records": sum(type_.records for type_ in ended.types.values()),
    }


def _arrow(schema: Any) -> pa.Schema:
    """The columns that are wanted: Sail says them as Arrow, Spark in its own types."""
    if not isinstance(schema, pa.Schema):
        from pyspark.sql.pandas.types import to_arrow_schema

        schema = to_arrow_schema(schema, timezone="UTC")
    arrow_rows.check(schema)
    return schema


def _table(options: Mapping[str, str]) -> str:
    if not options.get("table"):
        raise UsageError("Of which table is not said.", '.option("table", "contacts")')
    return options["table"]


def _ask(options: Mapping[str, str]) -> Ask:
    """What the options ask of every portal; UsageError for what no option can be."""
    _refuse_unknown(options)
    wishes: dict[str, Any] = {
        name: options[name].split() for name in ("only", "exclude", "history") if options.get(name)
    }
    if options.get("associations"):
        wishes["associations"] = options["associations"]
    table, extract = _table(options), options.get("extract", "true").lower()
    if table == RUNS:
        wishes.setdefault("only", [])
    if (table, options.get("associations")) == (ASSOCIATIONS, Linking.NEVER):
        raise UsageError("No associations would be read.", "Leave out associations=never.")
    if extract not in {"true", "false"}:
        raise UsageError(f"extract is '{extract}', but must be: true or false.")
    try:
        wait_s = float(options.get("wait_s", feeding.WAIT_S))
    except ValueError:
        raise UsageError(f"wait_s is '{options['wait_s']}', but must be: a number of seconds.") from None
    return Ask(table, extract == "true", wait_s, wishes)


def _refuse_unknown(options: Mapping[str, str]) -> None:
    given = {name.lower() for name in options}
    if secret := sorted(given & _SECRET):
        raise UsageError(
            f"{secret[0]}: Spark shows options in its plans and logs. No secret belongs into them.",
            'Name where the token is, on the machines that run tasks: .option("token_env", "ACME_TOKEN")',
        )
    if unknown := sorted(given - {*_OPTIONS}):
        raise UsageError(f"There is no option {unknown[0]}. Options: {', '.join(_OPTIONS)}.")


def _portals(options: Mapping[str, str]) -> tuple[Portal, ...]:
    """The portals of a file, or those of them that are named; or one, by options."""
    named = options.get("portal", "").split()
    if file := options.get("portals"):
        found = {portal.name: portal for portal in portals_in(Path(file))}
        if unknown := sorted({*named} - found.keys()):
            raise UsageError(f"There is no portal {unknown[0]} in {file}. Portals: {', '.join(found)}.")
        return tuple(found[name] for name in named or found)
    if not options.get("dump"):
        raise UsageError(
            "Which portals is not said.",
            '.option("portals", "portals.toml"), or .option("dump", "/shared/acme")',
        )
    dump = Path(options["dump"]).absolute()
    file = options.get("env_file", "")
    return (
        Portal(
            " ".join(named) or dump.name,
            dump,
            options.get("token_env", ""),
            Path(file).absolute() if file else None,
            sandbox=options.get("sandbox"),
        ),
    )
