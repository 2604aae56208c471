"""`hubdump run` as a function: `hubdump.run("data", only=["deals"])`."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from hubdump import settings
from hubdump.access import access_of, folder_of, reached_portal
from hubdump.clock import SystemClock
from hubdump.events import Emit, RunEnded
from hubdump.extract.bearer import Credentials, ServiceKey
from hubdump.extract.plan import Wishes
from hubdump.logbook import Logbook, new_id
from hubdump.model import Secret
from hubdump.running import Order, under
from hubdump.stopping import heard
from hubdump.targets import asked_for
from hubdump.targets.layouts import checked

DAY_S = 86_400


def run(
    dump: str | Path | None = None,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    history: Sequence[str] = (),
    to: Sequence[str] = (),
    labels: bool = False,
    hard_delete: bool | None = None,
    layout: Literal["fivetran", "none"] | None = None,
    files: bool | None = None,
    associations: Literal["changed", "all", "never"] | None = None,
    keep_versions: bool | None = None,
    prove: bool = False,
    prove_within_days: float = 7,
    accept_deletes: bool = False,
    share: float | None = None,
    daily_reserve: int | None = None,
    token: str | Credentials | None = None,
    sandbox: str | None = None,
    base_url: str | None = None,
    name: str | None = None,
    on_event: Emit = lambda _: None,
) -> RunEnded:
    """Bring a dump up to date, as `hubdump run` does; how it ended: `exit` is the command's status, 0 for complete.

    What is not given is as the settings say (environment, .env, hubdump.toml), a dump that is named nowhere is `data`,
    with `sandbox` `data-sandbox`.
    `sandbox` is the name of an embedded portal to read instead of HubSpot, `base_url` where one is that is served.
    A run is called `name`, an instant and a number as under runs/; one that was cut short goes on under its own.
    `on_event` is called with every event (hubdump/events.py) in the thread that reads, and must be quick. Ctrl-C lets
    the pages under way come home.

    HubdumpError where the run could not even begin: no token, another portal's dump, one that is being written.
    Whatever ends a run, everything committed is kept, and the next one continues there.
    """
    with reached_portal(sandbox is not None, sandbox or "", "few", 0) as (url, credentials):
        chosen = settings.load(
            HUBSPOT_BASE_URL=base_url or url,
            HUBDUMP_DIR=dump,
            HUBDUMP_HISTORY=tuple(history) or None,
            HUBDUMP_ONLY=tuple(only) or None,
            HUBDUMP_EXCLUDE=tuple(exclude) or None,
            HUBDUMP_TO=tuple(to) or None,
            HUBDUMP_HARD_DELETE=hard_delete,
            HUBDUMP_LAYOUT=layout,
            HUBDUMP_FILES=files,
            HUBDUMP_ASSOCIATIONS=associations,
            HUBDUMP_KEEP_VERSIONS=keep_versions,
            HUBDUMP_SHARE=share,
            HUBDUMP_DAILY_RESERVE=daily_reserve,
        )
        folder = folder_of(chosen.dump, sandbox=sandbox is not None)
        own = credentials or (ServiceKey(Secret(token)) if isinstance(token, str) else token)
        order = Order(
            run=name or new_id(),
            dump=folder,
            access=access_of(chosen, own),
            command=lambda verb: shlex.join(["hubdump", verb, "--dump", str(folder)]),
            asked=checked(
                asked_for(
                    chosen.to, folder, labels=labels, hard_delete=chosen.hard_delete, layout=chosen.layout
                ),
                layout,
            ),
            wishes=Wishes(prove, prove_within_days * DAY_S, accept_deletes, associations=chosen.associations),
            history=chosen.history,
            only=chosen.only,
            exclude=chosen.exclude,
            files=chosen.files,
            keep_versions=chosen.keep_versions,
        )
        with Logbook(folder, order.run, on_event) as log:
            return _in_a_thread_of_its_own_where_a_loop_runs(order, log.emit)


def _in_a_thread_of_its_own_where_a_loop_runs(order: Order, emit: Emit) -> RunEnded:
    """A notebook runs our thread's loop; signals come to the main thread whatever runs."""
    with heard(emit) as stop:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return under(stop, order, SystemClock(), emit)
        with ThreadPoolExecutor(1) as beside:
            return beside.submit(under, stop, order, SystemClock(), emit).result()
