"""`python -m tests.grafana.dashboards`: writes grafana/dashboards/*.json."""

from pathlib import Path

from tests.grafana.dashboards.boards import made, text

FOLDER = Path(__file__).parents[3] / "grafana" / "dashboards"


def main() -> None:
    for name, board in made().items():
        (FOLDER / name).write_text(text(board))
        print(f"grafana/dashboards/{name}: {len(board['panels'])} panels")


if __name__ == "__main__":
    main()
