"""The demo: the whole service on this machine, and the three-step workflow on a real recording."""
