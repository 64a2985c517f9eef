"""What must hold for every rendering of the chart. Each rule yields the sentences that say where it is broken.

A rule takes a `Rendering`. Its name is the function's, and planted faults name the rule that must find them.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
STAGES = {"preprocess", "sample", "train", "eval", "infer"}
BINARIES = STAGES | {"gateway", "sweep"}
USER = 65532
# Seconds that flits gives requests under way after SIGTERM.
DRAIN_S = 8
# The default of host.max_upload, in MiB.
MAX_UPLOAD_MIB = 512
# Who needs what of the network, by component.
NEEDS_STORE = STAGES | {"gateway", "forecast", "sweep", "setup", "kafka"}
PORT = 8080


class Pod:
    """A pod template, wherever it stands."""

    def __init__(self, owner, kind, template, job=None):
        self.owner, self.kind, self.template, self.job = owner, kind, template, job
        self.labels = template["metadata"].get("labels", {})
        self.annotations = template["metadata"].get("annotations", {})
        self.spec = template["spec"]
        self.containers = self.spec["containers"] + self.spec.get("initContainers", [])

    @property
    def component(self):
        return self.labels.get("app.kubernetes.io/component", "")

    @property
    def is_knative(self):
        return self.kind == "KnativeService"

    @property
    def serves(self):
        return any(container.get("ports") for container in self.containers)

    def environment(self, container):
        return {entry["name"]: entry for entry in container.get("env", [])}

    def __str__(self):
        return f"{self.owner['kind']} {self.owner['metadata']['name']}"


class Rendering:
    """The objects of one `helm template`."""

    def __init__(self, objects):
        self.objects = objects
        self.pods = [pod for thing in objects for pod in pods_of(thing)]

    def of(self, kind, group=""):
        return [thing for thing in self.objects if thing["kind"] == kind and thing["apiVersion"].startswith(group)]

    def names(self, kind, group=""):
        return {thing["metadata"]["name"] for thing in self.of(kind, group)}

    @property
    def with_eventing(self):
        return bool(self.of("Trigger"))


def pods_of(thing):
    kind, spec = thing["kind"], thing.get("spec", {})
    if kind == "Deployment":
        yield Pod(thing, kind, spec["template"])
    elif kind == "Job":
        yield Pod(thing, kind, spec["template"], spec)
    elif kind == "CronJob":
        job = spec["jobTemplate"]["spec"]
        yield Pod(thing, kind, job["template"], job)
    elif kind == "ScaledJob":
        yield Pod(thing, kind, spec["jobTargetRef"]["template"], spec["jobTargetRef"])
    elif kind == "JobSink":
        yield Pod(thing, kind, spec["job"]["spec"]["template"], spec["job"]["spec"])
    elif kind == "Service" and thing["apiVersion"].startswith("serving.knative.dev/"):
        yield Pod(thing, "KnativeService", spec["template"])


def selects(selector, labels):
    """Returns whether a label selector selects labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or []:
        has = labels.get(term["key"])
        operator, values = term["operator"], term.get("values", [])
        holds = {
            "In": has in values,
            "NotIn": has not in values,
            "Exists": has is not None,
            "DoesNotExist": has is None,
        }[operator]
        if not holds:
            return False
    return True


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)?", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}[unit]


def mebibytes(text):
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi|Ti)B?", text).groups()
    return int(number) * {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}[unit]


def documented_settings():
    """Returns the variables of docs/operations.md and docs/http.md: names with our prefix, and those of hosts."""
    ours, hosts = set(), set()
    for page, heading in (("operations.md", "## Limits and settings of the host"), ("http.md", "## Settings")):
        text = (ROOT / "docs" / page).read_text().split(heading, 1)[1].split("\n## ", 1)[0]
        for row in re.findall(r"^\| (`.*?) \|", text, re.M):
            section = ""
            for key in re.findall(r"`([^`]+)`", row):
                if re.fullmatch(r"[A-Z][A-Z_]+", key):
                    hosts.add(key)
                    continue
                if key.startswith("."):
                    key = section + key
                section = key.rsplit(".", 1)[0]
                for stage in sorted(STAGES) if "{stage}" in key else [""]:
                    name = key.replace("{stage}", stage)
                    ours.add("FLITS__" + name.upper().replace(".", "__"))
    return ours, hosts


def predecessors():
    """Returns the predecessor's variables that functions read."""
    page = (ROOT / "docs" / "predecessor.md").read_text()
    # The first two are read by commands only.
    return set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.M)) - {"DATASET_NAME", "FORCE_REPROCESS"}


def pod_security(rendering):
    """Every pod meets the restricted Pod Security Standard, with a numeric user."""
    for pod in rendering.pods:
        spec = pod.spec
        for field in ("hostNetwork", "hostPID", "hostIPC", "hostUsers"):
            if spec.get(field):
                yield f"{pod}: {field}"
        for volume in spec.get("volumes", []):
            if set(volume) - {"name", "emptyDir", "configMap", "projected", "secret"}:
                yield f"{pod}: volume {volume['name']} is of a kind that is not allowed"
        if not pod.is_knative and not (spec.get("securityContext") or {}).get("runAsNonRoot"):
            yield f"{pod}: the pod may run as root"
        for container in pod.containers:
            context = container.get("securityContext") or {}
            where = f"{pod}, container {container['name']}"
            if context.get("privileged"):
                yield f"{where}: privileged"
            if context.get("runAsNonRoot") is not True or context.get("runAsUser") != USER:
                yield f"{where}: runs as {context.get('runAsUser')}, {USER} is expected"
            if context.get("allowPrivilegeEscalation") is not False:
                yield f"{where}: may gain privileges"
            capabilities = context.get("capabilities") or {}
            if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
                yield f"{where}: has capabilities"
            if (context.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
                yield f"{where}: has no seccomp profile"
            if any(port.get("hostPort") for port in container.get("ports", [])):
                yield f"{where}: takes a port of the host"


def root_filesystem(rendering):
    """The root is read-only; /tmp is an emptyDir with a size, and nothing else can be written."""
    for pod in rendering.pods:
        volumes = {volume["name"]: volume for volume in pod.spec.get("volumes", [])}
        for container in pod.containers:
            if (container.get("securityContext") or {}).get("readOnlyRootFilesystem") is not True:
                yield f"{pod}: the root can be written"
            mounts = {mount["mountPath"]: mount for mount in container.get("volumeMounts", [])}
            tmp = volumes.get(mounts.get("/tmp", {}).get("name"), {})
            if not (tmp.get("emptyDir") or {}).get("sizeLimit"):
                yield f"{pod}: /tmp is no emptyDir with a size"
            for path, mount in mounts.items():
                if path != "/tmp" and not mount.get("readOnly"):
                    yield f"{pod}: {path} can be written"


def account_token(rendering):
    """No pod mounts the token of its service account, no account offers it, and nobody has rights in the cluster."""
    for pod in rendering.pods:
        if pod.spec.get("automountServiceAccountToken") is not False:
            yield f"{pod}: mounts the token of its account"
        if not pod.spec.get("serviceAccountName"):
            yield f"{pod}: runs as the default account"
    for account in rendering.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {account['metadata']['name']}: offers its token"
    for thing in rendering.objects:
        if thing["kind"] in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"):
            yield f"{thing['kind']} {thing['metadata']['name']}: gives rights"


def resources(rendering):
    """Every container asks for CPU and memory, and has limits; host.memory lies below the memory limit."""
    for pod in rendering.pods:
        for container in pod.containers:
            has = container.get("resources") or {}
            for part in ("requests", "limits"):
                for name in ("cpu", "memory"):
                    if name not in (has.get(part) or {}):
                        yield f"{pod}: {part} have no {name}"
            stated = pod.environment(container).get("FLITS__HOST__MEMORY", {}).get("value")
            limit = (has.get("limits") or {}).get("memory")
            if stated and limit and mebibytes(stated) > 0.8 * mebibytes(limit):
                yield f"{pod}: host.memory is {stated} of a limit of {limit}"
            gpus = {name: amount for name, amount in (has.get("limits") or {}).items() if "/" in name}
            for name, amount in gpus.items():
                if (has.get("requests") or {}).get(name, amount) != amount:
                    yield f"{pod}: asks for another number of {name} than its limit"
                if not pod.spec.get("tolerations"):
                    yield f"{pod}: asks for {name} and tolerates no GPU node"
            tolerated = {term.get("key", "") for term in pod.spec.get("tolerations", [])}
            if any("gpu" in key for key in tolerated) and not gpus:
                yield f"{pod}: tolerates GPU nodes and asks for no GPU"


def known_settings(rendering):
    """Every variable is a documented setting, or one of a host."""
    ours, hosts = documented_settings()
    others = hosts | predecessors() | {"PORT", "K_EVENT_PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "RUST_BACKTRACE"}

    def unknown(name):
        return name not in ours if name.startswith("FLITS") else name not in others

    for pod in rendering.pods:
        for container in pod.containers:
            for name in (entry["name"] for entry in container.get("env", [])):
                if unknown(name):
                    yield f"{pod}: {name} is no setting"
            names = [entry["name"] for entry in container.get("env", [])]
            for twice in {name for name in names if names.count(name) > 1}:
                yield f"{pod}: {twice} is set twice"
    used = {
        entry["configMapRef"]["name"]
        for pod in rendering.pods
        for container in pod.containers
        for entry in container.get("envFrom", [])
        if "configMapRef" in entry
    }
    for config in rendering.of("ConfigMap"):
        if config["metadata"]["name"] in used:
            for name in filter(unknown, config["data"]):
                yield f"ConfigMap {config['metadata']['name']}: {name} is no setting"


def plain_secrets(rendering):
    """Secrets are named, never written down."""
    secret = re.compile(r"TOKEN|SECRET|ACCESS_KEY|PASSWORD")
    for thing in rendering.of("Secret"):
        yield f"Secret {thing['metadata']['name']}: the chart writes secrets"
    for pod in rendering.pods:
        for container in pod.containers:
            for entry in container.get("env", []):
                if secret.search(entry["name"]) and "secretKeyRef" not in entry.get("valueFrom", {}):
                    yield f"{pod}: {entry['name']} is written down"
            for entry in container.get("envFrom", []):
                if "secretRef" in entry:
                    yield f"{pod}: takes all keys of a Secret"
            for word in container.get("args", []):
                if re.search(r"(?i)(token|secret|password)=|://[^/@]+@", str(word)):
                    yield f"{pod}: an argument holds a secret"
    for config in rendering.of("ConfigMap"):
        for name in config["data"]:
            if secret.search(name):
                yield f"ConfigMap {config['metadata']['name']}: {name} is written down"


def network(rendering):
    """Each pod is refused all traffic but what it needs, and no rule is open to everybody."""
    policies = rendering.of("NetworkPolicy")
    if not policies:
        return
    for policy in policies:
        name = policy["metadata"]["name"]
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction) or []:
                if not rule.get(peers):
                    yield f"NetworkPolicy {name}: {direction} with everybody"
                for peer in rule.get(peers) or []:
                    if peer.get("namespaceSelector") == {} or (peer.get("podSelector") == {} and "namespaceSelector" not in peer):
                        yield f"NetworkPolicy {name}: {direction} with all pods"
        if not any(selects(policy["spec"]["podSelector"], pod.labels) for pod in rendering.pods):
            yield f"NetworkPolicy {name}: selects no pod"

    def reaches(pod, suffix):
        own = [policy for policy in policies if policy["metadata"]["name"].endswith(suffix)]
        return any(policy["spec"].get("egress") and selects(policy["spec"]["podSelector"], pod.labels) for policy in own)

    for pod in rendering.pods:
        mine = [policy["spec"] for policy in policies if selects(policy["spec"]["podSelector"], pod.labels)]
        if not any(set(spec["policyTypes"]) == {"Ingress", "Egress"} and not spec.get("ingress") for spec in mine):
            yield f"{pod}: no policy refuses its traffic"
        ports = [port for spec in mine for rule in spec.get("egress") or [] for port in rule.get("ports", [])]
        if not any(port["port"] == 53 for port in ports):
            yield f"{pod}: cannot ask for names"
        of_setup = pod.component == "setup" and reaches(pod, "-setup")
        if pod.component in NEEDS_STORE and not (of_setup or reaches(pod, "-store")):
            yield f"{pod}: cannot reach the store"
        uses_queue = any("FLITS__QUEUE__ACCESS_KEY" in pod.environment(container) for container in pod.containers)
        if uses_queue and not (of_setup or reaches(pod, "-queue")):
            yield f"{pod}: cannot reach the queue"
        sinks = any("K_SINK" in pod.environment(container) for container in pod.containers)
        if sinks and not reaches(pod, "-sink"):
            yield f"{pod}: cannot reach the sink"
        if pod.component == "pump" and not reaches(pod, "-pump"):
            yield f"{pod}: cannot reach the functions"
        if pod.component == "kafka" and not reaches(pod, "-kafka"):
            yield f"{pod}: cannot reach the brokers"
        http = pod.serves and pod.component not in ("pump", "kafka")
        # Without Knative and without `clients` nobody is to reach the gateway.
        if (
            pod.component == "gateway"
            and not pod.is_knative
            and not any(policy["metadata"]["name"].endswith("-clients") for policy in policies)
        ):
            http = False
        if http and not any(rule for spec in mine for rule in spec.get("ingress") or []):
            yield f"{pod}: nobody may call it"


def times(rendering):
    """http.time is at most what Knative allows, Jobs end after their deadline, and every stop leaves time to save."""
    for pod in rendering.pods:
        spec = pod.spec
        for container in pod.containers:
            environment = pod.environment(container)
            stated = environment.get("FLITS__HTTP__TIME", {}).get("value")
            if pod.is_knative:
                if not stated or seconds(stated) > spec["timeoutSeconds"]:
                    yield f"{pod}: http.time is {stated}, Knative ends requests after {spec['timeoutSeconds']} s"
                if spec.get("responseStartTimeoutSeconds") != spec["timeoutSeconds"]:
                    yield f"{pod}: a job that answers at its end is cut off earlier"
            deadline = environment.get("FLITS__HOST__DEADLINE", {}).get("value")
            if deadline and pod.job and pod.job.get("activeDeadlineSeconds", 0) <= seconds(deadline):
                yield f"{pod}: ends before host.deadline, {deadline}"
        if pod.job and not pod.job.get("activeDeadlineSeconds"):
            yield f"{pod}: has no deadline"
        grace = spec.get("terminationGracePeriodSeconds", 0)
        # Knative takes the grace period from timeoutSeconds.
        if not pod.is_knative and grace <= DRAIN_S:
            yield f"{pod}: is killed after {grace} s, flits ends its requests in {DRAIN_S} s"
        if pod.component == "train" and pod.job and grace < 30:
            yield f"{pod}: has {grace} s to save a checkpoint"


def jobs(rendering):
    """Jobs do not overlap, are cleaned up, and an eviction is no failure of train."""
    for pod in rendering.pods:
        if pod.job is None:
            continue
        if pod.kind == "CronJob":
            spec = pod.owner["spec"]
            if spec.get("concurrencyPolicy") != "Forbid" or "startingDeadlineSeconds" not in spec:
                yield f"{pod}: its Jobs may overlap, or are missed for good"
        if "backoffLimit" not in pod.job:
            yield f"{pod}: has no backoffLimit"
        if pod.spec.get("restartPolicy") != "Never":
            yield f"{pod}: restarts in place"
        if pod.component == "train" and "podFailurePolicy" not in pod.job:
            yield f"{pod}: counts evictions as failures"


def pump(rendering):
    """The pump posts to what is there, and leaves train to its Jobs."""
    trains_over_http = any(pod.component == "train" and pod.serves for pod in rendering.pods)
    knative, plain = rendering.names("Service", "serving"), rendering.names("Service", "v1")
    sinks = {
        entry["value"]
        for pod in rendering.pods
        for container in pod.containers
        for entry in container.get("env", [])
        if entry["name"] == "K_SINK"
    }
    for pod in rendering.pods:
        if pod.component != "pump":
            continue
        words = pod.containers[0]["args"]
        stages = words[words.index("--stage") + 1].split(",")
        to = words[words.index("--to") + 1]
        if rendering.with_eventing:
            if to not in sinks:
                yield f"{pod}: posts to {to}, and jobs go to {sinks}"
            if set(stages) != STAGES:
                yield f"{pod}: leaves {STAGES - set(stages)} in the queues, which nobody empties"
            continue
        waits = seconds(pod.environment(pod.containers[0])["FLITS__HTTP__TIME"]["value"])
        for other in rendering.pods:
            longest = (
                other.serves
                and other.component in stages
                and other.environment(other.containers[0])["FLITS__HTTP__TIME"]["value"]
            )
            if longest and seconds(longest) > waits:
                yield f"{pod}: waits {waits} s for an answer, {other} may take {longest}"
        if "{stage}" not in to:
            yield f"{pod}: posts all stages to {to}"
        if "train" in stages and not trains_over_http:
            yield f"{pod}: serves train beside its Jobs"
        there = {stage for stage in STAGES if any(pod.component == stage and pod.serves for pod in rendering.pods)}
        if set(stages) != there:
            yield f"{pod}: serves {sorted(stages)}, there are {sorted(there)}"
        for stage in stages:
            host = to.replace("{stage}", stage).removeprefix("http://").split(".")[0]
            if host not in knative | plain:
                yield f"{pod}: posts to {host}, which is no Service"


def guard(rendering):
    """Who serves has the token. Without one it is a subscriber of a trigger, behind Knative's proxy and inside the cluster."""
    for pod in rendering.pods:
        if not pod.serves:
            continue
        has = "FLITS__HTTP__TOKEN" in pod.environment(pod.containers[0])
        inside = pod.owner["metadata"]["labels"].get("networking.knative.dev/visibility") == "cluster-local"
        if not has and not (pod.is_knative and rendering.with_eventing and inside and pod.component in STAGES):
            yield f"{pod}: serves without a token"
        if not has and not rendering.of("NetworkPolicy"):
            yield f"{pod}: serves without a token and without a policy"
        if has and rendering.with_eventing and pod.component in STAGES:
            yield f"{pod}: triggers bring no token"


def sinks(rendering):
    """K_SINK is set where a sink is there, and only there; each stage has one trigger."""
    senders = STAGES | {"forecast", "sweep"}
    for pod in rendering.pods:
        has = any("K_SINK" in pod.environment(container) for container in pod.containers)
        if has != (rendering.with_eventing and pod.component in senders):
            yield f"{pod}: {'has' if has else 'lacks'} K_SINK"
    if not rendering.with_eventing:
        return
    types = sorted(trigger["spec"]["filter"]["attributes"]["type"] for trigger in rendering.of("Trigger"))
    if types != sorted(f"flits.{stage}.v1" for stage in STAGES):
        yield f"triggers take {types}"
    for trigger in rendering.of("Trigger"):
        name, spec = trigger["metadata"]["name"], trigger["spec"]
        target = spec["subscriber"]["ref"]
        stage = spec["filter"]["attributes"]["type"].split(".")[1]
        found = [
            pod
            for pod in rendering.pods
            if pod.owner["kind"] == target["kind"]
            and pod.owner["apiVersion"] == target["apiVersion"]
            and pod.owner["metadata"]["name"] == target["name"]
        ]
        if not found or found[0].component != stage:
            yield f"Trigger {name}: delivers {stage} to {target['name']}"
        if not spec.get("delivery", {}).get("retry"):
            yield f"Trigger {name}: tries once only"


def probes(rendering):
    """Every server has probes that need no token."""
    for pod in rendering.pods:
        for container in pod.containers:
            if not container.get("ports"):
                continue
            guarded = "FLITS__HTTP__TOKEN" in pod.environment(container)
            readiness, liveness = container.get("readinessProbe"), container.get("livenessProbe")
            if not readiness:
                yield f"{pod}: has no readiness probe"
            # The kubelet cannot reach loopback, only the queue-proxy can.
            if guarded != bool(liveness):
                yield f"{pod}: {'lacks' if guarded else 'has'} a liveness probe"
            for probe in filter(None, (readiness, liveness)):
                if probe.get("httpGet", {}).get("path") not in ("/healthz", "/readyz") or probe["httpGet"].get("port") != PORT:
                    yield f"{pod}: a probe asks {probe.get('httpGet')}"
            if liveness and liveness["httpGet"]["path"] != "/healthz":
                yield f"{pod}: is killed when the store is away"


def selectors(rendering):
    """Selectors select what they should, and names lead to what is there."""
    for thing in rendering.of("Deployment"):
        if not selects(thing["spec"]["selector"], thing["spec"]["template"]["metadata"]["labels"]):
            yield f"Deployment {thing['metadata']['name']}: does not select its pods"
        if "app.kubernetes.io/component" not in thing["spec"]["selector"]["matchLabels"]:
            yield f"Deployment {thing['metadata']['name']}: selects pods of others"
    for thing in rendering.of("Service", "v1"):
        spec = thing["spec"]
        chosen = [pod for pod in rendering.pods if selects({"matchLabels": spec["selector"]}, pod.labels)]
        if not chosen:
            yield f"Service {thing['metadata']['name']}: selects no pod"
        for pod in chosen:
            ports = {
                value
                for container in pod.containers
                for port in container.get("ports", [])
                for value in (port["name"], port["containerPort"])
            }
            if not all(port.get("targetPort") in ports for port in spec["ports"]):
                yield f"Service {thing['metadata']['name']}: {pod} has no such port"
    for thing in rendering.of("PodDisruptionBudget"):
        if not any(selects(thing["spec"]["selector"], pod.labels) for pod in rendering.pods):
            yield f"PodDisruptionBudget {thing['metadata']['name']}: selects no pod"
    for thing in rendering.of("ServiceMonitor"):
        services = [service["metadata"]["labels"] for service in rendering.of("Service", "v1")]
        if sum(selects(thing["spec"]["selector"], labels) for labels in services) != 1:
            yield f"ServiceMonitor {thing['metadata']['name']}: does not select one Service"
    configs, accounts = rendering.names("ConfigMap"), rendering.names("ServiceAccount")
    for pod in rendering.pods:
        for container in pod.containers:
            for entry in container.get("envFrom", []):
                if entry["configMapRef"]["name"] not in configs:
                    yield f"{pod}: there is no ConfigMap {entry['configMapRef']['name']}"
        for volume in pod.spec.get("volumes", []):
            if "configMap" in volume and volume["configMap"]["name"] not in configs:
                yield f"{pod}: there is no ConfigMap {volume['configMap']['name']}"
        if accounts and pod.spec["serviceAccountName"] not in accounts:
            yield f"{pod}: there is no ServiceAccount {pod.spec['serviceAccountName']}"
        mounted = {mount["name"] for container in pod.containers for mount in container.get("volumeMounts", [])}
        if mounted != {volume["name"] for volume in pod.spec.get("volumes", [])}:
            yield f"{pod}: volumes and mounts differ"
    seen = [(thing["apiVersion"], thing["kind"], thing["metadata"]["name"]) for thing in rendering.objects]
    for twice in {key for key in seen if seen.count(key) > 1}:
        yield f"{twice[1]} {twice[2]}: is there twice"


def hooks(rendering):
    """What runs before the release needs nothing of it."""
    early = [thing for thing in rendering.objects if "helm.sh/hook" in (thing["metadata"].get("annotations") or {})]
    accounts = {thing["metadata"]["name"] for thing in early if thing["kind"] == "ServiceAccount"}
    late = rendering.names("ServiceAccount") - accounts
    for thing in early:
        for pod in pods_of(thing):
            if any(container.get("envFrom") for container in pod.containers):
                yield f"{pod}: reads a ConfigMap that is not there yet"
            if pod.spec["serviceAccountName"] in late:
                yield f"{pod}: runs as an account that is not there yet"


def images(rendering):
    """Every image is ours, with a tag or a digest that does not move."""
    for pod in rendering.pods:
        for container in pod.containers:
            image = container["image"]
            name = re.fullmatch(r"(?:[^ @]+/)?([a-z0-9.-]+?)(:[A-Za-z0-9_.-]+|@sha256:[0-9a-f]{64})", image)
            if not name or name[2] == ":latest":
                yield f"{pod}: the image {image} has no tag or digest that stays"
                continue
            expected = {"pump": "flits", "kafka": "flits", "setup": "flits", "forecast": "flits-infer"}.get(
                pod.component, f"flits-{pod.component}"
            )
            if name[1] != expected:
                yield f"{pod}: runs {name[1]}, {expected} is expected"


def rollouts(rendering):
    """Pods that stay are replaced when the configuration changes, and no version stands in what selects them."""
    for pod in rendering.pods:
        if pod.job is None and not re.fullmatch(r"[0-9a-f]{64}", pod.annotations.get("checksum/config", "")):
            yield f"{pod}: does not roll with the configuration"
        if any("version" in label or "chart" in label for label in pod.labels):
            yield f"{pod}: rolls with each version of the chart"


def scratch(rendering):
    """/tmp of the gateway holds all uploads that it takes at once."""
    for pod in rendering.pods:
        if pod.component == "gateway":
            size = next(volume["emptyDir"]["sizeLimit"] for volume in pod.spec["volumes"] if volume["name"] == "tmp")
            environment = pod.environment(pod.containers[0])
            at_once = (
                pod.spec["containerConcurrency"] + 2 if pod.is_knative else int(environment["FLITS__HTTP__REQUESTS"]["value"])
            )
            if mebibytes(size) < at_once * MAX_UPLOAD_MIB:
                yield f"{pod}: {at_once} uploads of {MAX_UPLOAD_MIB} MiB do not fit into {size}"


RULES = [
    pod_security,
    root_filesystem,
    account_token,
    resources,
    known_settings,
    plain_secrets,
    network,
    times,
    jobs,
    pump,
    guard,
    sinks,
    probes,
    selectors,
    hooks,
    images,
    rollouts,
    scratch,
]
