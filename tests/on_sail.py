"""Answers queries on a Sail, a Spark without a JVM, that ends with them: python -m tests.on_sail OUT QUERIES."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# Two workers, in this process: eight tasks at a time, where each would begin at once.
WORKERS = {
    "SAIL_MODE": "local-cluster",
    "SAIL_CLUSTER__WORKER_INITIAL_COUNT": "2",
    "SAIL_CLUSTER__WORKER_MAX_COUNT": "2",
    "SAIL_CLUSTER__WORKER_TASK_SLOTS": "4",
}
# The options of a query, and the columns that it wants.
Query = tuple[dict[str, str], list[str]]
# A server of which nobody knows any more ends.
_SERVERS: list[Any] = []


def session() -> Any:
    """A session of a Sail that begins now, and ends with this process."""
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    _SERVERS.append(server)
    return SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate()


def answers(queries: list[Query]) -> list[Any]:
    """The rows of each query, or what its error says."""
    from pyspark.errors import PySparkException

    from hubdump.spark import HubSpot

    spark = session()
    spark.dataSource.register(HubSpot)
    found: list[Any] = []
    for options, columns in queries:
        try:
            rows = spark.read.format("hubspot").options(**options).load().select(*columns).collect()
            found.append([list(row) for row in rows])
        except PySparkException as error:
            found.append(str(error))
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(answers(json.loads(sys.argv[2])), default=str))
    os._exit(0)  # Sail's own end takes seconds
