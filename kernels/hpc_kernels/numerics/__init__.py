"""Numerical methods that the services share: distances, convolution, transforms, vectorised functions."""
