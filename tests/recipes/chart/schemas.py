"""Writes strict JSON schemas for kubeconform: one file per kind of the chart, without a network.

Usage: schemas.py OUT SERVING KEDA PROMETHEUS

Kubernetes' own kinds come from the PyPI package kubernetes-validate, Knative Serving's, KEDA's and the Prometheus
operator's from the CRDs in the folders of their Go modules, Knative Eventing's from `schemas/` beside this file.
Strict means: an unknown field is an error, and so is a null. Fields of a Knative Service that need a feature flag which is off
by default are left out, so a template that sets one does not pass.
"""

import json
import pathlib
import sys

import kubernetes_validate
import yaml

KUBERNETES = "v1.34.0-local-strict"
KINDS = [
    "configmap-v1",
    "service-v1",
    "serviceaccount-v1",
    "deployment-apps-v1",
    "job-batch-v1",
    "cronjob-batch-v1",
    "networkpolicy-networking-v1",
    "poddisruptionbudget-policy-v1",
]
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
HERE = pathlib.Path(__file__).parent


def plain(node):
    """Points references into `definitions`, and takes null out of the types."""
    if isinstance(node, list):
        return [plain(value) for value in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        # A map under such a name is a field that is called so.
        if key in ("$schema", "$id", "description") and not isinstance(value, dict):
            continue
        if key == "$ref" and isinstance(value, str):
            out[key] = "#/definitions/" + value.rsplit("/", 1)[1]
        elif key == "type" and isinstance(value, list):
            types = [name for name in value if name != "null"]
            out[key] = types[0] if len(types) == 1 else types
        else:
            out[key] = plain(value)
    return out


def reached(node, definitions, into):
    """Collects the definitions that a schema refers to."""
    if isinstance(node, list):
        for value in node:
            reached(value, definitions, into)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        name = reference.rsplit("/", 1)[-1] if isinstance(reference, str) else None
        if name and name not in into:
            into[name] = definitions[name]
            reached(definitions[name], definitions, into)
        for value in node.values():
            reached(value, definitions, into)


def strict(node):
    """Makes the schema of a CRD refuse unknown fields; returns None for a field behind a feature flag."""
    if isinstance(node, list):
        return [strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    if "feature flag" in str(node.get("description", "")):
        return None
    out = {}
    for key, value in node.items():
        if key == "description" or key.startswith("x-kubernetes-") or key == "format":
            continue
        if key == "properties":
            fields = {name: strict(field) for name, field in value.items()}
            out[key] = {name: field for name, field in fields.items() if field is not None}
        elif key == "items":
            out[key] = strict(value)
            if out[key] is None:
                return None
        else:
            out[key] = strict(value)
    if out.get("type") == "object" and "properties" in out:
        out.setdefault("additionalProperties", False)
    if "x-kubernetes-int-or-string" in node:
        out.pop("type", None)
    return out


def custom(path):
    """Returns the strict schema of the CRD in a file."""
    crd = yaml.safe_load(path.read_text())
    version = next(version for version in crd["spec"]["versions"] if version["storage"])
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"].pop("status", None)
    schema["properties"]["metadata"] = {"$ref": "#/definitions/" + META}
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return schema


def main():
    out, serving, keda, prometheus = map(pathlib.Path, sys.argv[1:])
    stored = pathlib.Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / KUBERNETES
    definitions = plain(json.loads((stored / "_definitions.json").read_text())["$defs"])
    definitions |= json.loads((HERE / "schemas" / "definitions.json").read_text())
    schemas = {name: plain(json.loads((stored / f"{name}.json").read_text())) for name in KINDS}
    for name in ("broker-eventing-v1", "trigger-eventing-v1", "jobsink-sinks-v1alpha1"):
        schemas[name] = json.loads((HERE / "schemas" / f"{name}.json").read_text())
    knative = custom(serving / "config/core/300-resources/service.yaml")
    template = knative["properties"]["spec"]["properties"]["template"]["properties"]
    template["metadata"] = {"$ref": "#/definitions/" + META}
    volume = template["spec"]["properties"]["volumes"]["items"]["properties"]
    # On by default, and not described by the CRD.
    volume["emptyDir"] = {"$ref": "#/definitions/io.k8s.api.core.v1.EmptyDirVolumeSource"}
    schemas["service-serving-v1"] = knative
    schemas["scaledjob-keda-v1alpha1"] = custom(keda / "config/crd/bases/keda.sh_scaledjobs.yaml")
    schemas["triggerauthentication-keda-v1alpha1"] = custom(keda / "config/crd/bases/keda.sh_triggerauthentications.yaml")
    crds = prometheus / "example/prometheus-operator-crd"
    schemas["servicemonitor-monitoring-v1"] = custom(crds / "monitoring.coreos.com_servicemonitors.yaml")
    out.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas.items():
        used = {}
        reached(schema, definitions, used)
        (out / f"{name}.json").write_text(json.dumps(schema | {"definitions": used}, sort_keys=True))
    print(f"{len(schemas)} schemas in {out}")


main()
