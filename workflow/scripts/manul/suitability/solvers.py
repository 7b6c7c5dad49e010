"""The Maxent lasso, solved to convergence."""

from __future__ import annotations

import numba
import numpy as np


def maxent_lasso(
    features: np.ndarray,
    base: np.ndarray,
    target: np.ndarray,
    penalty: np.ndarray,
    tolerance: float = 1e-6,
    rounds: int = 500,
) -> np.ndarray:
    """Minimise log(sum base exp(F b)) - target.b + sum(penalty |b|) exactly; return b (p,).

    This is the dual of maximum entropy (Phillips & Dudik 2008) and the limit of infinitely weighted
    logistic regression (Fithian & Hastie 2013). F (n, p) is the background, base (n,) its measure,
    target (p,) the mean of the features over presences. Proximal Newton steps on the features that
    violate the optimality conditions; raises RuntimeError if these do not hold at the end.
    """
    coef = np.zeros(features.shape[1])
    log_base = np.log(base / base.sum())
    link = np.zeros(features.shape[0])
    for _ in range(rounds):
        density = _softmax(log_base + link)
        gradient = density @ features - target
        gaps = lasso_gaps(gradient, coef, penalty)
        if gaps.max(initial=0.0) <= tolerance:
            return coef
        chosen = _working_set(coef, gaps, tolerance)
        part = features[:, chosen]
        for _ in range(5):
            step, slope = _newton_step(
                part, density, gradient[chosen], coef[chosen], penalty[chosen]
            )
            size = _line_search(part, log_base, link, target, penalty, coef, chosen, step, slope)
            if size == 0.0:
                break
            coef[chosen] += size * step
            link = part @ coef[chosen]
            density = _softmax(log_base + link)
            gradient[chosen] = density @ part - target[chosen]
            if lasso_gaps(gradient[chosen], coef[chosen], penalty[chosen]).max() <= tolerance:
                break
    raise RuntimeError(
        f"Maxent did not converge: optimality gap {gaps.max():.2g} > {tolerance:.2g}"
    )


def lasso_gaps(gradient: np.ndarray, coef: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return how far each coefficient is from the lasso's optimality (KKT) conditions, >= 0.

    At the optimum the gradient is -penalty sign(b) where b is not 0, else within +-penalty.
    """
    at_zero = np.maximum(np.abs(gradient) - penalty, 0.0)
    return np.where(coef == 0, at_zero, np.abs(gradient + penalty * np.sign(coef)))


def _softmax(link: np.ndarray) -> np.ndarray:
    density = np.exp(link - link.max())
    return density / density.sum()


def _log_sum(link: np.ndarray) -> float:
    top = link.max()
    return float(top + np.log(np.exp(link - top).sum()))


def _working_set(coef, gaps, tolerance, most: int = 60) -> np.ndarray:
    # A full Newton step over a thousand hinges is wasted: a few dozen are ever in the model.
    violating = np.flatnonzero((coef == 0) & (gaps > tolerance))
    worst = violating[np.argsort(-gaps[violating], kind="stable")[:most]]
    return np.sort(np.r_[np.flatnonzero(coef), worst])


def _newton_step(part, density, gradient, coef, penalty) -> tuple[np.ndarray, float]:
    mean = density @ part
    hessian = part.T @ (part * density[:, None]) - np.outer(mean, mean)
    # Neighbouring hinges are nearly collinear; the ridge of the step does not move the optimum.
    hessian[np.diag_indices_from(hessian)] += 1e-8
    step = _lasso_step(hessian, gradient, coef, penalty)
    slope = gradient @ step + penalty @ (np.abs(coef + step) - np.abs(coef))
    return step, float(slope)


@numba.njit(cache=True, nogil=True)
def _lasso_step(hessian, gradient, coef, penalty):
    n = coef.size
    step = np.zeros(n)
    product = gradient.copy()
    for _ in range(1000):
        largest = 0.0
        for j in range(n):
            old = coef[j] + step[j]
            raw = hessian[j, j] * old - product[j]
            shrunk = max(abs(raw) - penalty[j], 0.0) / hessian[j, j]
            change = (shrunk if raw > 0 else -shrunk) - old
            if change != 0.0:
                step[j] += change
                for i in range(n):
                    product[i] += hessian[i, j] * change
                largest = max(largest, hessian[j, j] * abs(change))
        if largest < 1e-9:
            break
    return step


def _line_search(part, log_base, link, target, penalty, coef, chosen, step, slope) -> float:
    def loss(size):
        new = coef[chosen] + size * step
        tilt = _log_sum(log_base + link + size * move)
        return tilt - target[chosen] @ new + penalty[chosen] @ np.abs(new)

    move = part @ step
    start, size = loss(0.0), 1.0
    while loss(size) > start + 1e-4 * size * slope + 1e-14:
        size /= 2
        if size < 1e-10:
            return 0.0
    return size
