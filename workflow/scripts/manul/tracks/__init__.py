"""What tracks of collared animals tell: ranges, ground that is picked, and moves of the range.

Pure functions of times (s) and places (m): `fixes` cleans them, `movement` and `fitting` are models
of a track, `ranges` home ranges, `populations` means over animals, `steps` habitat selection,
`shifts` dates of a move.
"""
