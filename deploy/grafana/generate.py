"""
Writes the dashboards: ``python -m deploy.grafana.generate`` after a change of the boards.

The JSON beside this file is what Grafana is provisioned with; a test compares it with what the
boards give, so it is never edited by hand.
"""

import json
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.board import Board
from deploy.grafana.flow import FLOW
from deploy.grafana.knowledge import KNOWLEDGE
from deploy.grafana.resources import RESOURCES

FOLDER: Final = Path(__file__).parent / "dashboards"
BOARDS: Final = (FLOW, RESOURCES, KNOWLEDGE)


def render(board: Board) -> str:
    """Return *board* as Grafana's JSON, the same every time."""
    return json.dumps(board.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def differing(folder: Path) -> list[str]:
    """Return the names of the files of *folder* that are not what the boards give."""
    wanted = {f"{board.name}.json": render(board) for board in BOARDS}
    there = {path.name: path.read_text() for path in folder.iterdir()}
    return sorted(name for name in wanted.keys() | there if wanted.get(name) != there.get(name))


def main() -> None:
    """Write every board to its file."""
    FOLDER.mkdir(exist_ok=True)
    for board in BOARDS:
        (FOLDER / f"{board.name}.json").write_text(render(board))


if __name__ == "__main__":
    main()
