"""A heap of items by key in two arrays that numba can grow: the smallest key comes first."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def grown(keys, items, size):
    """The two arrays, twice as long where they are full."""
    if size < keys.size:
        return keys, items
    more_keys, more = np.empty(2 * size), np.empty(2 * size, np.int64)
    more_keys[:size], more[:size] = keys, items
    return more_keys, more


@njit(nogil=True, cache=True)
def push(keys, items, size, key, item):
    """Put an item in; the new size. There must be room."""
    i = size
    while i > 0:
        above = (i - 1) >> 1
        if keys[above] <= key:
            break
        keys[i], items[i] = keys[above], items[above]
        i = above
    keys[i], items[i] = key, item
    return size + 1


@njit(nogil=True, cache=True)
def pop(keys, items, size):
    """Take the smallest key away; the new size."""
    size -= 1
    key, item = keys[size], items[size]
    i = 0
    while True:
        below = 2 * i + 1
        if below >= size:
            break
        if below + 1 < size and keys[below + 1] < keys[below]:
            below += 1
        if key <= keys[below]:
            break
        keys[i], items[i] = keys[below], items[below]
        i = below
    keys[i], items[i] = key, item
    return size
