"""`python -m tests.grafana.dashboards`: writes grafana/dashboards/*.json, and those for an import
by hand to grafana/import."""

from pathlib import Path

from tests.grafana.dashboards.boards import importable, made, text

GRAFANA = Path(__file__).parents[3] / "grafana"


def main() -> None:
    for folder, boards in (("dashboards", made()), ("import", importable())):
        (GRAFANA / folder).mkdir(exist_ok=True)
        for name, board in boards.items():
            (GRAFANA / folder / name).write_text(text(board))
            print(f"grafana/{folder}/{name}: {len(board['panels'])} panels")


if __name__ == "__main__":
    main()
