"""What a config can say, and what it means.

`nodes` (combinations of surfaces), `responses` (curves), `expressions` (conditions), `ranges`;
`documents` reads its files strictly, `load` lays them over each other, `schema`, `faults` and
`extents` (how far values can run) find what is wrong with it, `selection` tells what can
be computed, `sharing` which scenario holds what several share. Nothing here opens a data file.
"""
