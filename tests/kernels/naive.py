"""Reference kernels, as slow and obvious as their definitions."""

import cmath
import math

Signal = list[float]


def dft_magnitude(x: Signal) -> Signal:
    n = len(x)
    terms = [[x[t] * cmath.exp(-2j * math.pi * (k * t % n) / n) for t in range(n)] for k in range(n)]
    return [abs(sum(row)) for row in terms]


def min_max(x: Signal, low: float, high: float) -> Signal:
    least, greatest = min(x), max(x)
    if least == greatest:
        return [low for _ in x]
    return [low + (value - least) / (greatest - least) * (high - low) for value in x]


def perforated(computed: dict[int, float], n: int, stride: int) -> Signal:
    """Interpolate between the samples 0, stride, 2 stride ..., repeat the last one."""
    last = max(computed)
    out = []
    for t in range(n):
        before = min(t // stride * stride, last)
        after = before + stride
        if after > last:
            out.append(computed[before])
        else:
            share = (t - before) / stride
            out.append(computed[before] * (1 - share) + computed[after] * share)
    return out


def kalman(x: Signal, r: float, q: float, p: float) -> Signal:
    u, out = x[0], []
    for value in x:
        gain = p / (p + r)
        u += gain * (value - u)
        p = (1 - gain) * p + q
        out.append(u)
    return out


def normal(d: float) -> float:
    return 0.5 * (1 + math.erf(d / math.sqrt(2)))


def black_scholes(spot: float, sigma: float, years: float, strikes: Signal, rate: float) -> Signal:
    """Call and put figures by turns, each from the closed form with its own strike."""
    root, figures = math.sqrt(years), []
    for strike, sign in zip(strikes, (1, -1), strict=True):
        d1 = (math.log(spot / strike) + (rate + sigma**2 / 2) * years) / (sigma * root)
        d2 = d1 - sigma * root
        density = math.exp(-(d1**2) / 2) / math.sqrt(2 * math.pi)
        bond = strike * math.exp(-rate * years)
        price = sign * (spot * normal(sign * d1) - bond * normal(sign * d2))
        theta = -spot * density * sigma / (2 * root) - sign * rate * bond * normal(sign * d2)
        rho = sign * years * bond * normal(sign * d2)
        gamma = density / (spot * sigma * root)
        figures.append(
            [price, sign * normal(sign * d1), gamma, spot * density * root / 100, theta / 100, rho / 100]
        )
    return [figure for pair in zip(*figures, strict=True) for figure in pair]


def dtw(x: Signal, y: Signal, band: int | None = None, *, squared: bool = False) -> float:
    n, m = len(x), len(y)
    reach = n + m if band is None else max(band, abs(n - m))
    table = [[math.inf] * (m + 1) for _ in range(n + 1)]
    table[0][0] = 0.0
    for i in range(n):
        for j in range(m):
            if abs(i - j) <= reach:
                cost = abs(x[i] - y[j])
                best = min(table[i][j], table[i][j + 1], table[i + 1][j])
                table[i + 1][j + 1] = (cost * cost if squared else cost) + best
    return table[n][m]


def euclidean(x: Signal, y: Signal) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def knn(training: list[Signal], labels: list[int], query: Signal, k: int, band: int | None = None) -> int:
    """All distances, then the vote; sorting is stable, so equal distances stay in order."""
    distances = [dtw(signal, query, band) for signal in training]
    nearest = [labels[i] for i in sorted(range(len(training)), key=distances.__getitem__)[:k]]
    return max(nearest, key=lambda label: (nearest.count(label), -nearest.index(label)))


def kmean(signals: list[Signal], k: int, iterations: int) -> list[int]:
    """Lloyd's iterations from the first `k` signals, no cluster ever empty, renumbered by size."""
    centroids = signals[:k]
    labels: list[int] = []
    for _ in range(iterations):
        distances = [[dtw(signal, centroid) for centroid in centroids] for signal in signals]
        labels = [row.index(min(row)) for row in distances]
        members = [[s for s, label in zip(signals, labels, strict=True) if label == c] for c in range(k)]
        moved = [[sum(column) / len(own) for column in zip(*own, strict=True)] for own in members]
        change = sum(
            max(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in zip(centroids, moved, strict=True)
        )
        centroids = moved
        if change < 1e-5:
            break
    order = sorted(range(k), key=lambda c: (-labels.count(c), labels.index(c)))
    return [order.index(label) for label in labels]
