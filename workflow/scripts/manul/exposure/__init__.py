"""Exact distance and exposure, in strips of rows, so that memory follows the width of a map.

`strips` is what others call: `distance`, `exposure`, `saturating`. Beneath it: `nearest` (exact
kernels), `intensities`, `kernel_sums` and `saturating` (points), `disc_sums`, `decay` (curves).
"""
