"""The region's grid, and all reading and writing of rasters, vectors, tables and maps.

`region` (the grid), `rasters` and `vectors` (read), `features` (filter and clip), `warp` and `burn`
(onto the grid), `block_maps` and `cog` (maps made block by block), `plain_files` (tables, texts,
figures), `provenance` and `map_tags` (what a number came from), `atomic` (whole or not at all).
"""
