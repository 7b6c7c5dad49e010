"""Map sheets.

`sheets` says what each shows; `layouts` puts a figure together from `head_and_foot`, `side_column`
(notice, legends), `base_map`, `labels`, `furniture` (scale, north, graticule); `spec` is what a
sheet is told, `page` the paper.
"""
