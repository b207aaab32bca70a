"""How it touches the world. Adapters do not know each other."""
