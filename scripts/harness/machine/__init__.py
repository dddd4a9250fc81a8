"""What a machine is: its parts, what it provides, what it is called."""
