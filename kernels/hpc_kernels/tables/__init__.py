"""Tables of signals in files: CSV, NumPy and Parquet, read in shares and written in blocks of rows."""
