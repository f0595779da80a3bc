"""Whose token is used for an object, how its Secret is read and kept, and how many credentials may be in use."""
