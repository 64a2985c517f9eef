{{/* The prefix of all names. */}}
{{- define "flits.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels that select the pods of this release. */}}
{{- define "flits.selector" -}}
app.kubernetes.io/name: flits
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The labels of an object. Takes (dict "root" $ "component" name). */}}
{{- define "flits.labels" -}}
{{ include "flits.selector" .root }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: flits
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The labels of a pod. They hold no version, so that selectors stay valid. Takes root, component, and perhaps serves. */}}
{{- define "flits.podLabels" -}}
{{ include "flits.selector" .root }}
app.kubernetes.io/component: {{ .component }}
{{- if .serves }}
flits-metrics: "true"
{{- end }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The annotations of a pod that stays: a changed configuration replaces it. Takes root, and perhaps serves. */}}
{{- define "flits.podAnnotations" -}}
checksum/config: {{ include "flits.config" .root | sha256sum }}
{{- if and .serves .root.Values.metrics.annotations }}
prometheus.io/scrape: "true"
prometheus.io/port: "8080"
prometheus.io/path: /metrics
{{- end }}
{{- with .root.Values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The name of the service account. */}}
{{- define "flits.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "flits.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.create is false, so serviceAccount.name must name an existing service account" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The image of a binary. Takes root, binary, and perhaps suffix. */}}
{{- define "flits.image" -}}
{{- $image := .root.Values.image -}}
{{- $name := ternary $image.repository (printf "%s-%s" $image.repository .binary) (eq .binary "flits") -}}
{{- with $image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $name -}}
{{- $digest := index $image.digests .binary -}}
{{- if $digest -}}
@{{ $digest }}
{{- else -}}
:{{ $image.tag | default .root.Chart.AppVersion }}{{ .suffix | default "" }}
{{- end -}}
{{- end -}}

{{/* Where jobs are posted instead of the queues: the broker's ingress. */}}
{{- define "flits.broker" -}}
{{- .Values.eventing.broker.name | default (include "flits.fullname" .) -}}
{{- end -}}
{{- define "flits.sinkURL" -}}
{{- .Values.eventing.sinkURL | default (printf "http://broker-ingress.%s.svc.cluster.local/%s/%s" .Values.eventing.namespace .Release.Namespace (include "flits.broker" .)) -}}
{{- end -}}

{{/* Whether a function over HTTP is guarded by the token; the empty text for no. Triggers bring none, so with Eventing their
     subscribers listen on loopback only, where the queue-proxy of Knative alone reaches them. */}}
{{- define "flits.guarded" -}}
{{- if or (not .root.Values.eventing.enabled) (has .component (list "gateway" "forecast")) -}}yes{{- end -}}
{{- end -}}

{{/* The stages over HTTP, separated by commas. */}}
{{- define "flits.stages" -}}
{{- $stages := list -}}
{{- range list "preprocess" "sample" "eval" "infer" -}}
{{- if (index $.Values.services .).enabled -}}{{- $stages = append $stages . -}}{{- end -}}
{{- end -}}
{{- if eq .Values.train.mode "service" -}}{{- $stages = append $stages "train" -}}{{- end -}}
{{- join "," $stages -}}
{{- end -}}

{{/* What the pump receives: what it can post to. The broker takes all stages, and passes train on to its Jobs. */}}
{{- define "flits.pumped" -}}
{{- if .Values.eventing.enabled -}}
preprocess,sample,train,eval,infer
{{- else -}}
{{- include "flits.stages" . -}}
{{- end -}}
{{- end -}}

{{/* The longest request of a function that the pump posts to, in seconds. */}}
{{- define "flits.longest" -}}
{{- $longest := 1 -}}
{{- range splitList "," (include "flits.stages" .) -}}
{{- $longest = max $longest (ternary $.Values.train.service (index $.Values.services .) (eq . "train")).timeoutSeconds -}}
{{- end -}}
{{- $longest -}}
{{- end -}}

{{/* The settings that all pods share. */}}
{{- define "flits.config" -}}
FLITS__STORE__BUCKET: {{ .Values.store.bucket | quote }}
{{- with .Values.store.endpoint }}
FLITS__STORE__ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .Values.store.region }}
FLITS__STORE__REGION: {{ . | quote }}
{{- end }}
{{- if .Values.store.checked }}
FLITS__STORE__CHECKED: "true"
{{- end }}
{{- with .Values.queue.endpoint }}
FLITS__QUEUE__ENDPOINT: {{ . | quote }}
{{- end }}
{{- with .Values.queue.region }}
FLITS__QUEUE__REGION: {{ . | quote }}
{{- end }}
{{- range $stage, $url := .Values.queue.urls }}
FLITS__QUEUE__URLS__{{ upper $stage }}: {{ $url | quote }}
{{- end }}
{{- range $name, $value := .Values.env }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* A Secret as two variables. Takes access ("STORE" or "QUEUE") and the section of the values. */}}
{{- define "flits.access" -}}
{{- if eq .values.credentials "secret" }}
- name: FLITS__{{ .access }}__ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .values.existingSecret | quote }}
      key: {{ .values.secretKeys.accessKey }}
- name: FLITS__{{ .access }}__SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .values.existingSecret | quote }}
      key: {{ .values.secretKeys.secretKey }}
{{- end }}
{{- end -}}

{{/* The environment of a container. Takes root, env (its own settings), and perhaps limits, store, queue, token and sink. */}}
{{- define "flits.env" -}}
{{- $values := .root.Values -}}
- name: FLITS__HOST__SCRATCH
  value: /tmp
{{- with .limits }}
- name: FLITS__HOST__MEMORY
  value: {{ include "flits.hostMemory" .memory }}
{{- end }}
{{- if .store }}
{{- include "flits.access" (dict "access" "STORE" "values" $values.store) }}
{{- end }}
{{- if .queue }}
{{- include "flits.access" (dict "access" "QUEUE" "values" $values.queue) }}
{{- end }}
{{- if .token }}
- name: FLITS__HTTP__TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ $values.http.existingSecret | quote }}
      key: {{ $values.http.secretKeys.token }}
- name: FLITS__HTTP__TOKEN_NEXT
  valueFrom:
    secretKeyRef:
      name: {{ $values.http.existingSecret | quote }}
      key: {{ $values.http.secretKeys.tokenNext }}
      optional: true
{{- end }}
{{- if and .sink $values.eventing.enabled }}
- name: K_SINK
  value: {{ include "flits.sinkURL" .root | quote }}
{{- end }}
{{- range $name, $value := .env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Three quarters of a memory limit as a size of flits: the rest is for the code and the parent of a child process. */}}
{{- define "flits.hostMemory" -}}
{{- $mib := ternary (mul (trimSuffix "Gi" . | int) 1024) (trimSuffix "Mi" . | int) (hasSuffix "Gi" .) -}}
{{- div (mul $mib 3) 4 }}MiB
{{- end -}}

{{/* What every container has. It stands in the container, because Knative refuses most of it in the pod. */}}
{{- define "flits.securityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What every pod has. Takes root. */}}
{{- define "flits.pod" -}}
serviceAccountName: {{ .serviceAccount | default (include "flits.serviceAccount" .root) }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every pod outside of Knative has besides. */}}
{{- define "flits.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What every container has: image, environment from the ConfigMap, security, /tmp. Takes root, binary, resources, perhaps suffix. */}}
{{- define "flits.container" -}}
image: {{ include "flits.image" . | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- include "flits.securityContext" . | nindent 2 }}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end -}}

{{/* The container of a function over HTTP. Takes root, component, binary, values. */}}
{{- define "flits.httpContainer" -}}
{{- $token := include "flits.guarded" . -}}
{{- $sends := ne .component "gateway" -}}
{{- $knative := .root.Values.knative.enabled -}}
{{- $own := dict "FLITS__HTTP__TIME" (printf "%ds" (int .values.timeoutSeconds)) -}}
{{- if and (not $knative) (gt (int .values.containerConcurrency) 0) -}}
{{- $own = set $own "FLITS__HTTP__REQUESTS" (add (int .values.containerConcurrency) 2 | toString) -}}
{{- end -}}
{{- $own = mergeOverwrite $own (deepCopy .values.env) -}}
name: {{ .component }}
{{ include "flits.container" (dict "root" .root "binary" .binary "resources" .values.resources "suffix" .suffix) }}
ports:
  - name: http1
    containerPort: 8080
envFrom:
  - configMapRef:
      name: {{ include "flits.fullname" .root }}
env:
  {{- if not $knative }}
  - name: PORT
    value: "8080"
  {{- end }}
  {{- include "flits.env" (dict "root" .root "env" $own "limits" .values.resources.limits "store" true "queue" (and $sends (not .root.Values.eventing.enabled)) "token" $token "sink" $sends) | nindent 2 }}
readinessProbe:
  httpGet:
    {{- /* infer answers from memory, so it goes on without the store. */}}
    path: {{ ternary "/healthz" "/readyz" (eq .binary "infer") }}
    port: 8080
  {{- toYaml .root.Values.probes.readiness | nindent 2 }}
{{- if $token }}
livenessProbe:
  httpGet:
    path: /healthz
    port: 8080
  {{- toYaml .root.Values.probes.liveness | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{/* The volume of /tmp. Takes a size. */}}
{{- define "flits.tmp" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ . }}
{{- end -}}

{{/* Resources with the GPUs of train. Takes root and resources. */}}
{{- define "flits.gpuResources" -}}
{{- $gpu := .root.Values.train.gpu -}}
{{- $gpus := dict $gpu.resource (toString $gpu.count) -}}
{{- dict "requests" (merge (dict) $gpus .resources.requests) "limits" (merge (dict) $gpus .resources.limits) | toYaml -}}
{{- end -}}

{{/* The pod of a Job of train. Takes root, args, env, and perhaps restart. */}}
{{- define "flits.trainPod" -}}
{{- $train := .root.Values.train -}}
{{- $gpu := $train.gpu -}}
{{- $resources := $train.resources -}}
{{- if $gpu.enabled -}}
{{- $resources = include "flits.gpuResources" (dict "root" .root "resources" $resources) | fromYaml -}}
{{- end -}}
{{- $own := dict "FLITS__HOST__DEADLINE" $train.deadline "FLITS__HOST__POLL" $train.poll -}}
{{- $own = mergeOverwrite $own (deepCopy .env) (deepCopy $train.env) -}}
metadata:
  labels:
    {{- include "flits.podLabels" (dict "root" .root "component" "train") | nindent 4 }}
  {{- with .root.Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: {{ $train.terminationGracePeriodSeconds }}
  {{- include "flits.pod" . | nindent 2 }}
  securityContext:
    {{- include "flits.podSecurityContext" . | nindent 4 }}
  {{- with ternary (merge (dict) $gpu.nodeSelector $train.nodeSelector) $train.nodeSelector $gpu.enabled }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with ternary (concat $gpu.tolerations $train.tolerations) $train.tolerations $gpu.enabled }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: train
      {{- include "flits.container" (dict "root" .root "binary" "train" "resources" $resources "suffix" (ternary $gpu.tagSuffix "" $gpu.enabled)) | nindent 6 }}
      {{- with .args }}
      args:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      envFrom:
        - configMapRef:
            name: {{ include "flits.fullname" .root }}
      env:
        {{- include "flits.env" (dict "root" .root "env" $own "limits" $resources.limits "store" true "queue" (not .root.Values.eventing.enabled) "sink" true) | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
  volumes:
    {{- include "flits.tmp" $train.scratch | nindent 4 }}
{{- end -}}

{{/* Pods that are evicted do not count as failed. */}}
{{- define "flits.podFailurePolicy" -}}
podFailurePolicy:
  rules:
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
{{- end -}}

{{/* The URLs that the command takes. */}}
{{- define "flits.storeURL" -}}
{{- if .Values.store.endpoint -}}
{{ trimSuffix "/" .Values.store.endpoint }}/{{ .Values.store.bucket }}
{{- else -}}
s3://{{ .Values.store.bucket }}
{{- end -}}
{{- end -}}
{{- define "flits.queueURL" -}}
{{- .Values.queue.endpoint | default (printf "https://sqs.%s.amazonaws.com" .Values.queue.region) -}}
{{- end -}}

{{/* Egress rules from sections with `to` and `ports`. An empty `to` gives no rule: in the API it would mean everybody. */}}
{{- define "flits.egress" -}}
{{- include "flits.peers" . | trim | default "[]" -}}
{{- end -}}
{{- define "flits.peers" -}}
{{- range . }}
{{- if .to }}
- to:
    {{- toYaml .to | nindent 4 }}
  ports:
    {{- range $port := .ports }}
    {{- range $protocol := ternary (list "UDP" "TCP") (list "TCP") (eq (int $port) 53) }}
    - { protocol: {{ $protocol }}, port: {{ $port }} }
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* How events are delivered. Takes eventing.delivery. */}}
{{- define "flits.delivery" -}}
retry: {{ .retry }}
backoffPolicy: {{ .backoffPolicy }}
backoffDelay: {{ .backoffDelay }}
{{- with .deadLetterSink }}
deadLetterSink:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
