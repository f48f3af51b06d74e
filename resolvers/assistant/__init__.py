"""The assistant: answers with the caller's own permissions, and changes nothing by itself."""
