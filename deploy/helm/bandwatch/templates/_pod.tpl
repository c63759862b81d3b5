{{- /* A pod of the service. component: the role that it has in a distributed installation, or ""; resources: of its container. */ -}}
{{- define "bandwatch.podTemplate" -}}
{{- with .root -}}
metadata:
  labels:
    {{- include "bandwatch.selectorLabels" . | nindent 4 }}
    {{- with $.component }}
    app.kubernetes.io/component: {{ . }}
    {{- end }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- if not .Values.existingConfigMap }}
    # With configReload only of what takes effect at a start: the rest is read by the running service.
    checksum/config: {{ include "bandwatch.restartConfig" . | sha256sum }}
    {{- end }}
    kubectl.kubernetes.io/default-container: bandwatch
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "bandwatch.serviceAccountName" . }}
  automountServiceAccountToken: false
  # Variables such as BANDWATCH_PORT would be set after each Service of the namespace.
  enableServiceLinks: false
  # It ends within 20 seconds.
  terminationGracePeriodSeconds: 30
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "bandwatch.podSecurityContext" . | nindent 4 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.component }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "bandwatch.selectorLabels" $.root | nindent 10 }}
          app.kubernetes.io/component: {{ . }}
  {{- end }}
  containers:
    - name: bandwatch
      image: {{ include "bandwatch.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - {{ default "run" $.component }}
        - --config.file=/etc/bandwatch/bandwatch.yml
        {{- if .Values.configReload }}
        - --config.watch
        {{- end }}
        - --web.listen-address=:8642
        - --log.level={{ .Values.log.level }}
        - --log.format={{ .Values.log.format }}
      {{- with include "bandwatch.env" . | trim }}
      env:
        {{- . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: 8642
      startupProbe:
        {{- include "bandwatch.probe" (dict "root" . "path" "/-/healthy" "timing" .Values.probes.startup) | nindent 8 }}
      livenessProbe:
        {{- include "bandwatch.probe" (dict "root" . "path" "/-/healthy" "timing" .Values.probes.liveness) | nindent 8 }}
      readinessProbe:
        {{- include "bandwatch.probe" (dict "root" . "path" "/-/ready" "timing" .Values.probes.readiness) | nindent 8 }}
      securityContext:
        {{- include "bandwatch.containerSecurityContext" . | nindent 8 }}
      resources:
        {{- toYaml $.resources | nindent 8 }}
      volumeMounts:
        # The whole folder: a file that is mounted alone (subPath) stays as it was when its ConfigMap changes.
        - name: config
          mountPath: /etc/bandwatch
          readOnly: true
        - name: data
          mountPath: /var/lib/bandwatch
        - name: tmp
          mountPath: /tmp
        {{- if .Values.tls.existingSecret }}
        - name: tls
          mountPath: /etc/bandwatch-tls
          readOnly: true
        {{- end }}
        {{- range $i, $mount := .Values.mounts }}
        - name: mount-{{ $i }}
          mountPath: {{ $mount.path }}
          readOnly: true
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "bandwatch.configMapName" . }}
    - name: tmp
      emptyDir:
        sizeLimit: 512Mi
    {{- if .Values.tls.existingSecret }}
    - name: tls
      secret:
        secretName: {{ .Values.tls.existingSecret }}
        defaultMode: 0440
    {{- end }}
    {{- range $i, $mount := .Values.mounts }}
    - name: mount-{{ $i }}
      {{- if $mount.secret }}
      secret:
        secretName: {{ $mount.secret }}
        defaultMode: 0440
      {{- else }}
      configMap:
        name: {{ $mount.configMap }}
      {{- end }}
    {{- end }}
    {{- if or $.component (not .Values.persistence.enabled) }}
    - name: data
      emptyDir:
        sizeLimit: {{ .Values.persistence.size }}
    {{- else if .Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ .Values.persistence.existingClaim }}
    {{- end }}
{{- end }}
{{- end }}

{{- /* A node of the Ray cluster: KubeRay adds the command. It needs neither the database nor the objects, so it has no secrets. */ -}}
{{- define "bandwatch.rayPod" -}}
{{- with .root -}}
spec:
  enableServiceLinks: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    {{- include "bandwatch.podSecurityContext" . | nindent 4 }}
  containers:
    - name: ray
      image: {{ default (include "bandwatch.image" .) .Values.ray.image | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        capabilities:
          drop: [ALL]
        privileged: false
      resources:
        {{- toYaml $.resources | nindent 8 }}
{{- end }}
{{- end }}
