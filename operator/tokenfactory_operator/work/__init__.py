"""The order of work: queues, shares, and workers."""
