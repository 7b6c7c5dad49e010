"""Small figures of pages, as PNG bytes."""

import io
import textwrap

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
import shapely
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from PIL import Image

from manul.maps.spec import INK, NODATA_FILL, QUIET
from manul.pages.amounts import signed

BLUE, ORANGE, GREY, GREEN = "#0072b2", "#d55e00", "#c9ced2", "#7fbf9b"
BADGE = 13.0  # points from the middle of one number on a map to that of the next, at least
UNSEEN = 1e-4  # of the longest bar: less is told as 0
STYLE = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}


def areas_map(areas: pd.DataFrame, outline, unit: str) -> bytes:
    """Rectangles (west, south, east, north) coloured by `value`, on the region's outline."""

    def draw(figure):
        axes = _ground(figure, outline)
        most = areas["value"].max() if len(areas) else 1
        boxes = axes.scatter([], [], c=[], norm=Normalize(0, most), cmap="viridis_r")
        for area in areas.itertuples():
            size = (area.east - area.west, area.north - area.south)
            style = {"facecolor": boxes.cmap(boxes.norm(area.value)), "edgecolor": "white"}
            axes.add_patch(mpl.patches.Rectangle((area.west, area.south), *size, **style))
        figure.colorbar(boxes, ax=axes, shrink=0.6, label=unit)

    return _png(draw, (7.2, 4.4))


def places_map(shapes, outline) -> bytes:
    """Points, lines and areas as they are, on the region's outline."""

    def draw(figure):
        axes = _ground(figure, outline)
        kinds = shapes.geom_type.str.replace("Multi", "")
        for kind, style in (
            ("Polygon", {"facecolor": ORANGE, "edgecolor": ORANGE, "linewidth": 2}),
            ("LineString", {"color": BLUE, "linewidth": 2.5}),
            ("Point", {"color": BLUE, "markersize": 9}),
        ):
            if (kinds == kind).any():
                shapes[kinds == kind].plot(ax=axes, **style)

    return _png(draw, (7.2, 4.4))


def numbered_map(shape, key, places) -> bytes:
    """The outline of a unit, key habitat in it (or None), and places with their numbers from 1."""

    def draw(figure):
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.set_aspect("equal")
        gpd.GeoSeries([shape]).plot(ax=axes, facecolor=NODATA_FILL, edgecolor=QUIET, linewidth=0.8)
        if key is not None and len(key):
            key[~key.is_empty].plot(ax=axes, facecolor=GREEN, edgecolor="none")
        for place in places:
            gpd.GeoSeries([place]).plot(ax=axes, facecolor="none", edgecolor=ORANGE, linewidth=1.2)
        figure.draw_without_rendering()  # so that places on the figure are known
        middle = shapely.point_on_surface(np.asarray(list(places), object))
        numbers = 1 + np.flatnonzero(~shapely.is_empty(middle))
        at = shapely.get_coordinates(middle)
        points = axes.transData.transform(at) * 72 / figure.dpi
        box = {"boxstyle": "circle,pad=0.2", "facecolor": "white", "edgecolor": ORANGE}
        line = {"arrowstyle": "-", "color": ORANGE, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
        beside = apart(points, BADGE) - points
        for number, xy, away in zip(numbers, at, beside, strict=True):
            axes.annotate(
                str(number), xy, away, textcoords="offset points", ha="center", va="center",
                fontsize=7, bbox=box, arrowprops=line if away.any() else None,
            )  # fmt: skip

    return _png(draw, (7.2, 3.6))


def apart(points: np.ndarray, gap: float) -> np.ndarray:
    """Where signs stand, each at its point (n, 2) or nearby, so that none hides one before it."""
    turns = np.radians(np.arange(0, 360, 30))
    rings = [(k * gap * np.cos(t), k * gap * np.sin(t)) for k in (1.0, 1.5, 2, 3, 4) for t in turns]
    out = np.array(points, float).reshape(-1, 2)
    for i in range(len(out)):
        for step in ((0.0, 0.0), *rings):
            if (np.hypot(*(out[:i] - out[i] - step).T) >= gap * (1 - 1e-9)).all():
                out[i] += step
                break
    return out


def bars(values: pd.Series, xlabel: str, ylabel: str) -> bytes:
    """One bar for each entry, as text."""

    def draw(figure):
        axes = figure.add_subplot()
        axes.bar([str(i) for i in values.index], values.to_numpy(float), color=BLUE, width=0.7)
        axes.set(xlabel=xlabel, ylabel=ylabel)

    return _png(draw, (7.2, 2.4))


def stacked(table: pd.DataFrame, xlabel: str, ylabel: str) -> bytes:
    """Bars of the rows, stacked by column."""

    def draw(figure):
        axes = figure.add_subplot()
        low = np.zeros(len(table))
        colours = mpl.colormaps["tab10"](np.arange(table.shape[1]) % 10)
        for colour, (name, column) in zip(colours, table.items(), strict=True):
            height = column.to_numpy(float)
            axes.bar([str(i) for i in table.index], height, bottom=low, label=name, color=colour)
            low += height
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.legend(frameon=False, fontsize=7)

    return _png(draw, (7.2, 2.8))


def series(table: pd.DataFrame, ylabel: str) -> bytes:
    """Lines over dates, one for each column."""

    def draw(figure):
        axes = figure.add_subplot()
        for name, column in table.items():
            axes.plot(pd.to_datetime(table.index), column, marker="o", markersize=3, label=name)
        axes.set_ylabel(ylabel)
        axes.set_ylim(0)
        axes.legend(frameon=False, fontsize=7)

    return _png(draw, (7.2, 2.6))


def line(table: pd.DataFrame, xlabel: str, ylabel: str, at: float) -> bytes:
    """`y` over `x` as a line with its points; a mark at one `x`."""

    def draw(figure):
        axes = figure.add_subplot()
        axes.plot(table["x"], table["y"], color=BLUE, marker="o", markersize=3)
        axes.axvline(at, color=ORANGE, linewidth=1)
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.set_ylim(0)

    return _png(draw, (7.2, 2.8))


def band(table: pd.DataFrame, ylabel: str) -> bytes:
    """`mean` over dates (the index), with the band from `p05` to `p95`."""

    def draw(figure):
        axes = figure.add_subplot()
        at = pd.to_datetime(table.index)
        axes.fill_between(at, table["p05"], table["p95"], color=BLUE, alpha=0.2, linewidth=0)
        axes.plot(at, table["mean"], color=BLUE, marker="o", markersize=4)
        axes.set_ylabel(textwrap.fill(ylabel, 28))
        axes.set_ylim(bottom=min(0, table["p05"].min()))

    return _png(draw, (7.2, 2.4))


def survival(table: pd.DataFrame) -> bytes:
    """Steps of survival over the days of a year with their interval, one line for each `stage`."""

    def draw(figure):
        axes = figure.add_subplot()
        for colour, (stage, own) in zip(
            (BLUE, ORANGE, GREEN), table.groupby("stage"), strict=False
        ):
            days = np.r_[0, own["day"]]
            low, high = (np.r_[1, own[end].ffill().fillna(1)] for end in ("lower", "upper"))
            axes.fill_between(days, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
            axes.step(days, np.r_[1, own["surv"]], where="post", color=colour, label=stage)
        axes.set(xlabel="day of the biological year", ylabel="share alive", ylim=(0, 1.02))
        axes.legend(frameon=False)

    return _png(draw, (7.2, 3.0))


def detection(fit, distances_m) -> bytes:
    """The fitted detection function over the distances, scaled to the share seen."""

    def draw(figure):
        axes = figure.add_subplot()
        inside = distances_m[distances_m <= fit.truncation_m]
        counts, edges = np.histogram(inside, bins=12, range=(0, fit.truncation_m))
        d = np.linspace(0, fit.truncation_m, 200)
        expected = len(inside) * (edges[1] - edges[0]) / fit.effective_half_width_m
        axes.bar(edges[:-1], counts / expected, np.diff(edges), align="edge", color=GREY)
        axes.plot(d, np.exp(-(d**2) / (2 * fit.sigma_m**2)), color=ORANGE)
        axes.set(xlabel="distance from the line (m)", ylabel="share detected")

    return _png(draw, (7.2, 2.6))


def curves(table: pd.DataFrame) -> bytes:
    """Fitted suitability along each predictor, side by side."""
    names = list(dict.fromkeys(table["covariate"]))
    rows = -(-len(names) // 3)

    def draw(figure):
        for i, name in enumerate(names, 1):
            part = table[table["covariate"] == name]
            axes = figure.add_subplot(rows, 3, i)
            axes.plot(
                pd.to_numeric(part["value"], errors="coerce"), part["suitability"], color=BLUE
            )
            axes.set(title=name, ylim=(0, 1))

    return _png(draw, (7.2, 1.9 * rows))


def signed_bars(panels: dict[str, pd.Series], colours: dict[str, tuple[str, str]]) -> bytes:
    """Bars to the left and right of zero, one panel for each series, beside each other.

    The index is the same in all of them; `colours` are (below zero, above zero) by panel.
    """
    labels = [
        "\n".join(textwrap.shorten(line, 48, placeholder=" …") for line in str(i).splitlines())
        for i in next(iter(panels.values())).index
    ]

    def draw(figure):
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (title, values) in zip(grid, panels.items(), strict=True):
            numbers = values.to_numpy(float)[::-1]
            below, above = colours[title]
            tints = [below if number < 0 else above for number in numbers]
            bars_ = axes.barh(labels[::-1], numbers, color=tints, height=0.65)
            least = UNSEEN * np.abs(np.nan_to_num(numbers)).max()
            texts = ["" if np.isnan(n) else signed(n, least) for n in numbers]
            axes.bar_label(bars_, texts, padding=3, fontsize=7)
            axes.axvline(0, color=QUIET, linewidth=0.8)
            axes.margins(x=0.35)
            if not np.nan_to_num(numbers).any():
                axes.set(xlim=(-1, 1), xticks=[0])
            axes.set_title(title, loc="left")
            axes.tick_params(axis="y", length=0, labelcolor=INK)
            axes.tick_params(axis="x", labelsize=6)
            axes.spines["left"].set_visible(False)
            axes.locator_params(axis="x", nbins=4)

    return _png(draw, (9, 0.7 + 0.33 * len(labels)))


def raster_map(
    values, bounds, outline, colours, label: str, ticks: dict | None = None, title: str = "",
    foot: str = "",
) -> bytes:  # fmt: skip
    """A small map of cells; `bounds` (left, bottom, right, top), `colours` (colour map, norm).

    NaN is grey, as where nothing is known. `ticks`: words on the bar of colours, by value.
    """

    def draw(figure):
        axes = _ground(figure, outline)
        left, bottom, right, top = bounds
        cmap, norm = colours
        image = axes.imshow(
            np.ma.masked_invalid(values), cmap=cmap.with_extremes(bad=NODATA_FILL), norm=norm,
            extent=(left, right, bottom, top),
            interpolation="nearest",
        )  # fmt: skip
        axes.set(xlim=(left, right), ylim=(bottom, top))
        bar = figure.colorbar(image, ax=axes, shrink=0.7, label=label)
        if ticks:
            bar.set_ticks(list(ticks), labels=list(ticks.values()))
        if title:
            axes.set_title(title, loc="left", color=INK, fontsize=13, fontweight="bold")
        if foot:
            words = textwrap.fill(foot, 130)
            axes.text(0, -0.02, words, transform=axes.transAxes, va="top", fontsize=6.5, color=INK)

    return _png(draw, (8, 4.4))


def answers(
    opinions: pd.DataFrame,
    pooled: tuple[np.ndarray, np.ndarray],
    certainty: float,
    value: float,
    ends: tuple[float, float] | None,
    xlabel: str,
) -> bytes:
    """Intervals of several people on one number, what they say together, and the config's number.

    `opinions`: name, low, high (stretched), lowest, best, highest (as said). `pooled` are
    probabilities and quantiles, `ends` the config's range.
    """
    rows = len(opinions)

    def draw(figure):
        axes = figure.add_subplot()
        for y, who in zip(range(rows + 1, 1, -1), opinions.itertuples(), strict=True):
            axes.plot([who.low, who.high], [y, y], color=BLUE, linewidth=1)
            axes.plot([who.lowest, who.highest], [y, y], color=BLUE, linewidth=4, alpha=0.5)
            axes.plot(who.best, y, "o", color=BLUE, markersize=5)
        _pool(axes, pooled, certainty, 1)
        if ends:
            axes.plot(ends, [0, 0], color=INK, linewidth=1.5, marker="|", markersize=8)
        axes.plot(value, 0, "D", color=INK, markersize=5)
        axes.axvline(value, color=QUIET, linewidth=0.7, linestyle=":", zorder=0)
        names = ["config", "together", *reversed(opinions["name"].tolist())]
        axes.set_yticks(range(rows + 2), names, color=INK)
        axes.set(xlabel=xlabel, ylim=(-0.5, rows + 1.6))
        axes.tick_params(axis="y", length=0)

    return _png(draw, (7.2, 0.9 + 0.24 * (rows + 2)))


def shares(table: pd.DataFrame, xlabel: str) -> bytes:
    """Parts of a whole, largest first: bars `alone`, with what is added `together` behind them.

    Also low and high of `alone`, and `words`, all but words in 0..1.
    """
    rows = len(table)

    def draw(figure):
        axes = figure.add_subplot()
        y, least = np.arange(rows)[::-1], table.drop(columns="words").clip(lower=0)
        low, high = least["low"].to_numpy(), least["high"].to_numpy()
        alone = least["alone"].to_numpy() + 0.0  # never -0
        together = np.maximum(alone, least["together"].to_numpy())
        axes.barh(y, together, color=GREY, height=0.6, label="with others")
        axes.barh(y, alone, color=BLUE, height=0.6, label="alone")
        axes.hlines(y, low, high, color=INK, linewidth=1)
        for at, value, end in zip(y, alone, np.maximum(together, high), strict=True):
            axes.text(end + 0.01, at, f"{100 * value:.0f} %", va="center", color=INK)
        axes.set_yticks(y, [textwrap.fill(words, 62) for words in table["words"]], color=INK)
        axes.set(xlabel=xlabel, xlim=(0, 1.08 * max(together.max(), high.max(), 0.1)))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.tick_params(axis="y", length=0)
        axes.legend(frameon=False, loc="lower right")

    return _png(draw, (7.2, 0.7 + 0.36 * rows))


def intervals(table: pd.DataFrame, xlabel: str) -> bytes:
    """A bar for each of `words`: its `value`, and a line from `low` to `high`; the first on top."""
    rows = len(table)

    def draw(figure):
        axes = figure.add_subplot()
        y = np.arange(rows)[::-1]
        axes.barh(y, table["value"], color=BLUE, height=0.6)
        axes.hlines(y, table["low"], table["high"], color=INK, linewidth=1.5)
        axes.set_yticks(y, [textwrap.shorten(w, 60, placeholder=" …") for w in table["words"]])
        axes.set(xlabel=xlabel, ylim=(-0.6, max(rows, 1) - 0.4))

    return _png(draw, (7.2, 0.8 + 0.28 * max(rows, 2)))


def smaller(path, width: int = 1500) -> bytes:
    """A PNG of a map sheet at the size of a page (`width` dots), in 256 colours.

    They are spread over all that it has, so that a colour of few lines stays what the legend says.
    """
    with Image.open(path) as picture:
        height = round(picture.height * width / picture.width)
        small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    few = small.quantize(256, Image.Quantize.MAXCOVERAGE)
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def _pool(axes, pooled, certainty, y) -> None:
    """The density of a pool, in the row `y`, with its median and its interval."""
    probabilities, quantiles = pooled
    tail = (1 - certainty) / 2
    low, median, high = np.interp([tail, 0.5, 1 - tail], probabilities, quantiles)
    x = np.linspace(quantiles[0], quantiles[-1], 121)
    density = np.gradient(np.interp(x, quantiles, probabilities))
    height = 0.75 * density / density.max()
    axes.fill_between(x, y - 0.3, y - 0.3 + height, color=ORANGE, alpha=0.3, linewidth=0)
    axes.plot([low, high], [y - 0.3] * 2, color=ORANGE, linewidth=3, solid_capstyle="butt")
    axes.plot(median, y - 0.3, "o", color=ORANGE, markersize=6)


def _ground(figure, outline):
    axes = figure.add_subplot()
    if outline is not None and len(outline):
        outline.boundary.plot(ax=axes, color=QUIET, linewidth=0.8)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return axes


def _png(draw, size) -> bytes:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=110, metadata={"Software": "Manul"})
    return out.getvalue()
