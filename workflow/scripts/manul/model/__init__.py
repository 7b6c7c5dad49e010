"""The model: habitat, threats, quality and value at risk.

`cells` is the pure function, `cumulative` how threats add up, `outputs` which raster holds which
result. `invest_*` computes InVEST Habitat Quality.
"""
