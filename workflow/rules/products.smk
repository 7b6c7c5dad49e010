# Map sheets.
