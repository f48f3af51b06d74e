"""External services: for each, a protocol, the real implementation and a local one."""
