"""What camera traps tell: effort, independent events and detection histories, and occupancy."""
