"""Previews of tables: the smallest and largest sample of stretches, and the files that hold them."""
