"""The operator's image, and a real node, where neither a registry nor kind can be had. See README.md here."""
