"""Write docs/reference/states.svg and the tables of states.md from the state table of the code.

python tools/state_diagram.py
"""

from __future__ import annotations

import re
from pathlib import Path

from anyplane.control.diagram import as_markdown, as_svg

DOCS = Path(__file__).resolve().parent.parent / "docs" / "reference"


def main() -> None:
    """Both files anew; the words around the tables stay."""
    (DOCS / "states.svg").write_text(as_svg())
    page = DOCS / "states.md"
    block = f"<!-- tables -->\n{as_markdown()}<!-- end -->"
    page.write_text(
        re.sub(r"<!-- tables -->.*<!-- end -->", lambda _: block, page.read_text(), flags=re.DOTALL)
    )


if __name__ == "__main__":
    main()
