"""The assistant: what is suggested, and how free text is understood."""
