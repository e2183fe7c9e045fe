"""Bodies that the API takes as they are; the tests change one thing at a time."""

from tests.rows import SECRET

S3 = {
    "endpoint": "https://s3.example.org",
    "bucket": "b",
    "object": "ein Ordner/größe+%.csv",
    "access_key": "the-access-key",
    "secret_key": SECRET,
    "infrastructure": "hpc",
}
DATA = {**S3, "dst": "serrano/data/Init_Data/x.csv"}
RESULT = {**S3, "src": "serrano/data/Output_Data/CSVFormate/FFT_Filter_output.csv"}
JOB = {
    "services": ["fft", "min_max"],
    "infrastructure": "hpc",
    "params": {"read_input_data": "/Init_Data/x.csv"},
}
