"""What all areas load and change rows with."""
