"""Types of a job's parameters and of each service's options, for editors and type checkers.

>>> from hpc_gateway_client.options import JobParams
>>> params: JobParams = {"savitzky_golay": {"window_length": 11}}
"""

from typing import Literal, TypedDict


class KalmanOptions(TypedDict, total=False):
    """Options of `kalman`."""

    r: float
    q: float
    p0: float


class FftOptions(TypedDict, total=False):
    """Options of `fft`."""

    spectrum: Literal["full", "half"]
    window: Literal["none", "hann", "hamming", "blackman"]
    sampling_rate: float


class MinMaxOptions(TypedDict, total=False):
    """Options of `min_max`."""

    low: float
    high: float


class SavitzkyGolayOptions(TypedDict, total=False):
    """Options of `savitzky_golay`."""

    window_length: int
    polyorder: int
    deriv: int
    delta: float
    mode: Literal["nearest", "interp", "mirror", "wrap", "constant"]


class BlackScholesOptions(TypedDict, total=False):
    """Options of `black_scholes`."""

    call_strike_price: float
    put_strike_price: float
    risk_free_return: float
    years_until_expiry: float
    expiry_date: str
    volatility: Literal["log_return", "price_std"] | float


class WaveletOptions(TypedDict, total=False):
    """Options of `wavelet`."""

    wavelet: str
    level: int
    threshold: Literal["universal"] | float
    mode: Literal["soft", "hard"]


class KmeanOptions(TypedDict, total=False):
    """Options of `kmean`."""

    cluster_number: int
    epsilon_criteria: float
    max_iterations: int
    metric: Literal["dtw", "euclidean"]
    centroid: Literal["mean", "dba"]
    init: Literal["kmeans++", "first"]
    seed: int
    band: int


class KnnOptions(TypedDict, total=False):
    """Options of `knn`."""

    k_nearest_neighbor: int
    cluster_number: int
    metric: Literal["dtw", "euclidean"]
    cost: Literal["absolute", "squared"]
    band: int


class TableOptions(TypedDict, total=False):
    """How the input table is read."""

    header: Literal["auto", True, False, "true", "false"]
    separator: Literal["auto", ";", ",", "\t", "tab", "|", " ", "blanks"]
    decimal: Literal["auto", ".", ","]
    time_column: str
    columns: list[str]
    skip: list[str]
    missing: Literal["error", "interpolate", "previous", "drop"]
    price: str


class JobParams(TypedDict, total=False):
    """Parameters of a job, with the options of each service by its name; all have defaults."""

    kalman: KalmanOptions
    fft: FftOptions
    min_max: MinMaxOptions
    savitzky_golay: SavitzkyGolayOptions
    black_scholes: BlackScholesOptions
    wavelet: WaveletOptions
    kmean: KmeanOptions
    knn: KnnOptions
    table: TableOptions
    csv_output: Literal[0, 1]
    output_format: str
    benchmark_state: Literal[0, 1]
    num_mpi_procs: int
    num_thread: int
    perforation_stride: int
    precision_scenario: Literal[1, 2, 3, 4]
    num_numa: int
    num_core_numa: int
    ideko_kernel: int
    inbestme_kernel: int
    root_dir: str
    workspace: str
    profiling_workspace: str
    inference_knn_path: str
    clustering_label_path: str
