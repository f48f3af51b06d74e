"""Installs the packages of the peers, and builds the one in Go where it can be."""

from benchmarks.peers import gophers, install

if __name__ == "__main__":
    install()
    gophers.build()
