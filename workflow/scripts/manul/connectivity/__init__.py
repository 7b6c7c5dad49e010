"""How animals move: cost distance, barriers, corridors, current, flow, graphs of patches."""
