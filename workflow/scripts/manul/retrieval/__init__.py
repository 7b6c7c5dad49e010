"""Layers from open catalogues: what covers a box, and how it is fetched.

`sources` reads the catalogue, `addresses` turns a box into files, `remote` reads parts of remote
files through a cache, `rasters`, `vectors` and `tables` make a layer's file from them, `fetch` does
that for a region, and `new_region` writes a region's file.
"""
