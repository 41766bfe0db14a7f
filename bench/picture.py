"""Results as one SVG: a block for each benchmark, a bar for each figure.

Bars of one block share a scale only when they share `what` and the unit. The line across the end of
a bar goes from the least to the greatest of its runs.
"""

from xml.sax.saxutils import escape

from bench.figures import Figure, Result, Target
from bench.report import measured, number, wanted

WIDTH, EDGE, ROW, BAR = 900, 24, 24, 14
LETTER = 7.4  # px: no letter of 13 px sans-serif is wider on average, so nothing overlaps
VALUES = 210  # px for the number and its unit, right of the bars

STYLE = """
text { font: 13px system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; fill: #1f2328 }
.paper { fill: #ffffff } .title { font-weight: 600; font-size: 16px } .what { fill: #59636e }
.ours { fill: #0a6e4f } .peer { fill: #9aa5b1 } .spread { stroke: #1f2328; stroke-width: 1.5 }
.met { fill: #0a6e4f } .missed { fill: #b42318 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .paper { fill: #0d1117 } .what { fill: #9198a1 }
.ours { fill: #3fb98c } .peer { fill: #5c6773 } .spread { stroke: #e6edf3 }
.met { fill: #3fb98c } .missed { fill: #ff7b72 } }
"""


def draw(results: list[Result]) -> str:
    lines: list[str] = []
    y = float(EDGE)
    for result in results:
        y = block(result, lines, y) + EDGE
    size = f'width="{WIDTH}" height="{y:.0f}" viewBox="0 0 {WIDTH} {y:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    paper = '<rect class="paper" width="100%" height="100%"/>'
    name = "<title>What bin/bench measured</title>"
    return "\n".join((head, name, f"<style>{STYLE}</style>", paper, *lines, "</svg>", ""))


def block(result: Result, lines: list[str], y: float) -> float:
    """Adds one benchmark from `y` on; where it ends."""
    y += 16
    lines.append(text(EDGE, y, result.title, "title"))
    left = EDGE + max((len(row.contender) for row in result.figures), default=0) * LETTER + 12
    groups: dict[tuple[str, str], list[Figure]] = {}
    for row in result.figures:
        groups.setdefault((row.what, row.unit), []).append(row)
    for (what, _unit), alike in groups.items():
        y += ROW
        lines.append(text(EDGE, y, what, "what"))
        longest = max(max(row.runs) for row in alike) or 1
        for row in alike:
            y += ROW
            lines += bar(row, y, left, (WIDTH - EDGE - VALUES - left) / longest)
    for target in result.targets:
        y += ROW
        lines.append(text(EDGE, y, verdict(target), "met" if target.met else "missed"))
    return y


def bar(row: Figure, y: float, left: float, scale: float) -> list[str]:
    middle, length = y - 5, max(row.median * scale, 1)
    low, high = left + min(row.runs) * scale, left + max(row.runs) * scale
    kind = "ours" if row.contender.startswith("Bellhop") else "peer"
    return [
        text(EDGE, y, row.contender),
        f'<rect class="{kind}" x="{left:.1f}" y="{middle - BAR / 2:.1f}" width="{length:.1f}" '
        f'height="{BAR}" rx="2"/>',
        f'<path class="spread" d="M{low:.1f} {middle:.1f}H{high:.1f}"/>',
        text(max(high, left + length) + 8, y, f"{number(row.median)} {row.unit}"),
    ]


def verdict(target: Target) -> str:
    sign = "✓" if target.met else "✗"
    return f"{sign} {target.what}: {measured(target)} (wanted {wanted(target)})"


def text(x: float, y: float, words: str, kind: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{escape(words)}</text>'
