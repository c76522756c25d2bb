"""`vedette watch`: what any device says, read over MQTT."""
