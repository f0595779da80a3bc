"""The reconcile loop: when an object is looked at, what is done then, and for which credential."""
