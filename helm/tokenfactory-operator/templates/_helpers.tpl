{{/* Name of all objects; at most 50 characters, so that suffixes fit into 63. */}}
{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "operator.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* Name of cluster-scoped objects: releases in two namespaces may share theirs. */}}
{{- define "operator.clusterName" -}}
{{ printf "%s-%s" (include "operator.fullname" .) .Release.Namespace | trunc 110 | trimSuffix "-" }}
{{- end -}}

{{- define "operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "operator.serviceAccount" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end -}}

{{/*
What the operator does with the objects that it manages. The finalizer is in their metadata, and RBAC cannot tell a patch
of metadata from one of spec: so `patch` allows both. There is no create, update or delete.
*/}}
{{- define "operator.endpointRules" -}}
- apiGroups: ["tokenfactory.nebius.com"]
  resources: ["dedicatedendpoints"]
  verbs: ["get", "list", "watch", "patch"]
- apiGroups: ["tokenfactory.nebius.com"]
  resources: ["dedicatedendpoints/status"]
  verbs: ["patch"]
{{- end -}}

{{- define "operator.rules" -}}
{{ include "operator.endpointRules" . }}
{{- if .Values.secretCredentials }}
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["get", "list", "watch", "patch"]
{{- end }}
{{- if .Values.connectionConfigMaps }}
- apiGroups: [""]
  resources: ["configmaps"]
  verbs: ["get", "create", "patch"]
{{- end }}
{{ include "operator.eventRules" . }}
{{- end -}}

{{/*
Names of Secrets, with commas, that outlive the Role of their namespace; empty where there are none. Without names there
may be no rule: an empty list of resourceNames would mean every Secret.
*/}}
{{- define "operator.secretNames" -}}
{{- if and .Values.rbac.create .Values.watchNamespaces .Values.rbac.surviveNamespaceDeletion .Values.secretCredentials -}}
{{- join "," .Values.rbac.secretNames -}}
{{- end -}}
{{- end -}}

{{- define "operator.eventRules" -}}
- apiGroups: [""]
  resources: ["events"]
  verbs: ["create", "patch"]
{{- end -}}

{{/* Labels of the operator's pods, which a Deployment selects by: they never change. The pod of `helm test` has others. */}}
{{- define "operator.podLabels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/component: "operator"
{{- end -}}

{{/* "true" where pods elect a leader. */}}
{{- define "operator.elects" -}}
{{- ne (dig "leaderElection" true (.Values.settings | default dict)) false -}}
{{- end -}}

{{/* settings.inventoryMaxAge, and in seconds; the default is the operator's own. */}}
{{- define "operator.inventoryMaxAge" -}}
{{- dig "inventoryMaxAge" "10m" (.Values.settings | default dict) -}}
{{- end -}}
{{- define "operator.inventoryMaxAgeSeconds" -}}
{{- mustToDate "2006-01-02 15:04 -07:00" "1970-01-01 00:00 +00:00" | mustDateModify (include "operator.inventoryMaxAge" .) | unixEpoch -}}
{{- end -}}

{{- define "operator.tokenSecret" -}}
{{- .Values.token.existingSecret | default (printf "%s-token" (include "operator.fullname" .)) -}}
{{- end -}}

{{/* The settings as environment variables: first those that other values decide, then .Values.settings. */}}
{{- define "operator.environment" -}}
- name: TOKENFACTORY_TOKEN_FILE
  value: /var/run/secrets/tokenfactory/token
- name: TOKENFACTORY_LEASE_NAME
  value: {{ include "operator.fullname" . | quote }}
- name: TOKENFACTORY_LEASE_NAMESPACE
  value: {{ .Release.Namespace | quote }}
- name: TOKENFACTORY_METRICS_ADDRESS
  value: {{ ternary (printf ":%v" .Values.metrics.port) "0" .Values.metrics.enabled | quote }}
- name: TOKENFACTORY_HEALTH_ADDRESS
  value: {{ printf ":%v" .Values.health.port | quote }}
- name: TOKENFACTORY_WATCH_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
- name: TOKENFACTORY_CLUSTER_ID
  value: {{ .Values.clusterId | quote }}
- name: TOKENFACTORY_SECRET_CREDENTIALS
  value: {{ .Values.secretCredentials | quote }}
- name: TOKENFACTORY_CONNECTION_CONFIG_MAPS
  value: {{ .Values.connectionConfigMaps | quote }}
{{- with include "operator.secretNames" . }}
- name: TOKENFACTORY_SECRET_NAMES
  value: {{ . | quote }}
{{- end }}
{{- range $name, $value := .Values.settings | default dict }}
- name: {{ printf "TOKENFACTORY_%s" (snakecase $name | upper) }}
  value: {{ ternary (join "," $value) (toString $value) (kindIs "slice" $value) | quote }}
{{- end }}
{{- end -}}

{{/* The restricted Pod Security Standard, and the image's own user. */}}
{{- define "operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end -}}

{{/* What no schema can judge: fails with what to do. */}}
{{- define "operator.check" -}}
{{- if and .Values.token.existingSecret .Values.token.value -}}
{{- fail "token.existingSecret and token.value are both given: set one of them" -}}
{{- end -}}
{{- if not (or .Values.token.existingSecret .Values.token.value) -}}
{{- fail (printf "the operator needs an API token. Make a Secret (kubectl create secret generic tokenfactory-token -n %s --from-file=token=FILE) and set token.existingSecret=tokenfactory-token; or set token.value" .Release.Namespace) -}}
{{- end -}}
{{- if and (eq (include "operator.elects" .) "false") (gt (int .Values.replicas) 1) -}}
{{- fail (printf "replicas is %v, but without leader election only one process may run: set replicas=1, or leave settings.leaderElection out" .Values.replicas) -}}
{{- end -}}
{{- if and .Values.metrics.enabled (eq (int .Values.metrics.port) (int .Values.health.port)) -}}
{{- fail (printf "metrics.port and health.port are both %v: give each a port of its own" .Values.health.port) -}}
{{- end -}}
{{- range $each := list "serviceMonitor" "prometheusRule" -}}
{{- if and (not $.Values.metrics.enabled) (dig $each "enabled" false $.Values.metrics) -}}
{{- fail (printf "metrics.%s.enabled is true and metrics.enabled is false: there would be no metrics. Set both, or neither" $each) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.metrics.enabled (not (regexMatch "^[a-z][-a-z0-9]*$" (include "operator.fullname" .))) -}}
{{- fail (printf "the name %s is none for a Service, which begins with a letter and has no dot: set fullnameOverride to another one, or metrics.enabled=false" (include "operator.fullname" .)) -}}
{{- end -}}
{{- if .Values.refuseOverlap -}}
{{- include "operator.checkUpgrade" . -}}
{{- include "operator.checkOverlap" . -}}
{{- end -}}
{{- end -}}

{{/*
What this release runs now may not act beside what the upgrade starts. Helm deletes what is left over last, so that under
another name there would be two Deployments for a moment, each with a Lease. And a new pod starts before an old one ends,
which holds no Lease if it has no election.
*/}}
{{- define "operator.checkUpgrade" -}}
{{- if and .Release.IsUpgrade .Values.rbac.create -}}
{{- $name := include "operator.fullname" . -}}
{{- range $deployment := (lookup "apps/v1" "Deployment" .Release.Namespace "").items -}}
{{- $labels := $deployment.metadata.labels | default dict -}}
{{- if and (eq (index $labels "app.kubernetes.io/name" | default "") $.Chart.Name) (eq (index $labels "app.kubernetes.io/instance" | default "") $.Release.Name) -}}
{{- $runs := $deployment.metadata.name -}}
{{- if ne $runs $name -}}
{{- fail (printf "this release has the Deployment %s, and %s would run beside it for a moment with a Lease of its own. Two operators would act on the same objects. Keep the name (set fullnameOverride=%s), or uninstall the release first: the objects and their endpoints stay" $runs $name $runs) -}}
{{- end -}}
{{- if and (eq (include "operator.elects" $) "true") (regexMatch `"name":"TOKENFACTORY_LEADER_ELECTION","value":"false"` (toJson $deployment.spec)) (gt (int (dig "spec" "replicas" 0 $deployment)) 0) -}}
{{- fail (printf "the Deployment %s runs without leader election, and for a moment a pod with it would act beside that one. End it first: kubectl scale deployment/%s --replicas=0 -n %s" $runs $runs $.Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Another release that manages one of our namespaces has another Lease, so that two processes would act on the same objects.
`lookup` answers nothing in `helm template`. It is only used where the release brings a ClusterRole itself, since who may
not even read them could not install it.
*/}}
{{- define "operator.checkOverlap" -}}
{{- $own := .Values.watchNamespaces | default (list "*") -}}
{{- if and .Values.rbac.create (or (has "*" $own) .Values.rbac.surviveNamespaceDeletion (not .Values.clusterId)) -}}
{{- range $role := (lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "").items -}}
{{- $labels := $role.metadata.labels | default dict -}}
{{- $notes := $role.metadata.annotations | default dict -}}
{{- $watched := index $notes "tokenfactory.nebius.com/watch-namespaces" | default "" -}}
{{- $namespace := index $notes "tokenfactory.nebius.com/release-namespace" | default "" -}}
{{- $release := index $labels "app.kubernetes.io/instance" | default "" -}}
{{- $other := not (and (eq $release $.Release.Name) (eq $namespace $.Release.Namespace)) -}}
{{- if and $watched $other (eq (index $labels "app.kubernetes.io/name" | default "") $.Chart.Name) -}}
{{- range $each := splitList "," $watched -}}
{{- if or (eq $each "*") (has "*" $own) (has $each $own) -}}
{{- fail (printf "the release %s in the namespace %s manages the same objects already (namespaces: %s; this one: %s). Two operators would act on them. Uninstall that release (helm uninstall %s -n %s), or give both releases watchNamespaces that do not overlap" $release $namespace $watched (join "," $own) $release $namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
