"""Who runs, in a row each, and who does not, and why."""

from __future__ import annotations

from bench.rivals import airbyte, ingestr, meltano, ours, singer
from bench.rivals.peers import Rival
from hubdump.version import __version__

OURS = Rival("hubdump", "", __version__, "JSON lines, a file for each table; labels and types of associations",
             ours.ready, ours.read, env=ours.ENV, table="tables/contacts.jsonl")  # fmt: skip
RIVALS = (
    Rival("singer", "tap-hubspot", "4.5.0", "Singer messages; of companies its schema keeps nothing",
          singer.ready, singer.read, to=("deals",)),
    Rival("meltano", "meltano-tap-hubspot", "0.10.1", "Singer messages; labels and types of associations",
          meltano.ready, meltano.read),
    Rival("airbyte", "airbyte-source-hubspot", "5.7.0",
          "Airbyte messages; ids of companies; deals tell their contacts, and are not read here",
          airbyte.ready, airbyte.read, to=("companies",)),
    Rival("ingestr", "ingestr", "0.14.155", "a DuckDB file; ids of companies and deals",
          ingestr.ready, ingestr.read),
)  # fmt: skip
ALL = (OURS, *RIVALS)

# Whom docs/peers.md compares with, and who cannot be here; and whose current version is another.
NOT_IN = {
    "dlt's HubSpot source": "it is no package, `dlt init` copies it from a repository. ingestr's is made from it.",
    "Estuary, Fivetran, hotglue, PostHog": "they run as a service, or inside their own application.",
    "Airbyte after 5.7.0": "that is the last that is a Python package; later ones are container images.",
    "ingestr 0.15.9, and 1.1.76, the current one": "the package fetches a compiled program, which cannot be led "
    "to another host; 0.14.155, the last in Python, is in it.",
}
