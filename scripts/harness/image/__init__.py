"""An image without a boot: its ELF file, sources, source lines and registered tests."""
