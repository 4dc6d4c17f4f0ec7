"""OBSERVE: what mail servers say and serve, as facts; nothing here judges or changes anything."""
