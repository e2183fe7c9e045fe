"""`python -m gateway.cli` is `hpc-gateway`."""

from gateway.cli import main

main()
