{{- define "apio-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "apio-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "apio-operator.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "apio-operator.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Objects of the whole cluster: two releases must not meet. */}}
{{- define "apio-operator.clusterName" -}}
{{ .Release.Namespace }}:{{ include "apio-operator.fullname" . }}
{{- end }}

{{- define "apio-operator.selector" -}}
app.kubernetes.io/name: {{ include "apio-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "apio-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "apio-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "apio-operator.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "apio-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "apio-operator.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- /* The rules of a section of files/rules.yaml, under the names that the values give. Arguments: the context, the section, and perhaps the only API group. */}}
{{- define "apio-operator.rules" -}}
{{- $root := index . 0 }}
{{- $names := dict "apio-settings" $root.Values.settings.configMapName "apio-credentials" $root.Values.credentials.secretName "apio-operator" $root.Values.lease.name }}
{{- $rules := list }}
{{- range index ($root.Files.Get "files/rules.yaml" | fromYaml) (index . 1) }}
{{- $rule := . }}
{{- if hasKey $rule "resourceNames" }}
{{- $renamed := list }}
{{- range $rule.resourceNames }}
{{- $renamed = append $renamed (default . (get $names .)) }}
{{- end }}
{{- $rule = set (omit $rule "resourceNames") "resourceNames" $renamed }}
{{- end }}
{{- if or (lt (len $) 3) (has (last $) $rule.apiGroups) }}
{{- $rules = append $rules $rule }}
{{- end }}
{{- end }}
{{- toYaml $rules }}
{{- end }}

{{- /* Arguments: the context, kind of the role (Role or ClusterRole), its name. */}}
{{- define "apio-operator.bound" -}}
{{- $root := index . 0 -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ index . 1 }}
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "apio-operator.serviceAccount" $root }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
