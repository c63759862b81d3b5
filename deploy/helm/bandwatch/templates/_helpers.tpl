{{- define "bandwatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "bandwatch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "bandwatch.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "bandwatch.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* The name of an object of one component, or of the one that there is. */ -}}
{{- define "bandwatch.componentName" -}}
{{ include "bandwatch.fullname" .root }}{{ with .component }}-{{ . }}{{ end }}
{{- end }}

{{- define "bandwatch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bandwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "bandwatch.labels" -}}
{{ include "bandwatch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bandwatch.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "bandwatch.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "bandwatch.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end }}
{{- end }}
{{- end }}

{{- define "bandwatch.configMapName" -}}
{{- default (printf "%s-config" (include "bandwatch.fullname" .)) .Values.existingConfigMap }}
{{- end }}

{{- /* Where the Service is, for Grafana, the ServiceMonitor and `helm test`. */ -}}
{{- define "bandwatch.host" -}}
{{ include "bandwatch.fullname" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "bandwatch.scheme" -}}
{{ ternary "https" "http" (ne .Values.tls.existingSecret "") }}
{{- end }}

{{- define "bandwatch.url" -}}
{{ include "bandwatch.scheme" . }}://{{ include "bandwatch.host" . }}:{{ .Values.service.port }}
{{- end }}

{{- define "bandwatch.asksForCertificates" -}}
{{- if and .Values.tls.existingSecret (eq .Values.tls.clientAuthType "RequireAndVerifyClientCert") }}true{{ end }}
{{- end }}

{{- /* `config`, and what this chart decides: where data lies, who may come in, which certificate. */ -}}
{{- define "bandwatch.config" -}}
{{- $web := dict -}}
{{- if .Values.auth.existingSecret }}
{{- $_ := set $web "read_token" "${BANDWATCH_TOKEN}" }}
{{- if .Values.auth.writeTokenKey }}
{{- $_ := set $web "write_token" "${BANDWATCH_WRITE_TOKEN}" }}
{{- end }}
{{- else if .Values.auth.allowUnauthenticated }}
{{- $_ := set $web "allow_unauthenticated" true }}
{{- end }}
{{- with .Values.tls }}
{{- if .existingSecret }}
{{- $tls := dict "cert_file" (printf "/etc/bandwatch-tls/%s" .certKey) "key_file" (printf "/etc/bandwatch-tls/%s" .privateKeyKey) "min_version" .minVersion }}
{{- if ne .clientAuthType "NoClientCert" }}
{{- $_ := set $tls "client_auth_type" .clientAuthType }}
{{- $_ := set $tls "client_ca_file" (printf "/etc/bandwatch-tls/%s" .caKey) }}
{{- end }}
{{- $_ := set $web "tls_server_config" $tls }}
{{- end }}
{{- end }}
{{- $chart := dict "store" (dict "path" "/var/lib/bandwatch") "web" $web }}
{{- if .Values.ray.enabled }}
{{- $address := printf "ray://%s-head-svc.%s.svc:10001" (include "bandwatch.fullname" .) .Release.Namespace }}
{{- $_ := set $chart "executor" (dict "kind" "ray" "address" $address) }}
{{- end }}
{{- mustMergeOverwrite (deepCopy .Values.config) $chart | toYaml }}
{{- end }}

{{- /* The parts of the configuration that take effect at a start only: the pod is replaced when they change. */ -}}
{{- define "bandwatch.restartConfig" -}}
{{- $config := include "bandwatch.config" . | fromYaml }}
{{- if .Values.configReload }}
{{- $config = pick $config "store" "web" "workers" "executor" }}
{{- end }}
{{- toJson $config }}
{{- end }}

{{- /* Rules whose links lead to the addresses of config.web, as `bandwatch rules` prints them. */ -}}
{{- define "bandwatch.withLinks" -}}
{{- $text := .text }}
{{- with .root.Values.config.web }}
{{- with .external_url }}
{{- $text = replace "https://github.com/bandwatch/bandwatch/blob/main/docs/" (printf "%s/docs/" (trimSuffix "/" .)) $text }}
{{- end }}
{{- with .grafana_url }}
{{- $text = regexReplaceAll "(\\s)/d/(bandwatch-)" $text (printf "${1}%s/d/${2}" (trimSuffix "/" .)) }}
{{- end }}
{{- end }}
{{- $text }}
{{- end }}

{{- define "bandwatch.tokenEnv" -}}
{{- with .Values.auth }}
{{- if .existingSecret -}}
- name: BANDWATCH_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .readTokenKey }}
{{- end }}
{{- end }}
{{- end }}

{{- define "bandwatch.env" -}}
{{- include "bandwatch.tokenEnv" . }}
{{- with .Values.auth }}
{{- if and .existingSecret .writeTokenKey }}
- name: BANDWATCH_WRITE_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .writeTokenKey }}
{{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "bandwatch.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
privileged: false
readOnlyRootFilesystem: true
{{- end }}

{{- define "bandwatch.podSecurityContext" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- with .Values.securityContext }}
{{- range $name, $id := dict "runAsUser" .runAsUser "runAsGroup" .runAsGroup "fsGroup" .fsGroup }}
{{- if $id }}
{{ $name }}: {{ $id | int64 }}
{{- end }}
{{- end }}
{{- if .fsGroup }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- end }}
{{- end }}

{{- /* How a kubelet asks: it has no client certificate, so where one is required it only connects. */ -}}
{{- define "bandwatch.probe" -}}
{{- if include "bandwatch.asksForCertificates" .root -}}
tcpSocket:
  port: http
{{- else -}}
httpGet:
  path: {{ .path }}
  port: http
  scheme: {{ include "bandwatch.scheme" .root | upper }}
{{- end }}
{{ toYaml .timing }}
{{- end }}
