"""The world outside, by the part it plays: a protocol, the real thing and a local one."""
