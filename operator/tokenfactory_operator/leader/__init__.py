"""Which process may act: the election by a Lease. Pure of Kubernetes and of the clock."""
