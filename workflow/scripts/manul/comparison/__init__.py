"""What changed since last time, and why.

`kept` keeps a finished run and opens it again; `differences` lists what differs between two runs;
`causes` groups that, `mixtures` evaluates the model with some causes, `shares` splits the change
among them; `maps`, `pictures` and `page` show it.
"""
