"""What all areas declare their types with."""
