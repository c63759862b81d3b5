"""What the help of each command ends with."""

from collections.abc import Mapping, Sequence

# Command -> the lines that show its use.
EXAMPLES: Mapping[str, Sequence[str]] = {
    "init": (
        "bandwatch init --prometheus.url http://127.0.0.1:9090",
        "bandwatch init --preset node --preset ./queues.yml -o machines.yml --yes",
    ),
    "run": ("bandwatch run", "bandwatch run machines.yml --web.listen-address 127.0.0.1:9642"),
    "worker": ("bandwatch worker machines.yml --web.listen-address 127.0.0.1:8643",),
    "web": ("bandwatch web machines.yml",),
    "check": ("bandwatch check machines.yml", "bandwatch check --example > bandwatch.yml"),
    "fit": ("bandwatch fit machines.yml --watch cpu",),
    "score": (
        "bandwatch score machines.yml --watch cpu",
        "bandwatch score machines.yml --csv > scores.csv",
    ),
    "preview": (
        "bandwatch preview machines.yml --since 30d",
        "bandwatch preview machines.yml --compare new.yml --fail-above 2/w",
    ),
    "backtest": (
        "bandwatch backtest 'sum by (job) (rate(http_requests_total[5m]))' --output out --plot",
        "bandwatch backtest recorded/ --output out --alert-budget 1/d",
    ),
    "evaluate": ("bandwatch evaluate labelled/ out/ --json",),
    "demo": ("bandwatch demo --duration 120s",),
    "size": (
        "bandwatch size --series 10000 --step 1m --retention 90d",
        "bandwatch size --series 500 --step 15s --measure",
    ),
    "status": ("bandwatch status", "bandwatch status --url https://bandwatch.example.org --json"),
    "incidents": (
        "bandwatch incidents --since 7d",
        "bandwatch incidents --open --watch cpu --json",
    ),
    "series": (
        "bandwatch series --watch cpu --limit 20",
        "bandwatch series --state missing,stale --csv > silent.csv",
    ),
    "watches": ("bandwatch watches", "bandwatch watches --watch cpu --csv"),
    "report": (
        "bandwatch report --since 30d",
        "bandwatch report --html report.html --json > report.json",
    ),
    "explain": (
        "bandwatch explain 'up{job=\"api\"}'",
        "bandwatch explain web-1795229580",
        "bandwatch explain '{job=\"api\"}' --at 2026-11-21T03:05:00Z",
    ),
    "grafana check": (
        "GRAFANA_TOKEN=glsa_... bandwatch grafana check --url https://grafana.example.org",
    ),
    "rules": (
        "bandwatch rules prometheus > bandwatch.rules.yml",
        "bandwatch rules grafana machines.yml > provisioning/alerting/bandwatch.yml",
    ),
    "feedback add": (
        "bandwatch feedback add false_alarm --incident web-1795229580 --comment 'fan changed'",
        "bandwatch feedback add real --watch web --series 'up{job=\"api\"}'"
        " --start 2026-11-21T02:50:00Z --end 2026-11-21T03:10:00Z",
    ),
    "feedback list": ("bandwatch feedback list --since 7d --watch web",),
    "feedback withdraw": ("bandwatch feedback withdraw 12 13",),
    "maintenance add": (
        "bandwatch maintenance add --match '{instance=\"db-1\"}' --duration 2h --comment 'disk'",
        "bandwatch maintenance add --watch web --start 2026-11-21T02:00 --duration 4h"
        " --rule 'FREQ=WEEKLY;BYDAY=SA' --timezone Europe/Vienna --name 'weekly load test'",
    ),
    "maintenance list": ("bandwatch maintenance list --all",),
    "maintenance end": ("bandwatch maintenance end 805dcceec114",),
    "changes add": (
        "bandwatch changes add 'checkout v1.42' --label job=checkout"
        " --link https://ci.example.org/runs/42",
    ),
    "changes list": ("bandwatch changes list --since 1d --match '{job=\"checkout\"}'",),
    "changes remove": ("bandwatch changes remove 9b7b31affdc0",),
    "models list": ("bandwatch models list --watch web",),
    "models show": ("bandwatch models show --series 'up{job=\"api\"}'",),
    "models rollback": ("bandwatch models rollback --watch web --to 7 --comment 'too narrow'",),
    "models pin": ("bandwatch models pin --match '{job=\"api\"}'",),
    "models unpin": ("bandwatch models unpin --match '{job=\"api\"}'",),
    "models refit": ("bandwatch models refit --watch web",),
    "store copy": (
        "bandwatch store copy machines.yml --to postgresql://bandwatch@db.example.org/bandwatch",
        "bandwatch store copy machines.yml --to data-again",
    ),
    "completion": (
        "bandwatch completion bash > ~/.local/share/bash-completion/completions/bandwatch",
        "bandwatch completion zsh > ~/.zfunc/_bandwatch",
    ),
}
