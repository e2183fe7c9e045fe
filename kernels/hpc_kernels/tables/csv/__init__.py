"""CSV sensor tables: header, rows, and numbers from and to text."""
