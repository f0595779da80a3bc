"""Sentences of error answers, by what they mean: the table that the expressions of `cloud.words` are held against."""

from __future__ import annotations

from typing import Final

LACKS: Final = ("no capacity", "not enough free GPUs", "quota exceeded", "insufficient balance")
"""What an endpoint may wait for."""

REFUSALS: Final = (
    *("GPU quota exceeded for project a", "Not enough GPUs in eu-north1", "No available capacity for gpu-h100-sxm"),
    *("Too many endpoints in this project", "Maximum of 5 endpoints reached", "GPUs are sold-out"),
    *("Not enough GPUs: the endpoint was not created", "The endpoint could not be created: quota exceeded"),
    *("No capacity, request not accepted", "Quota exceeded. No endpoint was created"),
    *("No capacity; nothing was started", "You have created 5 of 5 endpoints: quota exceeded"),
    "The maximum number of endpoints that can be created is reached",
    *("No capacity: the deployment cannot be scheduled", "No capacity. It hasn't been created. Try again later"),
    *("Insufficient balance to start an endpoint", "Quota exceeded while creating the endpoint"),
    "Queue full: no capacity",
)
"""With whatever status, they say that something is lacking, and that nothing was done."""

PARTS: Final = ("quota", "capacity", "balance", "billing", "payment", "GPU", "limit", "credit")
FAULTS: Final = (
    *("{} service is down", "the {} service timed out"),
    *("{} check exceeded the time limit", "could not reach {} backend"),
    *("{} lookup: upstream connection limit reached", "load balancer: no {} server", "{} is being checked"),
    *("{} service unavailable", "{} service is temporarily unavailable"),
    *("{}: retry limit exceeded", "{}", "{} request already exists", "{}: operation in progress, quota exceeded"),
)
"""What a faulty part says, or another request: the call may have had an effect."""

MISHAPS: Final = (
    *("Request timed out: {}", "{}: the call's deadline has passed", "No node was found in time: {}"),
    *("Placing took too long: {}", "Upstream answer: {}", "The back end reports: {}", "The load balancer has {}"),
    *("Gateway error: {}", "Answer of the proxy: {}", "The connection was closed: {}", "The server has {}"),
    *("Overloaded: {}", "Internal error: {}", "Unexpected state: {}", "A node is unreachable: {}"),
    *("The scheduling service reports {}", "{} (rate limit)", "{}: too many requests", "{}: 10 requests per second"),
    *("{}, as far as could be told: we were unable to reach a node", "We cannot determine why: {}"),
    *("There was no response of a node: {}", "{}: the idempotency key is known", "{}: a node is being drained"),
)
"""Beside what is lacking they speak of the way, of time or of another request: something may have been done."""

EFFECTS: Final = (
    *("Request queued: {}", "{}; your endpoint has been placed in the queue", "{}: you are on the waiting list"),
    *("Accepted, but {}", "Endpoint ep-1 created; {} yet", "Created with 1 replica of 4: {}"),
    *("{}, partially deployed", "The endpoint was scheduled, {} yet", "Deployment started, {}"),
    *("{}: the endpoint stays pending until then", "{} (operation op-1 pending)", "{}: deployment postponed"),
    *("{} after creation, it will be removed", "{}. We will retry", "{}. It will be created later"),
    *("{}, provisioning will start when there is some", "Endpoint ep-1 is waiting: {}"),
    *("Endpoint registered, but {} now", "Endpoint is provisioning: {}", "Request submitted. {}"),
    *("{}. Your endpoint stays in status starting", "{}: 1 of 2 replicas running", "Pending until it has passed: {}"),
    *("{}, only partly deployed", "After creation: {}", "{}: the endpoint will be rolled back"),
)
"""What is lacking is what an endpoint waits for that was made already, or is still to be made."""
