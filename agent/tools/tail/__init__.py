"""`vedette tail`: the log of a device, read over MQTT with a lease that is renewed for as long as somebody reads."""
