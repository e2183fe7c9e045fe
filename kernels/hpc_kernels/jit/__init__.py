"""Just-in-time compilation: Numba compiles once, a cache keeps the object files, jobs link them."""
