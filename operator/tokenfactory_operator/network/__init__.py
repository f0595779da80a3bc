"""Proxies and trust: the same for the API server and the cloud."""
