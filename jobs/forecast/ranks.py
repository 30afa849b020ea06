"""Ranks of the demand paths: a Gaussian copula of common factors, stratified over the paths.

On path k, series i has in step h the normal score

    z = sum over factors f of  sqrt(share_f) * x_f[id_f(i), h, k]
    x_f = sqrt(lasting_f) * a_f[id, k] + sqrt(1 - lasting_f) * b_f[id, h, k]

with a and b independent standard normal: a shock that lasts the whole horizon, and one of a single period. A factor is
shared by all series with the same id: everything, a region, an item, an item in a region, a location, or a pair (all
channels of one stocking point); the last one is the series' own. The shares sum to one. The rank is the score's place among the paths,

    rank = (number of paths with a smaller score + 1/2) / paths

so every stratum of every series and period holds one path, and means over the paths are as exact as their number
allows (Iman and Conover 1982: ranks keep the dependence of the scores).

Numbers come from the counter-based generator Philox 4x64 (Salmon et al. 2011), keyed by the published seed and the
factor's id: whoever reads gold/path_ranks draws the same paths for any series, without drawing the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import ndtri

from jobs.features.names import KEY, SEPARATOR, Names, joined
from jobs.workers import mapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from jobs.config import Config

Floats = npt.NDArray[np.float64]

#: Factor -> the columns whose values, joined, are its id. From the most to the least common.
FACTORS: dict[str, tuple[str, ...]] = {
    "all": (),
    "region": ("region",),
    "item": ("item_id",),
    "item_region": ("item_id", "region"),
    "location": ("location_id",),
    "pair": ("item_id", "location_id"),
    "series": KEY,
}
_MASK = (1 << 64) - 1
#: Series whose scores are made together: small enough for the processor's cache.
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Dependence:
    """Factor -> its share of the variance (they sum to one), and the part of it that lasts the whole horizon."""

    share: Mapping[str, float]
    lasting: Mapping[str, float]


#: Where no model has measured it (the baseline's nights): what FreshRetailNet shows, rounded.
USUAL = Dependence(
    {"all": 0.01, "region": 0.0, "item": 0.16, "item_region": 0.13, "location": 0.02, "pair": 0.0, "series": 0.68},
    {"all": 0.1, "region": 0.0, "item": 0.6, "item_region": 0.6, "location": 0.3, "pair": 0.0, "series": 0.05},
)
#: Nothing in common between series or periods: errors that add up as if they were independent.
INDEPENDENT = Dependence({"series": 1.0}, {"series": 0.0})


@dataclass(frozen=True, slots=True)
class PathRanks:
    """What it takes to give every series its ranks: number of paths, seed of the night, dependence."""

    paths: int
    seed: int
    dependence: Dependence
    _known: dict[tuple[str, str, int], Floats] = field(default_factory=dict, repr=False, compare=False)

    def fresh(self) -> PathRanks:
        """Ranks by the same law with another seed: of paths that are independent of these."""
        return PathRanks(self.paths, _hashed(self.seed, "fresh"), self.dependence)

    def of(self, names: Mapping[str, Names], steps: int) -> Floats:
        """Ranks [n, steps, paths] of series (names: see ``strata``)."""
        return (self.strata(names, steps) + 0.5) / self.paths

    def strata(self, names: Mapping[str, Names], steps: int) -> npt.NDArray[np.int32]:
        """Number of paths with a smaller score [n, steps, paths], of series.

        names  column -> [n] value; region may be '' or missing
        """
        n, factors = len(names["item_id"]), []
        for factor, columns in FACTORS.items():
            share = self.dependence.share.get(factor, 0.0)
            if share > 0 and all(column in names for column in columns):
                factors.append((factor, share, joined(names, columns) if columns else np.full(n, "", object)))
        strata = np.empty((n, steps, self.paths), np.int32)

        def fill(begin: int) -> None:
            some = strata[begin : begin + _CHUNK]
            scores = np.zeros(some.shape)
            for factor, share, ids in factors:
                scores += np.sqrt(share) * self._shocks(factor, ids[begin : begin + _CHUNK], steps)
            # No two scores are equal, so any way of sorting gives the same.
            np.put_along_axis(some, scores.argsort(axis=2), np.arange(self.paths, dtype=np.int32)[None, None], axis=2)

        mapped(fill, range(0, n, _CHUNK))
        return strata

    def of_rows(
        self, names: Mapping[str, Names], step: npt.NDArray[np.int64], series: int = 4096
    ) -> Iterator[tuple[npt.NDArray[np.int64], Floats]]:
        """Ranks of rows of series and periods, some series at a time: (rows, ranks [rows, paths]).

        names  column -> [n] value of each row; step [n] period of the horizon
        """
        keys = joined(names)
        _, first, owner = np.unique(keys.astype(str), return_index=True, return_inverse=True)
        for begin in range(0, len(first), series):
            some = first[begin : begin + series]
            ranks = self.of({column: values[some] for column, values in names.items()}, int(step.max(initial=0)) + 1)
            rows = np.flatnonzero((owner >= begin) & (owner < begin + series))
            yield rows, ranks[owner[rows] - begin, step[rows]]

    def _shocks(self, factor: str, names: Names, steps: int) -> Floats:
        """x_f [names, steps, paths]; kept where several series share it."""
        if factor == "series":
            return self._drawn(factor, names, steps)
        new = [name for name in dict.fromkeys(names) if (factor, name, steps) not in self._known]
        self._known.update(zip(((factor, name, steps) for name in new), self._drawn(factor, new, steps), strict=True))
        return np.stack([self._known[factor, name, steps] for name in names])

    def _drawn(self, factor: str, names: Sequence[str] | Names, steps: int) -> Floats:
        """x_f [names, steps, paths]."""
        bits = np.array([self._bits(factor, name, (steps + 1) * self.paths) for name in names], np.uint64)
        # The upper 53 bits, at the middle of their interval: in (0, 1) exactly.
        normal = ndtri(((bits >> np.uint64(11)) + 0.5) * 2.0**-53).reshape(len(names), steps + 1, self.paths)
        lasting = self.dependence.lasting.get(factor, 0.0)
        shocks: Floats = np.sqrt(lasting) * normal[:, :1] + np.sqrt(1 - lasting) * normal[:, 1:]
        return shocks

    def _bits(self, factor: str, name: str, count: int) -> npt.NDArray[np.uint64]:
        """Random bits [count] of a factor's id."""
        digest = hashlib.blake2b(f"{factor}{SEPARATOR}{name}".encode(), digest_size=8).digest()
        generator = np.random.Philox(key=np.array([self.seed & _MASK, int.from_bytes(digest, "little")], dtype=np.uint64))
        bits: npt.NDArray[np.uint64] = generator.random_raw(count)
        return bits


@dataclass(frozen=True, slots=True)
class GivenPaths(PathRanks):
    """Paths that somebody else drew, who knows more: ``units`` [series, steps, paths] of the forecasts' series in key order."""

    units: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0, 0), np.int32), repr=False, compare=False)

    def strata(self, names: Mapping[str, Names], steps: int) -> npt.NDArray[np.int32]:
        """No strata; only their shape."""
        return np.broadcast_to(np.int32(0), (len(names["item_id"]), steps, self.paths))


def fenced(dependence: Dependence) -> Dependence:
    """The same, the channels of a stocking point having the same ranks: what each has of its own becomes the pair's.

    A stock that is split among channels by quantiles of the same level is short by what all channels together are short of when their
    demands rise and fall together: a sum of comonotone demands has the sum of their quantiles (Dhaene et al., Insurance: Mathematics
    and Economics 31, 2002). So a plan on such paths is that of channels which each have a stock of their own.
    """
    share, lasting = dict(dependence.share), dict(dependence.lasting)
    own = {name: (share.get(name, 0.0), lasting.get(name, 0.0)) for name in ("pair", "series")}
    total = sum(part for part, _ in own.values())
    mean = sum(part * lasts for part, lasts in own.values()) / total if total else 0.0
    return Dependence(share | {"pair": total, "series": 0.0}, lasting | {"pair": mean, "series": 0.0})


def of_night(config: Config, night: date, dependence: Dependence) -> PathRanks:
    """Ranks of a night's demand paths."""
    spread = fenced(dependence) if config.planning.channels == "fenced" else dependence
    return PathRanks(config.planning.paths, seed_of(config.seed, night), spread)


def seed_of(seed: int, business_date: date) -> int:
    """Seed of a night: of the settings' seed and the date."""
    return _hashed(seed, business_date)


def _hashed(seed: int, what: object) -> int:
    digest = hashlib.blake2b(f"{seed}{SEPARATOR}{what}".encode(), digest_size=8).digest()
    # A signed 64-bit column holds it.
    return int.from_bytes(digest, "little") >> 1


def to_table(ranks: PathRanks, business_date: date, run_id: str) -> pa.Table:
    """Rows of gold/path_ranks: one a path and factor."""
    rows = [
        {
            "business_date": business_date,
            "run_id": run_id,
            "path": path,
            "factor": factor,
            "seed": ranks.seed,
            "share": float(ranks.dependence.share.get(factor, 0.0)),
            "lasting": float(ranks.dependence.lasting.get(factor, 0.0)),
        }
        for path in range(ranks.paths)
        for factor in FACTORS
    ]
    return pa.Table.from_pylist(rows)


def from_table(rows: pa.Table) -> PathRanks:
    """Back from the rows of one run's gold/path_ranks. Raises ValueError where there is none."""
    if not rows.num_rows:
        raise ValueError("no demand paths: gold/path_ranks has no row of this run")
    factors = {row["factor"]: row for row in rows.to_pylist()}
    share, lasting = ({name: row[column] for name, row in factors.items()} for column in ("share", "lasting"))
    paths = len(pa.compute.unique(rows["path"]))
    return PathRanks(paths, next(iter(factors.values()))["seed"], Dependence(share, lasting))
