"""HubSpot's answers as msgspec shapes: only the fields that are read, everything else kept as bytes."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Raw, Struct

from hubdump.errors import Incomplete


class Next(Struct, frozen=True):
    after: str


class Paging(Struct, frozen=True):
    next: Next | None = None


class Problem(Struct, frozen=True):
    """One entry of a batch answer's `errors`; every field is optional in what was recorded."""

    category: str = ""
    subCategory: str = ""
    message: str = ""
    context: dict[str, list[str]] = {}


class ListPage(Struct, frozen=True):
    results: list[Raw]
    paging: Paging | None = None


class SearchPage(Struct, frozen=True):
    results: list[Raw]
    total: int
    paging: Paging | None = None


class BatchPage(Struct, frozen=True):
    """`errors` stand in 207 answers and, since 2026-09, possibly in 200 ones."""

    results: list[Raw]
    errors: list[Problem] = []


class FromId(Struct, frozen=True):
    id: str | int


class AssociationType(Struct, frozen=True):
    category: str
    typeId: int
    label: str | None = None


class AssociatedTo(Struct, frozen=True):
    """`toObjectId` is a number in v4 and a string in dated versions."""

    toObjectId: str | int
    associationTypes: list[AssociationType]


class AssociationResult(Struct, frozen=True, rename={"from_": "from"}):
    """`to` stays as it came: decoded, the half a million associations of one answer take several times its size."""

    from_: FromId
    to: Raw
    paging: Paging | None = None

    def __post_init__(self) -> None:
        associated(self.to)  # where one is none, the whole page is not what was asked for


class AssociationPage(Struct, frozen=True):
    results: list[AssociationResult]
    errors: list[Problem] = []


class AssociationTypes(Struct, frozen=True):
    results: list[AssociationType]


class PropertyDefinition(Struct, frozen=True):
    """What of a definition says how a property is to be read; `schema` knows what its values are."""

    name: str
    createdAt: str | int | float | None = None
    archived: bool | None = False
    calculated: bool | None = False
    dataSensitivity: str | None = ""


class PropertyList(Struct, frozen=True):
    results: list[Raw]


class Account(Struct, frozen=True):
    portalId: int
    timeZone: str = ""
    uiDomain: str = ""
    accountType: str = ""


class TypeUsage(Struct, frozen=True):
    objectTypeId: str
    usage: int


class CustomUsage(Struct, frozen=True):
    byObjectType: list[TypeUsage] = []


class Usage(Struct, frozen=True):
    hubspotDefinedObjectTypes: list[TypeUsage]
    customObjectTypes: CustomUsage = CustomUsage()

    def by_type_id(self) -> dict[str, int]:
        """How many records HubSpot counts, by type id."""
        every = (*self.hubspotDefinedObjectTypes, *self.customObjectTypes.byObjectType)
        return {one.objectTypeId: one.usage for one in every}


class Labels(Struct, frozen=True):
    singular: str = ""
    plural: str = ""


class SchemaLink(Struct, frozen=True):
    fromObjectTypeId: str
    toObjectTypeId: str


class Schema(Struct, frozen=True):
    """An object type, as far as it is needed to read its records and their associations."""

    objectTypeId: str
    fullyQualifiedName: str = ""
    name: str = ""
    labels: Labels = Labels()
    associations: list[SchemaLink] = []


class Schemas(Struct, frozen=True):
    results: list[Schema]


class Library(Struct, frozen=True):
    enablementByObjectTypeId: dict[str, bool]


class AccessToken(Struct, frozen=True):
    access_token: str
    expires_in: float
    refresh_token: str | None = None


class SignedUrl(Struct, frozen=True):
    """Where the bytes of a file are for a while; for years only the URL was sent (recorded in issues of the SDKs)."""

    url: str
    size: int | None = None


class Refusal(Struct, frozen=True):
    """The envelope of an error; its documentation says to treat every field as optional."""

    message: str = ""
    category: str = ""
    policyName: str = ""
    correlationId: str = ""
    context: dict[str, list[str]] = {}
    errors: list[Problem] = []


class HeadProperties(Struct, frozen=True):
    hs_object_id: str | int | None = None
    hs_engagement_type: str | None = None


class Head(Struct, frozen=True):
    """What the store's index needs of a record."""

    id: str | int
    properties: HeadProperties
    updatedAt: str | int | float | None = None
    archived: bool = False


class ValueWithTimestamp(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of a property's history, as far as it is documented."""

    timestamp: str
    value: str | None = None
    sourceType: str | None = None
    sourceId: str | None = None
    sourceLabel: str | None = None
    updatedByUserId: int | None = None


class Histories(Struct, frozen=True):
    """What an answer says of a record's past; absent where HubSpot did not understand that it was asked for."""

    propertiesWithHistory: dict[str, list[ValueWithTimestamp] | None] | None = None


class OddHistories(Struct, frozen=True):
    """The same with entries that are not as documented."""

    propertiesWithHistory: dict[str, list[dict[str, Raw]] | None] | None = None


class Claim(Struct, frozen=True):
    """The id of what is no record, whatever it is."""

    id: Raw = Raw(b"null")


_HEAD = msgspec.json.Decoder(Head)
_ASSOCIATED = msgspec.json.Decoder(list[AssociatedTo])
_CLAIM = msgspec.json.Decoder(Claim)
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))\Z"
)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# As HubSpot writes nearly all of them, on a day that every year has.
_USUAL = re.compile(
    r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8]|(?<!02-)(?:29|30))"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z\Z",
    re.ASCII,
)
# Up to the year 33658: more is nobody's clock, and no number of SQLite's.
_EPOCH_MS = re.compile(r"-?\d{1,15}\Z")


def associated(to: Raw) -> list[AssociatedTo]:
    """What one record is associated with."""
    return _ASSOCIATED.decode(to)


def head(record: Raw) -> Head:
    """The index fields of one record's bytes; msgspec.DecodeError when they are not a record."""
    return _HEAD.decode(record)


def claimed_id(record: Raw) -> str:
    """At most 40 characters of what stands as an id in what is no record; '' where nothing does."""
    try:
        text = bytes(_CLAIM.decode(record).id)[:42].decode("ascii", "replace")
    except msgspec.DecodeError:
        return ""
    return "" if text == "null" else text.strip('"')[:40]


def instant_us(said: str | float | None) -> int | None:
    """Microseconds since 1970 (UTC) of HubSpot's text, or None where there is none or it is unreadable.

    Fractions have 0 to 9 digits, and some answers hold epoch milliseconds (recorded traffic).
    """
    text = "" if said is None else str(said)
    if _USUAL.match(text):
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND  # six times as fast as what follows
    match = _INSTANT.match(text)
    if not match:
        return int(text) * 1000 if _EPOCH_MS.match(text) else None
    year, month, day, hour, minute, second, fraction, sign, off_h, off_m = match.groups()
    if not (int(year) > 0 and 0 < int(month) <= 12):
        return None
    seconds = timegm((int(year), int(month), int(day), int(hour), int(minute), int(second)))
    if sign:
        seconds -= (1 if sign == "+" else -1) * (int(off_h) * 3600 + int(off_m) * 60)
    return seconds * 1_000_000 + int((fraction or "")[:6].ljust(6, "0"))


def number(text: str) -> int | None:
    """The whole number a text is; None for any other text, and for more digits than HubSpot's numbers have."""
    return int(text) if text.isdecimal() and len(text) < 20 else None


def record_id(value: str | int) -> int:
    """A record's id as the number it stands for; Incomplete unless it is one of HubSpot's: 1 to 2^63-1.

    Ids are text in everything we hand out; as a key the number sorts as HubSpot's lists do.
    """
    text = str(value)[:40]
    number = int(text) if text.isdecimal() else 0
    if str(number) != text or not 0 < number < 2**63:
        raise Incomplete(f"HubSpot answered with a record id that is none: {text!r}.")
    return number
