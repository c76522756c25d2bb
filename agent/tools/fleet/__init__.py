"""`vedette fleet`: all devices of a broker, from what it keeps of them."""
