"""Default ports of the API and of Flower."""

API_PORT = 8080
FLOWER_PORT = 5555
