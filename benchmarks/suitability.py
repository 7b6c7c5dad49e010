"""Mean AUC of each suitability method on virtual species, or on a folder of real records.

    python benchmarks/suitability.py --species 10 --records 10 20 50 200
    python benchmarks/suitability.py --folder DATA --categorical ontveg vegsys calc toxicats age

Virtual species answer to a few of the covariates and to things no covariate tells; their records
are drawn by effort, their test sites (presence and absence) at random, so bias in the records is
not rewarded. A folder holds, at any depth, REGIONtrain_po.csv, REGIONtrain_bg.csv and pairs of
REGIONtest_pa_GROUP.csv and REGIONtest_env_GROUP.csv, each also as .csv.gz (the layout of the NCEAS
data, Elith et al. 2020, Biodivers. Inform. 15: 69). `cpu_s` is the processor time of one fit.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from manul.suitability import METHODS, auc, fit

SIDE = 200
NOT_COVARIATES = {"siteid", "spid", "x", "y", "occ", "group"}


class Case(NamedTuple):
    """One species: covariates at presences, background and test sites, and its truth there."""

    name: str
    region: str
    presences: pd.DataFrame
    background: pd.DataFrame
    sites: pd.DataFrame
    present: np.ndarray


def main() -> None:
    """Run the chosen methods on the chosen cases and print mean AUC by number of records."""
    arguments = _arguments()
    cases = _folder_cases(arguments) if arguments.folder else _virtual_cases(arguments)
    rows = []
    for case in cases:
        for method in arguments.methods:
            rows.append({"method": method, **_run(case, method, arguments.categorical)})
        print(".", end="", flush=True)
    table = pd.DataFrame(rows)
    table["records_class"] = pd.cut(
        table["records"],
        [0, 10, 20, 50, 200, np.inf],
        labels=["<=10", "<=20", "<=50", "<=200", ">200"],
    )
    shown = table.pivot_table("auc", "method", "records_class", observed=True)
    few = table[table["records"] <= 20].groupby("method")["auc"].mean()
    summary = table.groupby("method").agg(all=("auc", "mean"), cpu_s=("cpu_s", "mean"))
    print(f"\nmean AUC at {table['case'].nunique()} cases")
    print(shown.assign(few=few).join(summary).reindex(arguments.methods).round(4).to_string())
    if arguments.folder:
        shown = table.pivot_table("auc", "method", "region")
        print(shown.reindex(arguments.methods).round(4).to_string())
    if arguments.out:
        table.to_csv(arguments.out, index=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--species", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="seed of the first species")
    parser.add_argument("--records", type=int, nargs="+", default=[10, 20, 50, 200])
    parser.add_argument("--unexplained", type=float, default=2.2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--categorical", nargs="*", default=[])
    parser.add_argument("--drop", nargs="*", default=[], help="covariates to leave out")
    parser.add_argument("--background", choices=_BACKGROUND, default="given")
    parser.add_argument("--out", type=Path, help="CSV of every case")
    return parser.parse_args()


def _run(case: Case, method: str, categorical: list[str]) -> dict[str, object]:
    named = [name for name in categorical if name in case.presences.columns]
    start = time.process_time()
    model = fit(case.presences, case.background, method, categorical=named)
    cpu_s = time.process_time() - start
    scores = model.predict(case.sites)
    return {
        "case": case.name,
        "region": case.region,
        "records": len(case.presences),
        "auc": auc(scores[case.present], scores[~case.present]),
        "cpu_s": cpu_s,
    }


def _virtual_cases(arguments: argparse.Namespace) -> Iterator[Case]:
    for species in range(arguments.first, arguments.first + arguments.species):
        for records in arguments.records:
            yield _virtual(species, records, arguments.unexplained)


def _virtual(seed: int, records: int, unexplained: float) -> Case:
    rng = np.random.default_rng(seed)
    table = _landscape(rng, int(rng.integers(8, 14)))
    link = _response(rng, table.to_numpy()) + unexplained * _field(rng, 8)
    link += 0.6 * unexplained * rng.standard_normal(SIDE**2)
    present = link > np.quantile(link, 1 - rng.uniform(0.03, 0.25))
    effort = np.exp(_field(rng, 10) + 0.5 * table["v0"].to_numpy())
    chance = effort * present
    rows = rng.choice(SIDE**2, records, replace=False, p=chance / chance.sum())
    ground, sites = (rng.choice(SIDE**2, n, replace=False) for n in (10_000, 2000))
    name = f"virtual {seed}, {records} records"
    tables = (table.iloc[drawn] for drawn in (rows, ground, sites))
    return Case(name, "virtual", *tables, present[sites])


def _landscape(rng: np.random.Generator, covariates: int) -> pd.DataFrame:
    """Correlated covariates from eight hidden fields of several ranges; some are skewed."""
    hidden = np.column_stack([_field(rng, reach) for reach in rng.choice([3, 6, 12, 25], 8)])
    mixing = rng.standard_normal((8, covariates)) * (rng.random((8, covariates)) < 0.45)
    own = np.column_stack([_field(rng, reach) for reach in rng.choice([2, 5, 15], covariates)])
    values = hidden @ mixing + 0.5 * own
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    skewed = rng.random(covariates) < 0.35
    values = np.where(skewed, np.exp(0.8 * values), values)
    return pd.DataFrame(values, columns=[f"v{i}" for i in range(covariates)])


def _field(rng: np.random.Generator, reach: float) -> np.ndarray:
    field = gaussian_filter(rng.standard_normal((SIDE, SIDE)), reach, mode="wrap").ravel()
    return (field - field.mean()) / field.std()


def _response(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Add up two to five responses: slopes, humps, steps and matches of two covariates."""
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    link = np.zeros(len(values))
    for column in rng.choice(values.shape[1], rng.integers(2, 6), replace=False):
        shape = _SHAPES[rng.integers(len(_SHAPES))]
        other = scaled[:, rng.integers(values.shape[1])]
        link += rng.uniform(0.5, 1.6) * shape(scaled[:, column], other, rng.choice([-1, 1]), rng)
    return link


_SHAPES = (
    lambda z, other, sign, rng: sign * z,
    lambda z, other, sign, rng: -0.7 * (z - rng.normal()) ** 2,
    lambda z, other, sign, rng: 2 / (1 + np.exp(-4 * sign * (z - rng.normal(0, 0.7)))),
    lambda z, other, sign, rng: -np.abs(z - sign * other),
)


def _folder_cases(arguments: argparse.Namespace) -> Iterator[Case]:
    for po_path in sorted(arguments.folder.rglob("*train_po.csv*")):
        region = po_path.name.partition("train_po")[0]
        records = pd.read_csv(po_path)
        ground = _read(arguments.folder, f"{region}train_bg")
        left_out = NOT_COVARIATES | set(arguments.drop)
        covariates = [name for name in ground.columns if name not in left_out]
        for truth_path in sorted(arguments.folder.rglob(f"{region}test_pa*.csv*")):
            truth = pd.read_csv(truth_path)
            name = truth_path.name.partition(".")[0].replace("test_pa", "test_env")
            sites = _read(arguments.folder, name).set_index("siteid").loc[truth["siteid"]]
            for species in [name for name in truth.columns if name not in NOT_COVARIATES]:
                own = records[records["spid"] == species]
                background = _BACKGROUND[arguments.background](ground, records, own)
                tables = (table[covariates] for table in (own, background, sites))
                yield Case(species, region, *tables, truth[species].to_numpy() > 0)


def _read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(
        next(path for ext in ("", ".gz") for path in folder.rglob(f"{name}.csv{ext}"))
    )


def _given(ground, records, own):
    return ground


def _target_group(ground, records, own):
    """Take the sites of every species of the group: effort is then the same on both sides."""
    group = records[records["group"].isin(own["group"].unique())] if "group" in records else records
    return group.drop_duplicates(["x", "y"])


_BACKGROUND = {"given": _given, "target_group": _target_group}

if __name__ == "__main__":
    main()
