"""How sure: the model over draws of all that is not known exactly.

`distributions` (from a range to a distribution), `design` (the draws), `alternatives` (surfaces at
nodes of the parameters inside them and with their layers displaced), `displaced`, `passes` (all
draws in one pass over the surfaces), `summary`.
"""
