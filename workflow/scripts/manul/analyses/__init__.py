"""Analyses of field records over the region: `fit` and `fit_maps` (suitability), `fit_words`."""
