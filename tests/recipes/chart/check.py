"""Renders the chart under its values and switches, checks what comes out, and plants faults that must be found.

Usage: check.py HELM KUBECONFORM SCHEMAS
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import yaml

import rules
from cases import CASES, FAULTS, REFUSALS, SETTINGS_OF_THE_CHART

CHART = rules.ROOT / "infra/helm/flits"
KUBERNETES = "1.34.0"
NAMESPACE = "flits"


class Tools:
    def __init__(self, helm, kubeconform, schemas):
        self.helm, self.kubeconform = helm, kubeconform
        self.location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"

    def _run(self, words, chart, case):
        """Runs Helm with the values of a case: files of the chart, then values on standard input."""
        for file in case.get("files", []):
            words = [*words, "-f", str(chart / file)]
        if "values" not in case:
            return run(words)
        return run([*words, "-f", "-"], yaml.safe_dump(case["values"]))

    def lint(self, chart, case):
        """Returns what `helm lint --strict` finds; "" for nothing."""
        done = self._run([self.helm, "lint", "--strict", "--quiet", "--kube-version", KUBERNETES, str(chart)], chart, case)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def template(self, chart, case):
        """Returns the text of the manifests, or the error."""
        words = [self.helm, "template", "flits", str(chart), "-n", NAMESPACE, "--kube-version", KUBERNETES]
        done = self._run(words, chart, case)
        return (done.stdout, "") if done.returncode == 0 else ("", done.stderr)

    def conform(self, text):
        """Returns what kubeconform finds wrong; [] for nothing."""
        words = [self.kubeconform, "-strict", "-output", "json", "-schema-location", self.location]
        done = run([*words, "-"], text)
        found = json.loads(done.stdout)["resources"] or []
        return [f"{item['kind']} {item['name']}: {item['msg']}" for item in found]


def run(words, text=None):
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False)


def judge(text, tools):
    """Returns the findings of kubeconform and of each rule, by name."""
    objects = [thing for thing in yaml.safe_load_all(text) if thing]
    found = {"kubeconform": tools.conform(text)}
    rendering = rules.Rendering(objects)
    for rule in rules.RULES:
        # A rule may stumble over an object that kubeconform refuses. That is no finding of the rule.
        try:
            found[rule.__name__] = list(rule(rendering))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            found[f"{rule.__name__} stumbles"] = [repr(error)]
    return {name: what for name, what in found.items() if what}, len(objects)


def check_cases(tools):
    objects, kinds = 0, set()
    for name, case in CASES.items():
        complaint = tools.lint(CHART, case)
        text, error = tools.template(CHART, case)
        if complaint or error:
            sys.exit(f"chart: {name}: {complaint}{error}")
        found, count = judge(text, tools)
        for rule, sentences in found.items():
            for sentence in sentences:
                print(f"chart: {name}: {rule}: {sentence}", file=sys.stderr)
        if found:
            sys.exit(1)
        kinds |= {(thing["apiVersion"], thing["kind"]) for thing in yaml.safe_load_all(text) if thing}
        objects += count
        for sentence in case.get("holds", []):
            if sentence not in text:
                sys.exit(f"chart: {name}: `{sentence}` is not rendered")
        for sentence in case.get("lacks", []):
            if sentence in text:
                sys.exit(f"chart: {name}: `{sentence}` is rendered")
    return objects, kinds


def check_refusals(tools):
    for name, case in REFUSALS.items():
        text, error = tools.template(CHART, case)
        if text or case["says"] not in error:
            sys.exit(f"chart: {name}: expected a refusal with `{case['says']}`, got `{error or 'manifests'}`")


def check_faults(tools):
    """Plants each fault into a copy of the chart, and fails unless the check that it names finds it."""
    proven = {fault["found_by"] for fault in FAULTS.values()}
    for name in [rule.__name__ for rule in rules.RULES] + ["kubeconform", "values", "refusals"]:
        if name not in proven:
            sys.exit(f"chart: no fault is planted that {name} must find")

    def check(name, fault):
        with tempfile.TemporaryDirectory() as folder:
            chart = pathlib.Path(folder) / "flits"
            shutil.copytree(CHART, chart)
            file = chart / fault["file"]
            before = file.read_text()
            after = before.replace(fault["old"], fault["new"])
            if before == after:
                return f"`{fault['old']}` is not in {fault['file']}"
            file.write_text(after)
            found = judge_fault(chart, fault, tools)
        if fault["found_by"] not in found:
            return f"not found by {fault['found_by']}, but by {found or 'nothing'}"
        wanted = found[fault["found_by"]]
        if "says" in fault and not any(fault["says"] in sentence for sentence in wanted):
            return f"{fault['found_by']} says {wanted}, `{fault['says']}` is expected"
        return None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, problem in zip(FAULTS, pool.map(check, FAULTS, FAULTS.values()), strict=True):
            if problem:
                sys.exit(f"chart: fault `{name}`: {problem}")


def judge_fault(chart, fault, tools):
    if "refusal" in fault:
        refusal = REFUSALS[fault["refusal"]]
        _text, error = tools.template(chart, refusal)
        return {} if refusal["says"] in error else {"refusals": [error or "manifests"]}
    text, error = tools.template(chart, CASES[fault["case"]])
    return {"values": [error]} if error else judge(text, tools)[0]


def check_settings():
    """The schema and the chart together know all documented settings, and no others."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    allowed = set(schema["definitions"]["env"]["propertyNames"]["enum"])
    ours, _hosts = rules.documented_settings()
    mine = {name for name in allowed if name.startswith("FLITS__")}
    for wrong in sorted(mine - ours):
        sys.exit(f"chart: values.schema.json allows {wrong}, which no page describes")
    for wrong in sorted(ours - mine - SETTINGS_OF_THE_CHART):
        sys.exit(f"chart: {wrong} is a setting that the chart neither sets nor allows in `env`")
    for wrong in sorted(mine & SETTINGS_OF_THE_CHART):
        sys.exit(f"chart: {wrong} is set by the chart, `env` must not allow it")
    if not rules.predecessors() <= allowed:
        sys.exit(f"chart: `env` does not allow {rules.predecessors() - allowed}")
    return len(ours)


def check_values():
    """Every key of the schema has a default in values.yaml. The other way round Helm checks."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())

    def walk(node, value, path):
        node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
        # An empty map is one that the user fills.
        if not isinstance(value, dict) or not value:
            return
        for key, inner in node.get("properties", {}).items():
            if key not in value:
                sys.exit(f"chart: {path}{key} has no default in values.yaml")
            walk(inner, value[key], f"{path}{key}.")

    schema["properties"].pop("global")
    walk(schema, defaults, "")


def check_docs(tools):
    """The commands and values of docs/kubernetes.md render; an upgrade goes on from the first installation."""
    page = (rules.ROOT / "docs/kubernetes.md").read_text()
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, re.M | re.S)
    network = next(text for kind, text in blocks if kind == "yaml" and "networkPolicy:" in text)
    commands = [line for kind, text in blocks if kind == "sh" for line in text.replace("\\\n", " ").splitlines()]
    first, shown = [], 0
    for line in commands:
        words = shlex.split(line, comments=True)
        if words[:1] != ["helm"] or words[1] not in ("install", "upgrade"):
            continue
        options = [word for word in words[4:] if word != "--reset-then-reuse-values"]
        options = ["-" if word == "network.yaml" else word for word in options]
        first = first or options
        options = options if words[1] == "install" else first + options
        done = run([tools.helm, "template", "flits", str(CHART), "--kube-version", KUBERNETES, *options], network)
        if done.returncode:
            sys.exit(f"chart: docs/kubernetes.md: `{line}`: {done.stderr}")
        shown += 1
    for kind, text in blocks:
        if kind == "yaml":
            _text, error = tools.template(CHART, {"values": CASES["defaults"]["values"] | yaml.safe_load(text)})
            if error:
                sys.exit(f"chart: docs/kubernetes.md: {text}{error}")
            shown += 1
    return shown


def main():
    tools = Tools(*sys.argv[1:])
    settings = check_settings()
    check_values()
    objects, kinds = check_cases(tools)
    shown = check_docs(tools)
    check_refusals(tools)
    check_faults(tools)
    print(
        f"{len(CASES)} renderings, {objects} objects of {len(kinds)} kinds, {len(rules.RULES)} rules, {settings} settings, {shown} examples of the docs; "
        f"{len(REFUSALS)} refusals; {len(FAULTS)} planted faults found"
    )


main()
