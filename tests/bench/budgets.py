"""The budgets as numbers: what `make bench` holds the operator to."""

from typing import Final

CREATION_WRITES: Final = 4
"""Kubernetes writes from finalizer to Ready; one more for each further state that the cloud shows between."""
THROUGHPUT_SHARE: Final = 0.85
"""Of the rate at which a bare script does the same writes."""
THROUGHPUT_OBJECTS: Final = 1_000
EDIT_SECONDS: Final = 0.100
"""99th percentile from an edit to its PATCH, the cloud's own time apart."""
MEMORY_MIB: Final = 200.0
"""Resident, after a restart and after creating the objects."""
LIST_SECONDS: Final = 0.1
"""Processor time of one LIST of the endpoints in which nothing has changed."""
RESTART_SECONDS: Final = 4.0
"""From the start of the process to the POST of a new object."""
IDLE_CPU_PERCENT: Final = 0.5
"""Of one core."""
HELD_OBJECTS: Final = 10_000
"""The size that the budgets for edits, memory, restart and idle CPU speak of."""
