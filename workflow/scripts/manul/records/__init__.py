"""Field tables as teams write them.

`table_files` reads CSV, XLSX, GeoPackage; `camtrap_dp` camera-trap packages; `text` and `values`
read a cell; `rules` and `check` accept or reject a row, with its reason; `field_tables` does all of
it for a layer of the config.
"""
