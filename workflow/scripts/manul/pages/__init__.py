"""Self-contained HTML pages: `html` (sections to a page) and `figures` (small plots)."""
