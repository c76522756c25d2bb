"""Commands that come over MQTT, up to the point where something is done: read, limited, told apart from copies."""
