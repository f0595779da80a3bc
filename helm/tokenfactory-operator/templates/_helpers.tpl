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

{{/* What a Deployment selects by: never changes for a release. */}}
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
{{- define "operator.rules" -}}
- apiGroups: ["tokenfactory.nebius.com"]
  resources: ["dedicatedendpoints"]
  verbs: ["get", "list", "watch", "patch"]
- apiGroups: ["tokenfactory.nebius.com"]
  resources: ["dedicatedendpoints/status"]
  verbs: ["patch"]
{{- if .Values.secretCredentials }}
- apiGroups: [""]
  resources: ["secrets"]
  verbs: ["get", "list", "watch", "patch"]
{{- end }}
{{ include "operator.eventRules" . }}
{{- end -}}

{{- define "operator.eventRules" -}}
- apiGroups: [""]
  resources: ["events"]
  verbs: ["create", "patch"]
{{- end -}}
