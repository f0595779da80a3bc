"""What checks and releases need besides the control plane: pinned Go programs, licences, versions."""
