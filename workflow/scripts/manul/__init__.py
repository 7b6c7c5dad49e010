"""Manul: where, and from what, the Pallas's cat must be protected.

Floors of the house; a module imports only from floors below its own:

1. `responses`, `parameters`, `decay`, `distance`, `strips`
2. `layers`, `records`, `burrows`, `poison`, `surfaces`
3. `model`
4. `patches`
5. `advice`, `tables`, `maps`

Beside them: `io` and `table_io` (the only modules that open or write files), `settings` (what
the config means), `preflight` (what is wrong with it), `provenance` (what a number came from)
and `job` (the only module that knows Snakemake).
"""

__version__ = "0.1.0"
