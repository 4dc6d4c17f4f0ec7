"""The nouns that travel between the rooms: frozen, comparable, without any I/O."""
