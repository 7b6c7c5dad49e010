"""Field tables as teams write them.

`table_files` reads CSV (`csv_rows`, `encodings`), XLSX and GeoPackage, `packages` what comes in
several files, all within `limits`; `camtrap_dp` and `animals` say what cameras saw; `text` and
`values` read a cell; `rules` and `check` accept or reject a row, with its reason; `field_tables`
does all of it for a layer of the config.
"""
