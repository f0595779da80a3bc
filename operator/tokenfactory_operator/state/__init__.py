"""What this process knows: the objects as last seen, and the endpoints of each credential."""
