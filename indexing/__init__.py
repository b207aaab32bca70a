"""The library: text in, ranked passages out. It never imports `assistant`."""
