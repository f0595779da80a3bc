"""Gives the in-cluster tests a cluster that has the operator's image: a node of our own, or kind's."""
