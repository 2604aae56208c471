"""All mutants by their names."""

from __future__ import annotations

from tests.simulation.mutants.algorithm import ALGORITHM
from tests.simulation.mutants.keeping import KEEPING
from tests.simulation.mutants.sending import SENDING
from tests.simulation.mutants.walking import WALKING
from tests.simulation.mutants.weekly import WEEKLY

MUTANTS = {mutant.name: mutant for mutant in (*ALGORITHM, *WALKING, *SENDING, *KEEPING, *WEEKLY)}
