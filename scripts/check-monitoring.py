#!/usr/bin/python3
"""Checks monitoring/ with Prometheus' own promtool.

usage: check-monitoring.py PROMTOOL

Exit 1 where promtool takes the rules or the example configuration for faulty, where an alert does not fire as
tests/monitoring/alerts_test.yml says or has no case there, where an expression of the dashboard does not parse, or where
either names a metric that docs/metrics.md does not have.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
MONITORING = ROOT / "monitoring"
CASES = ROOT / "tests/monitoring/alerts_test.yml"
# Grafana's, which it puts in before Prometheus sees an expression.
VARIABLES = {"$__rate_interval": "1m", "$instance": ".*"}
METRIC = re.compile(r"\b(?:fieldcast|process)_\w+")


def expressions(node):
    """All values of `expr` and of variables' queries within the dashboard."""
    if isinstance(node, dict):
        if isinstance(node.get("expr"), str):
            yield node["expr"]
        if node.get("type") == "query":
            yield re.fullmatch(r"label_values\((.*), \w+\)", node["query"]["query"])[1]
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def as_rules(found):
    """A file of recording rules, so that promtool parses them."""
    rules = []
    for number, expression in enumerate(found):
        for name, value in VARIABLES.items():
            expression = expression.replace(name, value)
        rules.append({"record": f"panel:{number}", "expr": expression})
    return yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]})


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    faults = []

    def promtool(*arguments):
        done = subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            faults.append(f"promtool {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")

    alerts_file = MONITORING / "fieldcast-alerts.yml"
    promtool("check", "rules", alerts_file)
    promtool("check", "config", MONITORING / "prometheus.yml")
    promtool("test", "rules", CASES)

    alerts = [rule for group in yaml.safe_load(alerts_file.read_text())["groups"] for rule in group["rules"]]
    fired = set(re.findall(r'ALERTS\{alertname="(\w+)"', CASES.read_text()))
    faults += [f"no case of {CASES.name} lets {rule['alert']} fire" for rule in alerts if rule["alert"] not in fired]

    panels = list(expressions(json.loads((MONITORING / "fieldcast-dashboard.json").read_text())))
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
        rules.write(as_rules(panels))
        rules.flush()
        promtool("check", "rules", rules.name)

    documented = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
    for expression in panels + [rule["expr"] for rule in alerts]:
        faults += [f"no such metric in docs/metrics.md: {name}" for name in METRIC.findall(expression) if name not in documented]

    for fault in faults:
        print(fault, file=sys.stderr)
    if faults or not alerts or not panels:
        sys.exit(1)
    print(f"{len(alerts)} alerts and {len(panels)} expressions of the dashboard are sound")


if __name__ == "__main__":
    main()
