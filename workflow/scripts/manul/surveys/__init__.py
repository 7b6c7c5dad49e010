"""What field counts mean.

`burrows` and `detection` (counts to density), `density` (a surface of it), `rodenticide` (events to
exposure), `replicates` (bootstrap over sites), `from_records` (tables in the form these want).
"""
