"""Drawing: the only file that imports vl_convert. Vega-Lite to SVG text or PNG bytes, without a browser."""

from __future__ import annotations

import re
from typing import Final
from xml.sax.saxutils import escape

from thinkmeter.report._palette import COLOURS
from thinkmeter.report._spec import Figure

__all__ = ["inline_svg", "png", "svg"]

_VERSION: Final = "5.20"
"""Vega-Lite version: named, so that a newer vl-convert draws the same."""


def svg(figure: Figure) -> str:
    """Draw a figure as a standalone SVG document on white.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    str
        The same figure gives the same text.
    """
    return _head(_tidy(_draw(figure, background="#ffffff"), figure), figure)


def inline_svg(figure: Figure) -> str:
    """Draw a figure for a page that has several: transparent, ids unique, hints on its marks, no size of its own.

    Colours are those of `COLOURS`, as attributes, which the page's style sheet overrides in dark.
    """
    text = _head(_tidy(_draw(figure, background="transparent"), figure), figure)
    return re.sub(r'<rect width="[\d.]+" height="[\d.]+" fill="transparent"/>', "", text, count=1)


def png(figure: Figure, scale: float = 2.0) -> bytes:
    """Draw a figure as PNG on white.

    Parameters
    ----------
    figure : Figure
    scale : float
        Pixels per unit of the drawing.
    """
    import vl_convert

    spec = {**figure.vega_lite(), "background": "#ffffff"}
    return bytes(vl_convert.vegalite_to_png(spec, vl_version=_VERSION, scale=scale, allowed_base_urls=[]))


def _draw(figure: Figure, *, background: str) -> str:
    import vl_convert

    spec = {**figure.vega_lite(), "background": background}
    # No address may be fetched: all data is in the specification.
    return str(vl_convert.vegalite_to_svg(spec, vl_version=_VERSION, allowed_base_urls=[]))


def _head(text: str, figure: Figure) -> str:
    """Name the drawing for screen readers: role, title, description."""
    key = f"fig-{figure.name}"
    words = f'<title id="{key}-title">{escape(figure.title)}</title><desc id="{key}-desc">{escape(figure.alt)}</desc>'
    start = text.index(">") + 1
    opening = text[: start - 1].replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
    # The namespace is a name, not an address; it must stay for a file opened by itself.
    return f'{opening} role="img" aria-labelledby="{key}-title" aria-describedby="{key}-desc">{words}{text[start:]}'


_ROLE: Final = re.compile(r' (?:role|aria-roledescription|aria-hidden)="[^"]*"')
_LABEL: Final = re.compile(r'<(path|rect|line|text)((?: [\w:-]+="[^"]*")*?) aria-label="([^"]*)"([^>]*?)/>')
_EMPTY: Final = re.compile(r'<path class="(?:foreground|background)"[^>]*?/>')
_GROUP_LABEL: Final = re.compile(r'(<g[^>]*?) aria-label="[^"]*"')
_PLACE: Final = re.compile(r' (?:d|transform|x2|y2|x|y|width|height)="[^"]*"')
_LONG: Final = re.compile(r"(\d\.\d{2})\d+")
_ID: Final = re.compile(r'\bid="([^"]+)"')


def _tidy(text: str, figure: Figure) -> str:
    """Keep what is seen; turn the labels of marks into hints; make ids the figure's own."""
    body = text.index(">") + 1
    head, rest = text[:body], text[body:]
    rest = _EMPTY.sub("", rest)
    rest = _GROUP_LABEL.sub(r"\1", rest)
    rest = _ROLE.sub("", rest)
    rest = _LABEL.sub(r"<\1\2\4><title>\3</title></\1>", rest)
    rest = re.sub(r' pointer-events="none"', "", rest)
    # The drawing library counts its ids on from drawing to drawing.
    for number, old in enumerate(dict.fromkeys(_ID.findall(rest))):
        new = f"fig-{figure.name}-{number}"
        rest = rest.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    # Places only, never the text of a label: a hundredth of a pixel is enough.
    rest = _PLACE.sub(lambda found: _LONG.sub(r"\1", found[0]), rest)
    return head + rest


def colours_in(text: str) -> set[str]:
    """Return the colours of a drawing that are not in the palette; the page could not turn them dark."""
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-fA-F]+|[a-z]+)"', text))
    return used - {light for light, _ in COLOURS.values()} - {"none", "transparent"}
