"""What one process is made of, as its settings say: its informer, election, connections and rights."""
