"""Topics, payloads and the MQTT connection: what the world hears from this device."""
