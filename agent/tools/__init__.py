"""What a person runs beside the daemon, one module or folder per verb. The daemon needs nothing of it."""
