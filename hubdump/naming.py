"""What a custom object is called here: a name made of its label that any database takes, and that stays."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

# Tables of ours, of what is around the records, and names of walks: a custom object of that name gets a suffix.
RESERVED = frozenset(
    {
        "account", "all", "archived", "association_types", "associations", "catch_up", "company_currency",
        "currencies", "custom", "custom_types", "email_events", "files", "form_submissions", "forms",
        "history", "identify", "list_memberships", "lists", "marketing_emails", "merges", "owner_teams",
        "owners", "pipeline_stages", "pipelines", "properties", "property_groups", "property_history",
        "property_options", "record", "reread", "schemas", "settle", "subscription_changes",
        "subscription_statuses", "subscription_types", "sweep", "teams", "workflows",
    }
)  # fmt: skip
_CHARS_MAX = 40
_OTHER = re.compile(r"[^a-z0-9]+")


def cleaned(label: str) -> str:
    """A label in lower-case ASCII letters, digits and '_'; '' where none of it is left."""
    plain = unicodedata.normalize("NFKD", label.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return _OTHER.sub("_", plain.lower()).strip("_")[:_CHARS_MAX].rstrip("_")


def named(labels: Collection[str], type_id: str, taken: Collection[str]) -> str:
    """A name that is not taken: that of the first label that leaves one, with its type id where it has to be."""
    name = next((found for label in labels if (found := cleaned(label))), "")
    if not name or not name[0].isalpha():
        name = f"object_{name}".rstrip("_")
    if name in RESERVED or name in taken or name == "object":
        name = f"{name}_{type_id.replace('-', '_')}"
    while name in taken:
        name += "_"
    return name
