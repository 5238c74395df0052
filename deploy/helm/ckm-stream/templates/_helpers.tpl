{{- define "ckm.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "ckm.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "ckm.labels" -}}
{{ include "ckm.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "ckm.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "ckm.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "ckm.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{/* Of a pod: the restricted profile of the pod security standards. */}}
{{- define "ckm.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "ckm.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/*
Environment of a program: .root, .component (its key in the values), .values of it, and what it
talks to: .kafka and .store.
*/}}
{{- define "ckm.env" -}}
{{- $values := .root.Values -}}
- name: CKM__DATA_DIR
  value: /var/lib/ckm
- name: CKM__METRICS__HOST
  value: 0.0.0.0
{{- if .kafka }}
{{- $security := $values.kafka.security }}
{{- $own := default dict .values.kafkaUser }}
- name: CKM__KAFKA__BOOTSTRAP_SERVERS
  value: {{ required "kafka.bootstrapServers is required: host:port of your brokers" $values.kafka.bootstrapServers | quote }}
- name: CKM__KAFKA__PARTITIONS
  value: {{ $values.kafka.partitions | quote }}
- name: CKM__KAFKA__REPLICATION_FACTOR
  value: {{ $values.kafka.replicationFactor | quote }}
- name: CKM__KAFKA__GUARANTEE
  value: {{ $values.kafka.guarantee }}
- name: CKM__KAFKA__SECURITY__PROTOCOL
  value: {{ $security.protocol }}
{{- if eq $security.protocol "SASL_SSL" }}
- name: CKM__KAFKA__SECURITY__MECHANISM
  value: {{ $security.mechanism }}
- name: CKM__KAFKA__SECURITY__USERNAME
  value: {{ $own.username | default $security.username | required "kafka.security.username is required under SASL_SSL" | quote }}
- name: CKM__KAFKA__SECURITY__PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $own.existingSecret | default $security.existingSecret | required "kafka.security.existingSecret is required under SASL_SSL" }}
      key: {{ $security.passwordKey }}
{{- end }}
{{- if $security.tls.existingSecret }}
{{- range $setting, $file := dict "CA_FILE" $security.tls.files.ca "CERTIFICATE_FILE" $security.tls.files.certificate "KEY_FILE" $security.tls.files.key }}
{{- if $file }}
- name: CKM__KAFKA__SECURITY__{{ $setting }}
  value: /run/ckm/kafka/{{ $file }}
{{- end }}
{{- end }}
{{- end }}
{{- if $values.registry.url }}
- name: CKM__REGISTRY__URL
  value: {{ $values.registry.url | quote }}
{{- if $values.registry.username }}
- name: CKM__REGISTRY__USERNAME
  value: {{ $values.registry.username | quote }}
- name: CKM__REGISTRY__PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ required "registry.existingSecret is required with registry.username" $values.registry.existingSecret }}
      key: {{ $values.registry.passwordKey }}
{{- end }}
{{- end }}
{{- end }}
{{- if .store }}
- name: CKM__STORE__URL
  valueFrom:
    secretKeyRef:
      name: {{ required "store.existingSecret is required: it holds the database's URL" $values.store.existingSecret }}
      key: {{ $values.store.urlKey }}
{{- end }}
{{- if eq .component "gateway" }}
- name: CKM__GATEWAY__HOST
  value: 0.0.0.0
{{- if .values.tls.existingSecret }}
- name: CKM__GATEWAY__TLS_CERTIFICATE_FILE
  value: /run/ckm/tls/tls.crt
- name: CKM__GATEWAY__TLS_KEY_FILE
  value: /run/ckm/tls/tls.key
{{- end }}
{{- end }}
{{- range $name, $value := merge dict (default dict .values.settings) $values.settings }}
- name: {{ $name }}
  value: {{ include "ckm.text" $value | quote }}
{{- end }}
{{- end }}

{{/* A setting as text: Helm would write 15724800, a number to it, as 1.57248e+07. */}}
{{- define "ckm.text" -}}
{{- if and (kindIs "float64" .) (eq (float64 (int64 .)) .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end }}

{{/*
Kubernetes lets the group of a pod read a secret's files, and the programs refuse a key that others
may read; so they are copied, each for its reader alone, into memory.
*/}}
{{- define "ckm.initContainers" -}}
{{- if and .kafka .root.Values.kafka.security.tls.existingSecret -}}
initContainers:
  - name: kafka-files
    image: {{ include "ckm.image" .root }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    command: [/bin/sh, -c, "install -m 0400 /run/secrets/kafka/* /run/ckm/kafka/"]
    securityContext:
      {{- include "ckm.containerSecurity" . | nindent 6 }}
    resources:
      requests: {cpu: 10m, memory: 16Mi}
      limits: {memory: 64Mi}
    volumeMounts:
      - {name: kafka-secret, mountPath: /run/secrets/kafka, readOnly: true}
      - {name: kafka-files, mountPath: /run/ckm/kafka}
{{- end }}
{{- end }}

{{- define "ckm.volumeMounts" -}}
- {name: data, mountPath: /var/lib/ckm}
- {name: tmp, mountPath: /tmp}
{{- if and .kafka .root.Values.kafka.security.tls.existingSecret }}
- {name: kafka-files, mountPath: /run/ckm/kafka, readOnly: true}
{{- end }}
{{- if and (eq .component "gateway") (dig "tls" "existingSecret" "" .values) }}
- {name: tls, mountPath: /run/ckm/tls, readOnly: true}
{{- end }}
{{- end }}

{{- define "ckm.volumes" -}}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 16Mi}
{{- if not (dig "persistence" "enabled" false .values) }}
- name: data
  emptyDir: {sizeLimit: 64Mi}
{{- end }}
{{- if and .kafka .root.Values.kafka.security.tls.existingSecret }}
- name: kafka-secret
  secret: {secretName: {{ .root.Values.kafka.security.tls.existingSecret }}, defaultMode: 0440}
- name: kafka-files
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- end }}
{{- if and (eq .component "gateway") (dig "tls" "existingSecret" "" .values) }}
- name: tls
  secret: {secretName: {{ .values.tls.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- end }}

{{/*
The pod of a long-running program: .verb of `ckm`, .port of its operations, and the rest as for
ckm.env.
*/}}
{{- define "ckm.pod" -}}
metadata:
  labels:
    {{- include "ckm.labels" . | nindent 4 }}
  {{- with .values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "ckm.serviceAccount" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
  securityContext:
    {{- include "ckm.podSecurity" . | nindent 4 }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- include "ckm.initContainers" . | nindent 2 }}
  containers:
    - name: {{ .component }}
      image: {{ include "ckm.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: [{{ .verb }}]
      securityContext:
        {{- include "ckm.containerSecurity" . | nindent 8 }}
      env:
        {{- include "ckm.env" . | nindent 8 }}
      ports:
        - {name: operations, containerPort: {{ .port }}, protocol: TCP}
        {{- if eq .component "gateway" }}
        - {name: http, containerPort: 8080, protocol: TCP}
        {{- end }}
      # Waiting for a cluster that is away, before the start, has no answer at all; then the program
      # ends by itself.
      startupProbe:
        httpGet: {path: /livez, port: operations}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /livez, port: operations}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: operations}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      {{- if eq .component "gateway" }}
      # Until everybody has heard that this pod is leaving, it goes on answering.
      lifecycle:
        preStop:
          exec: {command: [/bin/sleep, "5"]}
      {{- end }}
      resources:
        {{- toYaml .values.resources | nindent 8 }}
      volumeMounts:
        {{- include "ckm.volumeMounts" . | nindent 8 }}
  volumes:
    {{- include "ckm.volumes" . | nindent 4 }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "ckm.selector" . | nindent 10 }}
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* The programs, with what each talks to and the port of its operations. */}}
{{- define "ckm.programs" -}}
worker: {verb: worker, port: 9464, kafka: true, store: false}
snapshots: {verb: snapshots, port: 9465, kafka: true, store: true}
{{- if .Values.texts.enabled }}
texts: {verb: texts, port: 9466, kafka: true, store: false}
{{- end }}
{{- if .Values.gateway.enabled }}
gateway: {verb: serve, port: 9467, kafka: true, store: true}
{{- end }}
{{- end }}
