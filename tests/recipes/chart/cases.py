"""Renderings that must pass, values that must be refused, and faults that must be found."""

ACCESS = {
    "store": {"existingSecret": "flits-access", "region": "eu-central-1"},
    "queue": {"existingSecret": "flits-access", "region": "eu-central-1"},
    "http": {"existingSecret": "flits-token"},
}


def given(**values):
    """Returns values with the Secrets that every installation names."""
    merged = {section: dict(keys) for section, keys in ACCESS.items()}
    for section, keys in values.items():
        merged[section] = merged.get(section, {}) | keys if isinstance(keys, dict) else keys
    return {"values": merged}


SERVER = {"endpoint": "http://minio.store.svc.cluster.local:9000", "region": "us-east-1", "existingSecret": "flits-access"}
QUEUES = {"endpoint": "http://queue.store.svc.cluster.local:9324", "region": "us-east-1", "existingSecret": "flits-access"}
EVENTING = {"enabled": True}
PEERS = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "web"}}}]

# `holds` and `lacks` are texts of the manifests.
CASES = {
    "defaults": given()
    | {
        "holds": ["concurrencyPolicy: Forbid", "networking.knative.dev/visibility: cluster-local"],
        "lacks": ["K_SINK", "--notify"],
    },
    "values-kind.yaml": {
        "files": ["values-kind.yaml"],
        "holds": [
            "dev.local/flits-train:dev",
            '"dev.local/flits:dev"',
            "http://minio.flits.svc.cluster.local:9000/flits",
            "http://flits-{stage}.flits.svc.cluster.local",
        ],
    },
    "values-production.yaml": {
        "files": ["values-production.yaml"],
        "holds": ["kind: ScaledJob", "provider: aws", "kind: ServiceMonitor", "kind: PodDisruptionBudget"],
        "lacks": ["ACCESS_KEY"],
    },
    "another server": given(store=SERVER, queue=QUEUES)
    | {"holds": ['--queue\n            - "http://queue.store.svc.cluster.local:9324"']},
    "identity": given(
        store={"credentials": "identity", "existingSecret": ""}, queue={"credentials": "identity", "existingSecret": ""}
    )
    | {"lacks": ["ACCESS_KEY"]},
    "train keda": given(
        train={"mode": "keda", "keda": {"queueURL": "https://sqs.eu-central-1.amazonaws.com/123456789012/flits-train"}}
    )
    | {"holds": ["awsSecretAccessKey", "--drain"]},
    "train keda, a queue of another name": given(
        train={"mode": "keda"}, queue=QUEUES | {"urls": {"train": "http://queue.store.svc.cluster.local:9324/0/fits"}}
    )
    | {"holds": ["awsEndpoint", "FLITS__QUEUE__URLS__TRAIN"]},
    "train jobsink": given(train={"mode": "jobsink"}, eventing=EVENTING)
    | {"holds": ["kind: JobSink", "K_EVENT_PATH", "flits-forecast"], "lacks": ["--drain"]},
    "train service": given(train={"mode": "service"}) | {"holds": ['"preprocess,sample,eval,infer,train"'], "lacks": ["--drain"]},
    "train service, eventing": given(
        train={"mode": "service"}, eventing=EVENTING | {"broker": {"name": "default", "create": False}}
    )
    | {"holds": ["broker-ingress.knative-eventing.svc.cluster.local/flits/default"], "lacks": ["kind: Broker"]},
    "eventing, every value": given(
        train={"mode": "jobsink"},
        eventing=EVENTING
        | {
            "sinkURL": "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/flits/events",
            "broker": {
                "name": "events",
                "class": "Kafka",
                "config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "kafka-broker-config"},
            },
            "delivery": {"deadLetterSink": {"uri": "http://letters.flits.svc.cluster.local"}},
        },
    ),
    "plain": given(knative={"enabled": False}, networkPolicy={"clients": PEERS, "notifiers": PEERS})
    | {"holds": ["kind: Deployment", "flits-clients"], "lacks": ["knative"]},
    "plain, train service, gpu": given(knative={"enabled": False}, train={"mode": "service", "gpu": {"enabled": True}})
    | {"holds": ['nvidia.com/gpu: "1"', "flits-train:0.1.0-cuda"]},
    "plain, two of each": given(
        knative={"enabled": False}, services={"infer": {"replicas": 2}, "gateway": {"replicas": 3}}, pump={"replicas": 2}
    )
    | {"holds": ["topologySpreadConstraints", "kind: PodDisruptionBudget"]},
    "gpu": given(train={"gpu": {"enabled": True, "nodeSelector": {"accelerator": "h100"}}, "nodeSelector": {"pool": "batch"}})
    | {"holds": ['nvidia.com/gpu: "1"', "flits-train:0.1.0-cuda", "accelerator: h100", "pool: batch"]},
    "kafka": given(
        kafka={"enabled": True, "brokers": "kafka-0:9092,kafka-1:9092", "topic": "uploads"},
        networkPolicy={"kafka": {"to": PEERS}},
    )
    | {"holds": ["- source", "flits-kafka"], "lacks": ["--propert"]},
    "kafka with a password": given(
        kafka={
            "enabled": True,
            "brokers": "kafka:9093",
            "topic": "uploads",
            "properties": {"security.protocol": "sasl_ssl"},
            "existingSecret": "flits-kafka",
            "tagSuffix": "-kafka",
        },
        networkPolicy={"kafka": {"to": PEERS, "ports": [9093]}},
    )
    | {"holds": ["security.protocol=sasl_ssl", "/etc/flits/properties", "secretName", "flits:0.1.0-kafka"]},
    "setup": given(setup={"enabled": True, "check": True, "notify": "arn:aws:sqs:eu-central-1:123456789012:flits-preprocess"})
    | {"holds": ["--notify", "--check", "s3://flits", "https://sqs.eu-central-1.amazonaws.com"]},
    "setup, an account of others": given(setup={"enabled": True}, serviceAccount={"create": False, "name": "shared"})
    | {"holds": ["serviceAccountName: shared"]},
    "metrics": given(metrics={"annotations": True, "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}})
    | {"holds": ["prometheus.io/scrape", "release: prometheus"]},
    "no policies": given(networkPolicy={"enabled": False}) | {"lacks": ["kind: NetworkPolicy"]},
    "no pump, no sweep, no gateway": given(
        pump={"enabled": False}, sweep={"enabled": False}, services={"gateway": {"enabled": False}}
    )
    | {"lacks": ["flits-pump", "flits-sweep", "flits-gateway"]},
    "names, images, settings": given(
        fullnameOverride="fc",
        image={
            "registry": "registry.example.com/team/",
            "tag": "1.2.3",
            "digests": {"train": "sha256:" + "a" * 64},
            "pullSecrets": [{"name": "pull"}],
        },
        env={"FLITS__HOST__MAX_UPLOAD": "512MiB", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "SAMPLE_TRAIN_ROWS": "50"},
        networkPolicy={"traces": {"to": PEERS}},
        podLabels={"team": "forecasting"},
        podAnnotations={"example.com/owner": "forecasting"},
    )
    | {
        "holds": [
            "flits-train@sha256:aaa",
            "registry.example.com/team/flits-eval:1.2.3",
            "name: fc-preprocess",
            "http://fc-{stage}.flits",
        ]
    },
}

REFUSALS = {
    "no values": {"says": "store.existingSecret is empty: name the Secret with the keys `access-key` and `secret-key`"},
    "no secret of the store": given(store={"existingSecret": ""}) | {"says": "store.existingSecret is empty"},
    "no secret of the queue": given(queue={"existingSecret": ""}) | {"says": "queue.existingSecret is empty"},
    "no token": given(http={"existingSecret": ""}) | {"says": "http.existingSecret is empty: name the Secret whose key `token`"},
    "no region of the store": given(store={"region": ""}) | {"says": "store.region is empty"},
    "no region of the queues": given(queue={"region": ""}) | {"says": "queue.region is empty"},
    "an unknown key": given(stoer={"bucket": "x"}) | {"says": "'stoer' not allowed"},
    "an unknown key below": given(services={"infer": {"minScal": 1}}) | {"says": "'minScal' not allowed"},
    "a wrong type": given(services={"infer": {"minScale": "one"}}) | {"says": "got string, want integer"},
    "an unknown setting": given(env={"FLITS__HOST__LAESE": "10s"}) | {"says": "invalid propertyName 'FLITS__HOST__LAESE'"},
    "a setting of the chart": given(env={"FLITS__HTTP__TIME": "900s"}) | {"says": "invalid propertyName 'FLITS__HTTP__TIME'"},
    "a secret as a value": given(env={"FLITS__STORE__SECRET_KEY": "hunter2"})
    | {"says": "invalid propertyName 'FLITS__STORE__SECRET_KEY'"},
    "a number as a setting": given(env={"FLITS__HOST__MAX_ATTEMPTS": 3}) | {"says": "want string"},
    "a label that selects": given(podLabels={"app.kubernetes.io/name": "x"}) | {"says": "app.kubernetes.io/name"},
    "a scale past the services": given(knative={"annotations": {"autoscaling.knative.dev/min-scale": "1"}})
    | {"says": "autoscaling.knative.dev/min-scale"},
    "an unknown mode": given(train={"mode": "lambda"}) | {"says": "/train/mode"},
    "no limit of memory": given(pump={"resources": {"limits": {"memory": None}}}) | {"says": "missing property 'memory'"},
    "jobsink without eventing": given(train={"mode": "jobsink"}) | {"says": "train.mode=jobsink needs eventing.enabled"},
    "eventing with a drained queue": given(eventing=EVENTING) | {"says": "train.mode=cronjob reads a queue"},
    "eventing without knative": given(knative={"enabled": False}, eventing=EVENTING, train={"mode": "jobsink"})
    | {"says": "eventing.enabled needs knative.enabled"},
    "eventing without policies": given(networkPolicy={"enabled": False}, eventing=EVENTING, train={"mode": "jobsink"})
    | {"says": "eventing.enabled needs networkPolicy.enabled"},
    "a gpu behind knative": given(train={"mode": "service", "gpu": {"enabled": True}}) | {"says": "Knative refuses tolerations"},
    "keda without a queue": given(train={"mode": "keda"}) | {"says": "train.keda.queueURL is empty"},
    "a pump without a stage": given(services={stage: {"enabled": False} for stage in ("preprocess", "sample", "eval", "infer")})
    | {"says": "pump.enabled, but no stage is enabled"},
    "kafka that nobody reaches": given(kafka={"enabled": True, "brokers": "kafka:9092", "topic": "uploads"})
    | {"says": "networkPolicy.kafka.to is empty"},
    "a password as a value": given(kafka={"properties": {"sasl.password": "hunter2"}}) | {"says": "sasl.password"},
    "kafka without brokers": given(kafka={"enabled": True}) | {"says": "kafka.enabled needs kafka.brokers and kafka.topic"},
    "an account without a name": given(serviceAccount={"create": False}) | {"says": "serviceAccount.name is empty"},
    "more at least than at most": given(services={"infer": {"minScale": 20}})
    | {"says": "infer: minScale 20 is above maxScale 10"},
}

HELPERS = "templates/_helpers.tpl"

# Each is planted into a copy of the chart and found by a rule, by `kubeconform`, by `values` (what Helm itself refuses), or by
# `refusals`, if what must be refused is rendered.
FAULTS = {
    "a misspelt field of a Deployment": {
        "case": "defaults",
        "file": "templates/pump.yaml",
        "old": "  replicas:",
        "new": "  replica:",
        "found_by": "kubeconform",
        "says": "replica",
    },
    "a misspelt field of a Knative Service": {
        "case": "defaults",
        "file": "templates/services.yaml",
        "old": "containerConcurrency:",
        "new": "containerConcurency:",
        "found_by": "kubeconform",
        "says": "containerConcurency",
    },
    "a misspelt field of a CronJob": {
        "case": "defaults",
        "file": "templates/train.yaml",
        "old": "concurrencyPolicy:",
        "new": "concurencyPolicy:",
        "found_by": "kubeconform",
        "says": "concurencyPolicy",
    },
    "a misspelt field of a ScaledJob": {
        "case": "train keda",
        "file": "templates/train.yaml",
        "old": "maxReplicaCount:",
        "new": "maxReplicas:",
        "found_by": "kubeconform",
        "says": "maxReplicas",
    },
    "a misspelt field of a pod in a ScaledJob": {
        "case": "train keda",
        "file": HELPERS,
        "old": "restartPolicy: Never",
        "new": "restartPolice: Never",
        "found_by": "kubeconform",
        "says": "restartPolice",
    },
    "a misspelt field of a TriggerAuthentication": {
        "case": "train keda",
        "file": "templates/train.yaml",
        "old": "secretTargetRef:",
        "new": "secretTargetRefs:",
        "found_by": "kubeconform",
        "says": "secretTargetRefs",
    },
    "a misspelt field of a Trigger": {
        "case": "train jobsink",
        "file": "templates/eventing.yaml",
        "old": "subscriber:",
        "new": "subscribers:",
        "found_by": "kubeconform",
        "says": "subscribers",
    },
    "a misspelt field of a pod in a JobSink": {
        "case": "train jobsink",
        "file": HELPERS,
        "old": "terminationGracePeriodSeconds:",
        "new": "terminationGraceSeconds:",
        "found_by": "kubeconform",
        "says": "terminationGraceSeconds",
    },
    "a misspelt field of a Broker": {
        "case": "train jobsink",
        "file": HELPERS,
        "old": "backoffPolicy:",
        "new": "backofPolicy:",
        "found_by": "kubeconform",
        "says": "backofPolicy",
    },
    "a misspelt field of a ServiceMonitor": {
        "case": "metrics",
        "file": "templates/metrics.yaml",
        "old": "      interval:",
        "new": "      intervall:",
        "found_by": "kubeconform",
        "says": "intervall",
    },
    "a misspelt field of a NetworkPolicy": {
        "case": "defaults",
        "file": "templates/networkpolicy.yaml",
        "old": "policyTypes:",
        "new": "policyType:",
        "found_by": "kubeconform",
        "says": "policyType",
    },
    "a wrong type": {
        "case": "defaults",
        "file": "templates/pump.yaml",
        "old": "replicas: {{ $pump.replicas }}",
        "new": "replicas: {{ $pump.replicas | quote }}",
        "found_by": "kubeconform",
        "says": "replicas",
    },
    "a field that Knative refuses by default": {
        "case": "defaults",
        "file": "templates/services.yaml",
        "old": "      containerConcurrency:",
        "new": "      priorityClassName: high\n      containerConcurrency:",
        "found_by": "kubeconform",
        "says": "priorityClassName",
    },
    "a volume of the host": {
        "case": "plain",
        "file": HELPERS,
        "old": "  emptyDir:\n    sizeLimit: {{ . }}",
        "new": "  hostPath: { path: /tmp }",
        "found_by": "pod_security",
    },
    "privileged": {
        "case": "plain",
        "file": HELPERS,
        "old": "allowPrivilegeEscalation: false",
        "new": "privileged: true\nallowPrivilegeEscalation: false",
        "found_by": "pod_security",
        "says": "privileged",
    },
    "privileged behind Knative": {
        "case": "defaults",
        "file": HELPERS,
        "old": "allowPrivilegeEscalation: false",
        "new": "privileged: true\nallowPrivilegeEscalation: false",
        "found_by": "kubeconform",
        "says": "privileged",
    },
    "a gain of privileges": {
        "case": "defaults",
        "file": HELPERS,
        "old": "allowPrivilegeEscalation: false",
        "new": "allowPrivilegeEscalation: true",
        "found_by": "pod_security",
        "says": "gain",
    },
    "root": {
        "case": "defaults",
        "file": HELPERS,
        "old": "runAsUser: 65532",
        "new": "runAsUser: 0",
        "found_by": "pod_security",
        "says": "runs as 0",
    },
    "capabilities": {
        "case": "defaults",
        "file": HELPERS,
        "old": "drop: [ALL]",
        "new": "drop: [NET_RAW]",
        "found_by": "pod_security",
        "says": "capabilities",
    },
    "no seccomp profile": {
        "case": "defaults",
        "file": HELPERS,
        "old": "seccompProfile:\n  type: RuntimeDefault",
        "new": "",
        "found_by": "pod_security",
        "says": "seccomp",
    },
    "a root that can be written": {
        "case": "defaults",
        "file": HELPERS,
        "old": "readOnlyRootFilesystem: true\n",
        "new": "",
        "found_by": "root_filesystem",
    },
    "scratch space without a bound": {
        "case": "defaults",
        "file": HELPERS,
        "old": "emptyDir:\n    sizeLimit: {{ . }}",
        "new": "emptyDir: {}",
        "found_by": "root_filesystem",
        "says": "/tmp",
    },
    "the token of the account": {
        "case": "defaults",
        "file": HELPERS,
        "old": "automountServiceAccountToken: false",
        "new": "automountServiceAccountToken: true",
        "found_by": "account_token",
    },
    "no limits": {
        "case": "defaults",
        "file": HELPERS,
        "old": "  {{- toYaml .resources | nindent 2 }}",
        "new": '  {{- toYaml (omit .resources "limits") | nindent 2 }}',
        "found_by": "resources",
        "says": "limits have no memory",
    },
    "all of the memory for flits": {
        "case": "defaults",
        "file": HELPERS,
        "old": "div (mul $mib 3) 4",
        "new": "$mib",
        "found_by": "resources",
        "says": "host.memory",
    },
    "a GPU without a toleration": {
        "case": "gpu",
        "file": HELPERS,
        "old": "(concat $gpu.tolerations $train.tolerations)",
        "new": "$train.tolerations",
        "found_by": "resources",
        "says": "tolerates",
    },
    "a place on a GPU node without a GPU": {
        "case": "plain, train service, gpu",
        "file": HELPERS,
        "old": "$gpus := dict $gpu.resource (toString $gpu.count)",
        "new": "$gpus := dict",
        "found_by": "resources",
        "says": "asks for no GPU",
    },
    "a misspelt setting": {
        "case": "defaults",
        "file": HELPERS,
        "old": "FLITS__HOST__SCRATCH",
        "new": "FLITS__HOST__SCRACH",
        "found_by": "known_settings",
        "says": "FLITS__HOST__SCRACH",
    },
    "a misspelt setting in the ConfigMap": {
        "case": "values-kind.yaml",
        "file": HELPERS,
        "old": "FLITS__STORE__ENDPOINT",
        "new": "FLITS__STORE__URL",
        "found_by": "known_settings",
        "says": "FLITS__STORE__URL",
    },
    "a secret written down": {
        "case": "defaults",
        "file": HELPERS,
        "old": "- name: FLITS__HTTP__TOKEN\n  valueFrom:\n    secretKeyRef:\n      name: {{ $values.http.existingSecret | quote }}\n      key: {{ $values.http.secretKeys.token }}",
        "new": "- name: FLITS__HTTP__TOKEN\n  value: 0123456789abcdef",
        "found_by": "plain_secrets",
        "says": "FLITS__HTTP__TOKEN",
    },
    "a Secret of the chart": {
        "case": "defaults",
        "file": "templates/config.yaml",
        "old": "kind: ConfigMap",
        "new": "kind: Secret",
        "found_by": "plain_secrets",
        "says": "writes secrets",
    },
    "no default refusal": {
        "case": "defaults",
        "file": "templates/networkpolicy.yaml",
        "old": "policyTypes: [Ingress, Egress]",
        "new": "policyTypes: [Egress]",
        "found_by": "network",
        "says": "refuses",
    },
    "a component that no policy names": {
        "case": "defaults",
        "file": "templates/networkpolicy.yaml",
        "old": '(list "sweep" "kafka")',
        "new": '(list "sweeper" "kafka")',
        "found_by": "network",
        "says": "cannot reach the store",
    },
    "brokers that are out of reach": {
        "case": "kafka",
        "file": "templates/networkpolicy.yaml",
        "old": "app.kubernetes.io/component: kafka",
        "new": "app.kubernetes.io/component: kafkas",
        "found_by": "network",
        "says": "cannot reach the brokers",
    },
    "a function that nobody may call": {
        "case": "plain",
        "file": "templates/networkpolicy.yaml",
        "old": '"to" (list "gateway" "infer")',
        "new": '"to" (list "gate" "infer")',
        "found_by": "network",
        "says": "nobody may call it",
    },
    "ingress from all namespaces": {
        "case": "defaults",
        "file": "templates/networkpolicy.yaml",
        "old": "        - namespaceSelector:\n            matchExpressions:\n              - { key: kubernetes.io/metadata.name, operator: In, values: {{ $policy.knativeNamespaces | toJson }} }\n      ports:",
        "new": "        - namespaceSelector: {}\n      ports:",
        "found_by": "network",
        "says": "with all pods",
    },
    "egress to everybody": {
        "case": "defaults",
        "file": "templates/networkpolicy.yaml",
        "old": '{{- include "flits.egress" (list $policy.store) | nindent 4 }}',
        "new": "- ports: [{ port: 443 }]",
        "found_by": "network",
        "says": "with everybody",
    },
    "a store that is not allowed": {
        "case": "values-kind.yaml",
        "file": "values-kind.yaml",
        "old": "    to:\n      - podSelector: { matchLabels: { app: minio } }",
        "new": "    to: []",
        "found_by": "network",
        "says": "cannot reach the store",
    },
    "http.time above the time-out": {
        "case": "defaults",
        "file": HELPERS,
        "old": '(printf "%ds" (int .values.timeoutSeconds))',
        "new": '"900s"',
        "found_by": "times",
        "says": "http.time is 900s",
    },
    "an answer that is cut off": {
        "case": "defaults",
        "file": "templates/services.yaml",
        "old": "responseStartTimeoutSeconds: {{ $values.timeoutSeconds }}",
        "new": "responseStartTimeoutSeconds: 30",
        "found_by": "times",
        "says": "cut off",
    },
    "a kill before the drain": {
        "case": "plain",
        "file": "templates/services.yaml",
        "old": "terminationGracePeriodSeconds: 30",
        "new": "terminationGracePeriodSeconds: 5",
        "found_by": "times",
        "says": "killed after 5 s",
    },
    "a Job that ends before its deadline": {
        "case": "train jobsink",
        "file": "values.yaml",
        "old": "  deadline: 15m",
        "new": "  deadline: 2h",
        "found_by": "times",
        "says": "host.deadline",
    },
    "Jobs that overlap": {
        "case": "defaults",
        "file": "templates/sweep.yaml",
        "old": "concurrencyPolicy: Forbid",
        "new": "concurrencyPolicy: Allow",
        "found_by": "jobs",
        "says": "overlap",
    },
    "evictions as failures": {
        "case": "train keda",
        "file": "templates/train.yaml",
        "old": '{{- include "flits.podFailurePolicy" . | nindent 4 }}',
        "new": "",
        "found_by": "jobs",
        "says": "evictions",
    },
    "a pump that serves train beside its Jobs": {
        "case": "defaults",
        "file": HELPERS,
        "old": '{{- include "flits.stages" . -}}',
        "new": '{{- include "flits.stages" . -}},train',
        "found_by": "pump",
        "says": "beside its Jobs",
    },
    "a pump that posts to nobody": {
        "case": "defaults",
        "file": "templates/pump.yaml",
        "old": '"http://%s-{stage}',
        "new": '"http://%s{stage}',
        "found_by": "pump",
        "says": "no Service",
    },
    "a pump that goes round the broker": {
        "case": "train jobsink",
        "file": "templates/pump.yaml",
        "old": '- {{ include "flits.sinkURL" . | quote }}',
        "new": "- {{ $to | quote }}",
        "found_by": "pump",
        "says": "posts to",
    },
    "a pump that does not wait for an answer": {
        "case": "train service",
        "file": HELPERS,
        "old": "{{- $longest -}}",
        "new": "60",
        "found_by": "pump",
        "says": "may take 600s",
    },
    "a server without a token": {
        "case": "defaults",
        "file": HELPERS,
        "old": '"token" $token "sink"',
        "new": '"token" "" "sink"',
        "found_by": "guard",
        "says": "without a token",
    },
    "a subscriber that is open to the outside": {
        "case": "train jobsink",
        "file": "templates/services.yaml",
        "old": '(eq $values.visibility "cluster") (not $token)',
        "new": '(eq $values.visibility "cluster") false',
        "found_by": "guard",
        "says": "flits-infer",
    },
    "a sink where there is none": {
        "case": "defaults",
        "file": HELPERS,
        "old": "{{- if and .sink $values.eventing.enabled }}",
        "new": "{{- if .sink }}",
        "found_by": "sinks",
        "says": "has K_SINK",
    },
    "a trigger of the wrong stage": {
        "case": "train jobsink",
        "file": "templates/eventing.yaml",
        "old": "type: flits.{{ $stage }}.v1",
        "new": "type: flits.sample.v1",
        "found_by": "sinks",
        "says": "triggers take",
    },
    "a trigger that tries once": {
        "case": "train jobsink",
        "file": "values.yaml",
        "old": "    retry: 12",
        "new": "    retry: 0",
        "found_by": "sinks",
        "says": "once",
    },
    "a probe that needs the token": {
        "case": "defaults",
        "file": HELPERS,
        "old": "    path: /healthz",
        "new": "    path: /metrics",
        "found_by": "probes",
        "says": "/metrics",
    },
    "a probe of loopback": {
        "case": "train jobsink",
        "file": HELPERS,
        "old": "{{- if $token }}\nlivenessProbe",
        "new": "{{- if true }}\nlivenessProbe",
        "found_by": "probes",
        "says": "has a liveness probe",
    },
    "no readiness probe": {
        "case": "defaults",
        "file": "templates/pump.yaml",
        "old": "readinessProbe:",
        "new": "startupProbe:",
        "found_by": "probes",
        "says": "no readiness",
    },
    "a selector that misses its pods": {
        "case": "defaults",
        "file": "templates/pump.yaml",
        "old": "      app.kubernetes.io/component: pump",
        "new": "      app.kubernetes.io/component: pumps",
        "found_by": "selectors",
        "says": "does not select its pods",
    },
    "a Service that selects nobody": {
        "case": "plain",
        "file": "templates/services.yaml",
        "old": "    app.kubernetes.io/component: {{ $component }}\n  ports:",
        "new": "    app.kubernetes.io/component: x{{ $component }}\n  ports:",
        "found_by": "selectors",
        "says": "selects no pod",
    },
    "a ConfigMap that is not there": {
        "case": "defaults",
        "file": "templates/config.yaml",
        "old": 'name: {{ include "flits.fullname" . }}',
        "new": "name: settings",
        "found_by": "selectors",
        "says": "no ConfigMap",
    },
    "a hook that needs the release": {
        "case": "setup",
        "file": "templates/setup.yaml",
        "old": '(dict "root" . "serviceAccount" $account)',
        "new": '(dict "root" .)',
        "found_by": "hooks",
        "says": "not there yet",
    },
    "an image that moves": {
        "case": "defaults",
        "file": HELPERS,
        "old": "{{ $image.tag | default .root.Chart.AppVersion }}",
        "new": "latest",
        "found_by": "images",
        "says": "tag or digest",
    },
    "the image of another function": {
        "case": "train jobsink",
        "file": "templates/services.yaml",
        "old": 'ternary "infer" $component',
        "new": 'ternary "eval" $component',
        "found_by": "images",
        "says": "flits-infer is expected",
    },
    "pods that keep old settings": {
        "case": "defaults",
        "file": HELPERS,
        "old": 'checksum/config: {{ include "flits.config" .root | sha256sum }}',
        "new": "checksum/config: none",
        "found_by": "rollouts",
    },
    "too little scratch space for uploads": {
        "case": "defaults",
        "file": "values.yaml",
        "old": "    scratch: 5Gi",
        "new": "    scratch: 1Gi",
        "found_by": "scratch",
    },
    "an unknown key in values.yaml": {
        "case": "defaults",
        "file": "values.yaml",
        "old": "\nprobes:",
        "new": "\nprobe: {}\nprobes:",
        "found_by": "values",
        "says": "'probe' not allowed",
    },
    "a chart that does not miss its Secret": {
        "refusal": "no secret of the store",
        "file": "templates/validate.yaml",
        "old": '(eq $s.credentials "secret")',
        "new": '(eq $s.credentials "none")',
        "found_by": "refusals",
    },
    "a chart that does not miss its token": {
        "refusal": "no token",
        "file": "templates/validate.yaml",
        "old": "if not $v.http.existingSecret",
        "new": "if false",
        "found_by": "refusals",
    },
    "a schema that lets unknown keys pass": {
        "refusal": "an unknown key below",
        "file": "values.schema.json",
        "old": '"additionalProperties": false',
        "new": '"additionalProperties": true',
        "found_by": "refusals",
    },
    "a schema that lets secrets pass": {
        "refusal": "a secret as a value",
        "file": "values.schema.json",
        "old": '"FLITS__HOST__DEADLINE"',
        "new": '"FLITS__STORE__SECRET_KEY", "FLITS__HOST__DEADLINE"',
        "found_by": "refusals",
    },
}

# What the chart sets itself.
SETTINGS_OF_THE_CHART = {
    *(f"FLITS__{section}__{key}" for section in ("STORE", "QUEUE") for key in ("ENDPOINT", "REGION", "ACCESS_KEY", "SECRET_KEY")),
    *(f"FLITS__QUEUE__URLS__{stage}" for stage in ("PREPROCESS", "SAMPLE", "TRAIN", "EVAL", "INFER")),
    "FLITS__STORE__BUCKET",
    "FLITS__STORE__CHECKED",
    "FLITS__HTTP__PORT",
    "FLITS__HTTP__ADDRESS",
    "FLITS__HTTP__TOKEN",
    "FLITS__HTTP__TOKEN_NEXT",
    "FLITS__HTTP__TIME",
    "FLITS__SINK__URL",
    "FLITS__HOST__MEMORY",
    "FLITS__HOST__SCRATCH",
    "FLITS__HOST__OWNER",
}
