"""bench/RESULTS.svg: bars that say how many times better this package is than nats.py and nats.js."""

import math
from xml.sax.saxutils import escape

from table import ROWS, ratio
from tasks import TITLES

COLOURS = {"py": "#3572a5", "js": "#d9a400", "peer": "#888888", "raw": "#b7410e"}
# Figures that are not the work itself would only crowd the chart.
LEFT_OUT = ("lost", "peak_mib", "cpu_million", "own_ms")
WIDTH, LABELS, RIGHT, BAR, GAP, TOP = 880, 370, 60, 11, 8, 64


def chart(middle, client, others, subtitle):
    """The SVG text. The axis is logarithmic: twice as good and half as good are the same length, on two sides of 1x."""
    rows = [(row, {other: ratio(middle, row, client, other) for other in others}) for row in ROWS if row[3] not in LEFT_OUT]
    rows = [(row, ratios) for row, ratios in rows if any(ratios.values())]
    found = [one for _, ratios in rows for one in ratios.values() if one]
    if not found:
        return None
    low = math.floor(min(0.0, math.log2(min(found))))
    high = max(low + 1, math.ceil(math.log2(max(found))))

    def x(value):
        return LABELS + (math.log2(value) - low) / (high - low) * (WIDTH - LABELS - RIGHT)

    step = BAR * len(others) + GAP
    bottom = TOP + step * len(rows)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
        'font-family="sans-serif" font-size="12">' % (WIDTH, bottom + 30, WIDTH, bottom + 30),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="10" y="20" font-size="15" font-weight="bold">%s, times as good as other clients</text>'
        % escape(TITLES[client].capitalize()),
        '<text x="10" y="38" fill="#555555">%s</text>' % escape(subtitle),
    ]
    for place, other in enumerate(others):
        left = WIDTH - RIGHT - 130 * (len(others) - place) + 60
        parts.append('<rect x="%d" y="12" width="11" height="11" fill="%s"/><text x="%d" y="22">%s</text>'
                     % (left, COLOURS[other], left + 16, escape(TITLES[other])))
    for power in range(low, high + 1):
        at = x(2.0 ** power)
        parts.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>'
                     % (at, TOP - 6, at, bottom, "#000000" if power == 0 else "#dddddd"))
        parts.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#555555">%gx</text>' % (at, bottom + 16, 2.0 ** power))
    for line, (row, ratios) in enumerate(rows):
        top = TOP + line * step
        parts.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>'
                     % (LABELS - 8, top + BAR * len(others) / 2 + 4, escape(row[0].replace("`", ""))))
        for place, other in enumerate(others):
            if ratios[other]:
                begin, end = sorted((x(1.0), x(ratios[other])))
                y = top + place * BAR
                parts.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>'
                             % (begin, y, max(1.0, end - begin), BAR - 1, COLOURS[other]))
                parts.append('<text x="%.1f" y="%d" font-size="10">%.1fx</text>' % (end + 4, y + BAR - 2, ratios[other]))
    return "\n".join(parts + ["</svg>", ""])
