"""How large the store is after 500 hourly runs, beside a store that was just made and holds the same."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.test_packing import Weeks, live_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000)
    parser.add_argument("--changed", type=int, default=40, help="at most so many in an hour")
    parser.add_argument("--runs", type=int, default=500)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weeks, most = Weeks(Path(folder), 1, wanted.records), 0.0
        for number in range(1, wanted.runs + 1):
            weeks.hour(wanted.changed + 1)
            if number % 10 == 0:
                ratio = weeks.path.stat().st_size / live_bytes(Path(folder), weeks.there)
                most = max(most, ratio)
        sys.stdout.write(
            f"{wanted.records:,} records, up to {wanted.changed} changed in each of {wanted.runs} runs: "
            f"{ratio:.2f} times what is live, {most:.2f} at the most\n"
        )


if __name__ == "__main__":
    main()
