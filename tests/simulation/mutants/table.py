"""All mutants by their names."""

from __future__ import annotations

from tests.simulation.mutants.algorithm import ALGORITHM
from tests.simulation.mutants.keeping import KEEPING
from tests.simulation.mutants.ranging import RANGING
from tests.simulation.mutants.sending import SENDING
from tests.simulation.mutants.walking import WALKING
from tests.simulation.mutants.weekly import WEEKLY

MUTANTS = {mutant.name: mutant for mutant in (*ALGORITHM, *WALKING, *RANGING, *SENDING, *KEEPING, *WEEKLY)}
