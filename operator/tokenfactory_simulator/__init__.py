"""A stateful stand-in for the Token Factory dedicated-endpoints API, for tests and for trying the operator for free.

It knows the vendor's contract and nothing of the operator, which it must never import.
"""
