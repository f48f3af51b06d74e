"""The language models that the assistant speaks with: protocol, clients, and the local one."""
