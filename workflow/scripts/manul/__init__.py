"""Manul: where, and from what, the Pallas's cat must be protected.

Floors of the house; a module imports only from floors below its own:

1. `responses`, `nodes`, `parameters`, `expressions` (what the config can say) and the exact engine:
   `decay`, `distance`, `levels`, `stamping`, `discs`, `features`, `strip_tasks`, `strips`
2. `layers` (rasters and vectors onto the grid); field records: `cell_text`, `field_values`,
   `record_rules`, `records`, `camtrap`; `detection`, `effort`, `burrows`, `density`, `poison`;
   `suitability` (models fitted to tables); `feature_sources`, `surfaces`, `field_surfaces` (one
   number per cell); `invest_inputs`, `invest` (InVEST Habitat Quality)
3. `model` (habitat, threats, value at risk: a pure function of surfaces)
4. `patches` (key habitat), `fitting` (suitability fitted to a region's records)
5. `zones`, `advice` (recommendations), `tables`, `maps` with its rooms `maps_*`, `sheets`,
   `evidence` with its rooms

Beside them: `io`, `map_files`, `cog`, `table_io`, `atomic` and the `*_files` modules (the only ones
that open or write files), `passes` (the model over a region), `config_schema`, `config_faults`,
`settings`, `digests` (what the config means), `preflight` (what is wrong with the data), `plan`
(what a run will need), `provenance` (what a number came from) and `job` (the only module that knows
Snakemake).
"""

__version__ = "0.1.0"
