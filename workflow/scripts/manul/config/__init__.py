"""What a config can say, and what it means.

`nodes` (combinations of surfaces), `responses` (curves), `expressions` (conditions), `ranges`;
`load` reads a config, `schema` and `faults` find what is wrong with it, `selection` tells what can
be computed, `sharing` which scenario holds what several share. Nothing here opens a data file.
"""
