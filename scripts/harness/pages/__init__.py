"""Page tables: read from a stopped machine, compared, drawn."""
