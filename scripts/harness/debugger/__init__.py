"""A stopped machine or a core, seen from inside gdb."""
