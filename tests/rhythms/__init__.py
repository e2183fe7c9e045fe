"""Clients that poll in several rhythms, and the proxies between them and the API."""
