"""`make demo`: the operator at work on a real API server, against the simulated cloud, for a person to watch.

It is a test too: whatever is not as it should be ends it with a reason and an exit status other than 0. It uses only
what a user has (kubectl, helm, the operator's command and metrics) and the simulator's record of calls.
"""
