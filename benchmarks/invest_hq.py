"""One InVEST Habitat Quality case, whole process, without Snakemake.

    python benchmarks/invest_hq.py CASE_DIR OUT_DIR [--k 0.05] [--threads 2]

A case folder holds lulc.tif, threats.csv, sensitivity.csv and, if access is limited, access.geojson
(or .gpkg, .shp). OUT_DIR receives deg_sum_c.tif and quality_c.tif. The seconds printed leave out
the start of Python and of its packages.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow" / "scripts"))
from manul.model import invest_run


def main():
    began = time.perf_counter()
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    access = [options.case / f"access{end}" for end in (".geojson", ".gpkg", ".shp")]
    case = {
        "land_cover": options.case / "lulc.tif",
        "threats": options.case / "threats.csv",
        "sensitivity": options.case / "sensitivity.csv",
        "access": next((path for path in access if path.exists()), None),
        "half_saturation": options.k,
    }
    outputs = options.out / "deg_sum_c.tif", options.out / "quality_c.tif"
    invest_run.run(case, *outputs, options.threads)
    print(f"{time.perf_counter() - began:.2f} s")


def _options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("case", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--k", type=float, default=0.05, help="half-saturation constant")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
