"""Reports that an admin shows around: one HTML file that asks nobody for anything and runs no script.

parts.py       what a report is made of: Section, Table, Plot, Link, frozen data
page.py        sections -> the file
plots.py       figures -> SVG text; the only importer of matplotlib
inline_svg.py  SVG text -> a part of the page, without what a page must not hold
"""

from assistant.reporting.page import page
from assistant.reporting.parts import Link, Plot, Section, Table

__all__ = ["Link", "Plot", "Section", "Table", "page"]
