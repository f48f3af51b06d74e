"""Installs what the peers need."""

from benchmarks.peers import install

if __name__ == "__main__":
    install()
