"""The log read over MQTT: the last lines are kept, and live ones are sent while somebody has asked for them."""
