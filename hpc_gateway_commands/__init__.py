"""The operator's commands of `hpc-gateway`, one module for each, named by the entry points of pyproject.toml.

A module is imported when its command is called, so it imports all it needs at its top.
"""
