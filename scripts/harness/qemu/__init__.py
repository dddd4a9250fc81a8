"""QEMU: its processes, their monitors, what it offers."""
