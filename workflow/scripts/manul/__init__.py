"""Manul: where, and from what, the Pallas's cat must be protected.

The rooms, from the ground floor up; a module imports only from its own room and from rooms below:

    config/       what the config can say: nodes, responses, expressions; loading it, its faults
    exposure/     exact distance and exposure over any number of cells
    grid/         the region's grid; rasters, vectors, maps and tables read and written; provenance
    records/      field tables and vector files as teams write them: read, mended, each row checked
    surveys/      what the counts mean: burrow density, detection, rodenticide
    suitability/  models fitted to tables of records
    surfaces/     from layers to one number a cell: terrain, proximity, travel time, fieldwork
    model/        habitat, threats, value at risk: a pure function of surfaces; InVEST beside it
    pages/        figures, and pages of words and tables
    analyses/     what the records say of the region: suitability fitted to them
    products/     key habitat, recommendations, unit tables, evidence pages
    uncertainty/  how sure: the model in draws, scenarios, dates, what to measure, experts
    maps/         sheets, ready to be printed
    preflight/    what is wrong with the data, before anything is computed
    comparison/   what changed between two runs, and why

Beside them: `job` (the only module that knows Snakemake), `plan` (what a run will need), `digests`.

Where is ... the effect of a road? `surfaces.proximity` (how near), `model.cells` (how bad). A row
that was rejected? `records.check` and `records.rules`. The words of a legend? `maps.side_column`.
Why a place is recommended? `products.recommendations`. A new kind of surface? `surfaces.registry`.
"""

__version__ = "0.1.0"
__all__ = ["evaluate", "export", "load_config", "open_results"]


def __getattr__(name):
    """What notebooks use, loaded when it is asked for: jobs need none of it."""
    from importlib import import_module

    if name == "results":
        return import_module("manul.results")
    if name in __all__:
        return getattr(import_module("manul.results"), name)
    raise AttributeError(f"module 'manul' has no attribute {name!r}")
