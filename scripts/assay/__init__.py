"""What is Assay's own: its machines, its images, the names of its addresses, its variables."""
