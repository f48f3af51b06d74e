"""Tables and statements that all areas use."""
