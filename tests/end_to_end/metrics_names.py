"""Texts that speak of metrics against those that there are.

    metrics_names.py dashboard FILE METRICS   every expression of a Grafana dashboard names metrics that there are; prints
                                              the expressions as rules for `promtool check rules`
    metrics_names.py page FILE METRICS        the tables of docs/metrics.md name all metrics and no other
    metrics_names.py openmetrics METRICS      the text is OpenMetrics, by the strict parser of Prometheus' own Python client
"""
import json
import re
import sys


def families(path):
    """{name: type} of Prometheus' text format."""
    with open(path, encoding="utf-8") as file:
        return dict(re.findall(r"^# TYPE (\S+) (\S+)$", file.read(), re.M))


def names_in_series(known):
    """All names that a series may have."""
    parts = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
    return {name + part for name, kind in known.items() for part in parts.get(kind, ("",))}


def expressions(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def dashboard(path, metrics):
    with open(path, encoding="utf-8") as file:
        found = list(expressions(json.load(file)))
    known = names_in_series(families(metrics))
    assert len(found) > 30, f"only {len(found)} expressions"
    unknown = [(title, name) for title, text in found for name in re.findall(r"\bspawnd_\w+", text) if name not in known]
    assert not unknown, f"there is no such metric: {unknown}"
    nameless = [title for title, text in found if "spawnd_" not in text]
    assert not nameless, f"an expression without a metric: {nameless}"
    rules = [{"record": f"rule:{i}", "expr": text.replace("$__rate_interval", "5m").replace("$instance", ".*")}
             for i, (_, text) in enumerate(found)]
    json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)  # JSON is YAML


def page(path, metrics):
    with open(path, encoding="utf-8") as file:
        rows = [line.split("|")[1] for line in file if line.startswith("| `spawnd_")]
    listed = {name for row in rows for name in re.findall(r"`(spawnd_\w+)`", row)}
    there = set(families(metrics))
    assert listed == there, f"only on the page: {sorted(listed - there)}; only in the daemon: {sorted(there - listed)}"


def openmetrics(metrics):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    with open(metrics, encoding="utf-8") as file:
        found = {family.name: family for family in text_string_to_metric_families(file.read())}
    assert len(found) > 30, sorted(found)
    changes = found["spawnd_changes"]
    assert changes.type == "counter" and all(s.name == "spawnd_changes_total" for s in changes.samples), changes
    assert found["spawnd_store_bytes"].unit == "bytes", found["spawnd_store_bytes"]
    assert found["spawnd_container_create_duration_seconds"].type == "histogram"


if __name__ == "__main__":
    {"dashboard": dashboard, "page": page, "openmetrics": openmetrics}[sys.argv[1]](*sys.argv[2:])
