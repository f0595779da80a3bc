"""Kubernetes operator for Nebius Token Factory dedicated endpoints."""
