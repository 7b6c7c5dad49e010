"""What agencies get.

`key_habitat` (patches), `zones` and `recommendations` (rules), `units` (tables), `evidence` with
its figures and `html_page` (a page for each field table), `cell_maps` (the maps that rules name).
"""
