"""Faust lives here and nowhere else: transport, table, lanes, and the two apps."""
