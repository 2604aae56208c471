"""SQL that makes of HubSpot's texts what they mean, whole columns at a time: exactly, or NULL.

DuckDB's own casts round ("1.23456789012" as DECIMAL(38,10)), guess ("t" as BOOLEAN) and trim, so each stands behind a
pattern that lets only those texts through of which it makes no other value. The one exception is what an instant says
below the microsecond: it is left out, and counted as such.
"""

from __future__ import annotations

from dataclasses import dataclass

from hubdump.hubspot.schema import Kind

# Zeros at both ends of a number do not count: 28 digits before the point, 10 behind it.
_PLAIN = r"[+-]?0*[0-9]{1,28}(\.[0-9]{0,10}0*)?|[+-]?\.[0-9]{1,10}0*"
_SCIENTIFIC = r"([+-]?)([0-9]*)\.?([0-9]*)[eE]([+-]?[0-9]{1,3})"
# Years 1 to 9999, which every reader can hold.
_YEAR = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_DATE = f"{_YEAR}-[0-9]{{2}}-[0-9]{{2}}"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_INSTANT = rf"{_DATE}T{_TIME}(\.[0-9]{{1,9}})?(Z|[+-](0[0-9]|1[0-4]):?[0-5][0-9])"
_DAY_MS = 86_400_000
_FIRST_MS, _END_MS = -62_135_596_800_000, 253_402_300_800_000


@dataclass(frozen=True, slots=True)
class Cast:
    """DuckDB's type for a kind; in SQL over `{x}`: its value of a text, that value as a text again, and whether the
    value says less than the text does.

    `plain` is the pattern of texts that DuckDB's own cast understands exactly. Where a column holds no others, that
    cast is all it takes: DuckDB plans a long expression for milliseconds, for each column, however few its rows are.
    """

    type: str
    value: str
    back: str = "{x}::VARCHAR"
    cut: str = "false"
    plain: str = ""


def value(kind: Kind, text: str, *, plain: bool = False) -> str:
    """The value of a text, NULL where it is none of its kind; `plain` where it, or '', is all there is."""
    cast = CASTS[kind]
    return (f"TRY_CAST({{x}} AS {cast.type})" if plain else cast.value).replace("{x}", text)


def odd(kind: Kind, text: str) -> str:
    """Whether a text is neither plain nor empty."""
    plain = CASTS[kind].plain
    return (f"{{x}} <> '' AND NOT {_matches(plain)}" if plain else "{x} <> ''").replace("{x}", text)


def back(kind: Kind, column: str) -> str:
    """The values of a column as texts, an instant as its microseconds since 1970."""
    return CASTS[kind].back.replace("{x}", column)


def cut(kind: Kind, text: str) -> str:
    """Whether something is left out of the value of a text that is not plain."""
    cast = CASTS[kind]
    return f"{cast.cut} AND ({cast.value}) IS NOT NULL".replace("{x}", text)


def _matches(pattern: str) -> str:
    return f"regexp_full_match({{x}}, '{pattern}')"


def _milliseconds() -> str:
    """A text as milliseconds since 1970, NULL where it is none."""
    number = "TRY_CAST({x} AS BIGINT)"
    return (
        f"CASE WHEN {_matches('-?[0-9]{1,15}')} AND {number} >= {_FIRST_MS} AND {number} < {_END_MS}"
        f" THEN {number} END"
    )


def _number() -> str:
    """Plain digits are counted by the pattern, those of scientific notation once the exponent has moved the point."""
    sign, whole, fraction, power = (f"regexp_extract({{x}}, '{_SCIENTIFIC}', {n})" for n in range(1, 5))
    digits = f"ltrim({whole} || {fraction}, '0')"
    before = f"(length({digits}) - length({fraction}) + TRY_CAST({power} AS INTEGER))"
    plain = (
        f"{sign} || left({digits}, greatest({before}, 0)) || repeat('0', {before} - length({digits})) || '.'"
        f" || repeat('0', -{before}) || substr({digits}, 1 + greatest({before}, 0)) || '0'"
    )
    behind = f"length(rtrim({digits}, '0')) - {before}"
    return (
        f"CASE WHEN {_matches(_PLAIN)} THEN TRY_CAST({{x}} AS DECIMAL(38,10))"
        f" WHEN NOT {_matches(_SCIENTIFIC)} OR {whole} || {fraction} = '' THEN NULL WHEN {digits} = '' THEN 0"
        f" WHEN {before} <= 28 AND {behind} <= 10 THEN TRY_CAST({plain} AS DECIMAL(38,10)) END"
    )


def _date() -> str:
    midnight = f"{_milliseconds()} // {_DAY_MS}"
    return (
        f"CASE WHEN {_matches(_DATE)} THEN TRY_CAST({{x}} AS DATE)"
        f" WHEN ({_milliseconds()}) % {_DAY_MS} = 0 THEN DATE '1970-01-01' + TRY_CAST(({midnight}) AS INTEGER) END"
    )


def _instant() -> str:
    # Up to 27 characters nothing stands below the microsecond.
    whole = r"CASE WHEN length({x}) > 27 THEN regexp_replace({x}, '(\.[0-9]{6})[0-9]+', '\1') ELSE {x} END"
    iso = f"TRY_CAST({whole} AS TIMESTAMPTZ)"
    return (
        f"CASE WHEN {_matches(_INSTANT)} THEN CASE WHEN epoch_ms({iso}) >= {_FIRST_MS}"
        f" AND epoch_ms({iso}) < {_END_MS} THEN {iso} END ELSE make_timestamptz(1000 * ({_milliseconds()})) END"
    )


def _json() -> str:
    """DuckDB also reads NaN, Infinity and commas too many, of which other readers make an error."""
    bare = r"""regexp_replace({x}, '"([^"\\]|\\.)*"', '""', 'g')"""
    strict = rf"NOT regexp_matches({bare}, '(?i)nan|inf|,\s*[\]}}]')"
    return f"CASE WHEN {{x}} <> '' AND {strict} THEN TRY_CAST({{x}} AS JSON) END"


CASTS = {
    Kind.VERBATIM: Cast("VARCHAR", "{x}", back="{x}"),
    Kind.TEXT: Cast("VARCHAR", "nullif({x}, '')", back="{x}"),
    Kind.NUMBER: Cast("DECIMAL(38,10)", _number(), plain=_PLAIN),
    Kind.INTEGER: Cast("BIGINT", f"CASE WHEN {_matches('-?[0-9]{1,19}')} THEN TRY_CAST({{x}} AS BIGINT) END"),
    Kind.BOOL: Cast("BOOLEAN", "CASE lower({x}) WHEN 'true' THEN true WHEN 'false' THEN false END"),
    Kind.DATE: Cast("DATE", _date(), plain=_DATE),
    Kind.INSTANT: Cast(
        "TIMESTAMPTZ",
        _instant(),
        back="epoch_us({x})::VARCHAR",
        cut=r"length({x}) > 27 AND regexp_matches({x}, '\.[0-9]{6}[0-9]*[1-9]')",
        plain=rf"{_DATE}T{_TIME}(\.[0-9]{{1,6}})?Z",
    ),
    Kind.LIST: Cast("VARCHAR[]", "string_split(nullif({x}, ''), ';')", back="array_to_string({x}, ';')"),
    Kind.JSON: Cast("JSON", _json()),
}
