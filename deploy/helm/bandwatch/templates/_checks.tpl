{{- /* What the schema cannot say, or not in words: place, reason, remedy. */ -}}
{{- define "bandwatch.checks" -}}
{{- include "bandwatch.checkAccess" . }}
{{- include "bandwatch.checkConfig" . }}
{{- include "bandwatch.checkParts" . }}
{{- include "bandwatch.checkMode" . }}
{{- end }}

{{- /* Several pods share a database and an object store; one has a volume. */ -}}
{{- define "bandwatch.checkMode" -}}
{{- $store := default (dict) .Values.config.store }}
{{- $executor := default (dict) .Values.config.executor }}
{{- if eq .Values.mode "distributed" }}
{{- if not .Values.existingConfigMap }}
{{- range $key, $example := dict "url" "postgresql+psycopg://bandwatch@postgres.example.org/bandwatch" "weights" "s3://bucket/bandwatch" }}
{{- if not (get $store $key) }}
{{- fail (printf "config.store.%s: mode is distributed, and several pods cannot share a volume; name yours, such as %s" $key $example) }}
{{- end }}
{{- end }}
{{- end }}
{{- if or .Values.persistence.existingClaim (ne .Values.persistence.whenDeleted "Retain") }}
{{- fail "persistence.existingClaim: mode is distributed, where no pod has a volume; leave persistence.existingClaim and persistence.whenDeleted out" }}
{{- end }}
{{- range $component := list "worker" "web" }}
{{- with (get $.Values $component).autoscaling }}
{{- if and .enabled (not (or .cpu .lagSeconds)) }}
{{- fail (printf "%s.autoscaling: by nothing; set %s.autoscaling.cpu" $component $component) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.ray.enabled (or (hasKey $executor "kind") (hasKey $executor "address")) }}
{{- fail "config.executor: ray.enabled is true, and the chart sets kind and address itself; leave the two out" }}
{{- end }}
{{- if regexMatch "://[^/@]*:[^/@]+@" (default "" $store.url) }}
{{- fail "config.store.url: a password, which everybody who may read ConfigMaps would see; leave it out, and name a file of mounts as config.store.password_file" }}
{{- end }}
{{- end }}

{{- define "bandwatch.checkAccess" -}}
{{- if and .Values.auth.existingSecret .Values.auth.allowUnauthenticated }}
{{- fail "auth.allowUnauthenticated: auth.existingSecret is set, too, and with a token nobody comes in without one; set one of the two" }}
{{- end }}
{{- if not (or .Values.auth.existingSecret .Values.auth.allowUnauthenticated (include "bandwatch.asksForCertificates" .)) }}
{{- fail (printf "auth.existingSecret: no Secret is named, and the service does not listen in a cluster without authentication; make one: kubectl --namespace %s create secret generic bandwatch --from-literal=%s=$(openssl rand -hex 32) --from-literal=%s=$(openssl rand -hex 32), and set auth.existingSecret=bandwatch" .Release.Namespace .Values.auth.readTokenKey (default "write-token" .Values.auth.writeTokenKey)) }}
{{- end }}
{{- if and (not .Values.tls.existingSecret) (ne .Values.tls.clientAuthType "NoClientCert") }}
{{- fail (printf "tls.clientAuthType: %s without tls.existingSecret; name the Secret with the certificate of the service and the authority of its clients" .Values.tls.clientAuthType) }}
{{- end }}
{{- end }}

{{- define "bandwatch.checkConfig" -}}
{{- $owned := dict
  "store.path" "the data are on the volume; see persistence"
  "web.listen_address" "the Service asks at port 8642"
  "web.read_token" "set auth.existingSecret"
  "web.write_token" "set auth.existingSecret and auth.writeTokenKey"
  "web.allow_unauthenticated" "set auth.allowUnauthenticated"
  "web.tls_server_config" "set tls.existingSecret" }}
{{- range $path, $remedy := $owned }}
{{- $keys := splitList "." $path }}
{{- if hasKey (default (dict) (get $.Values.config (first $keys))) (last $keys) }}
{{- fail (printf "config.%s: the chart sets this itself; leave it out: %s" $path $remedy) }}
{{- end }}
{{- end }}
{{- if not .Values.existingConfigMap }}
{{- include "bandwatch.checkSecrets" (dict "path" "config" "value" .Values.config) }}
{{- end }}
{{- end }}

{{- /* Everybody who may read ConfigMaps would read a secret in the configuration. */ -}}
{{- define "bandwatch.checkSecrets" -}}
{{- $path := .path }}
{{- if kindIs "map" .value }}
{{- range $key, $value := .value }}
{{- $name := printf "%s.%s" $path $key }}
{{- $secret := or (has $key (list "bearer_token" "password")) (eq (lower $key) "authorization") }}
{{- if and $secret (kindIs "string" $value) (not (contains "${" $value)) }}
{{- fail (printf "%s: a secret in plain text, which everybody who may read ConfigMaps would see; write ${NAME} in its place, and give the variable NAME by env with a secretKeyRef" $name) }}
{{- end }}
{{- include "bandwatch.checkSecrets" (dict "path" $name "value" $value) }}
{{- end }}
{{- else if kindIs "slice" .value }}
{{- range $i, $value := .value }}
{{- include "bandwatch.checkSecrets" (dict "path" (printf "%s[%d]" $path $i) "value" $value) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "bandwatch.checkParts" -}}
{{- if and .Values.persistence.existingClaim (not .Values.persistence.enabled) }}
{{- fail "persistence.existingClaim: persistence.enabled is false, so the claim would not be used; leave one of the two out" }}
{{- end }}
{{- if and .Values.grafana.dataSource.enabled (not .Values.grafana.infinity) }}
{{- fail "grafana.dataSource.enabled: the data source is one of the plugin Infinity, and grafana.infinity is false; set one of the two otherwise" }}
{{- end }}
{{- if and .Values.grafana.alerts.enabled .Values.prometheusRule.enabled }}
{{- fail "grafana.alerts.enabled: prometheusRule.enabled is true, too, and each event would alert twice; choose who evaluates the rules" }}
{{- end }}
{{- range $i, $mount := .Values.mounts }}
{{- if eq (empty $mount.secret) (empty $mount.configMap) }}
{{- fail (printf "mounts[%d]: name one of secret and configMap" $i) }}
{{- end }}
{{- end }}
{{- end }}
