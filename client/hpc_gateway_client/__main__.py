"""`python -m hpc_gateway_client` is `hpc-gateway`."""

from hpc_gateway_client.commands import main

main()
