"""Random lead times, as a few pairs of sure ones: of tonight's order and of the next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

if TYPE_CHECKING:
    from jobs.plan.night import Ints
    from jobs.plan.terms import Terms

#: Pairs of random lead times that are averaged, and how the strata of tonight's and of the next order are paired.
LEADS = 8
_PAIRED = [3, 6, 1, 4, 7, 0, 5, 2]


def random_leads(terms: Terms) -> tuple[Ints, Ints]:
    """[lines, draws] periods until tonight's order arrives, and until the next one does: never overtaking.

    Normal with lead_std about what is planned, rounded half up to whole periods, not below 0; each at the middle of a stratum, the
    strata of the two paired so that they are nearly independent (a Latin hypercube).
    """
    score = ndtri((np.arange(LEADS) + 0.5) / LEADS)
    spread = terms.lead_std[:, None]
    planned = terms.lead[:, None], (terms.lead + terms.cover)[:, None]
    lead = np.maximum(np.floor(planned[0] + spread * score + 0.5), 0).astype(np.int64)
    following = np.floor(planned[1] + spread * score[_PAIRED] + 0.5).astype(np.int64)
    return lead, np.maximum(following, lead + 1)


def drawn_covers(terms: Terms, covers: Ints) -> list[tuple[int, Ints]]:
    """Pairs of lead time and periods that each of some covers then lasts, of lines with the same lead and lead_std.

    covers  [covers] periods, ascending, if lead times are what is planned.  One pair where they are sure.
    """
    if terms.lead_std[0] <= 0:
        return [(int(terms.lead[0]), covers)]
    one = terms.take(np.zeros(len(covers), np.int64))
    lead, following = random_leads(replace(one, cover=covers))
    return [(int(lead[0, k]), following[:, k] - lead[:, k]) for k in range(LEADS)]
