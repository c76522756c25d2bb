"""What Prometheus is told, where the config has it listen. Nothing here is imported otherwise."""
