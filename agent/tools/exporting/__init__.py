"""YOLO weights into a file that runs here, on a Jetson or on a Coral, checked (`vedette models export`)."""
