{{/* Labels of a part: dict "root" $ "part" "operator" */}}
{{- define "tenantry.labels" -}}
{{ include "tenantry.selector" . }}
app.kubernetes.io/part-of: tenantry
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* What selects the pods of a part; it never changes. */}}
{{- define "tenantry.selector" -}}
app.kubernetes.io/name: tenantry-{{ .part }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/* The name of an image where it is pulled from: dict "root" $ "name" "host/path:tag". A mirror takes the place of the host. */}}
{{- define "tenantry.mirrored" -}}
{{- $first := splitList "/" .name | first -}}
{{- $path := .name -}}
{{- if and (contains "/" .name) (or (contains "." $first) (contains ":" $first)) -}}
{{- $path = trimPrefix (printf "%s/" $first) .name -}}
{{- end -}}
{{- if .root.Values.image.registry -}}
{{- printf "%s/%s" (trimSuffix "/" .root.Values.image.registry) $path -}}
{{- else -}}
{{- .name -}}
{{- end -}}
{{- end }}

{{/* Our own image. */}}
{{- define "tenantry.image" -}}
{{- $image := .Values.image -}}
{{- $name := $image.repository -}}
{{- if $image.digest -}}
{{- $name = printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- $name = printf "%s:%s" $name (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- include "tenantry.mirrored" (dict "root" . "name" $name) -}}
{{- end }}

{{- define "tenantry.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "tenantry.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Readiness and liveness on the port "health". */}}
{{- define "tenantry.probes" -}}
readinessProbe:
  httpGet: { path: /readyz, port: health }
  periodSeconds: 5
  timeoutSeconds: 3
livenessProbe:
  httpGet: { path: /healthz, port: health }
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 6
{{- end }}

{{/* Where pods may go: dict "root" $ "part" … "values" .Values.operator "replicas" 2 */}}
{{- define "tenantry.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if gt (int .values.replicas) 1 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tenantry.selector" . | nindent 8 }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Annotations of a pod template: those of the values, and which volumes are "scratch". The cluster autoscaler removes no node with
     a pod that has local storage, unless it is told that it may go. */}}
{{- define "tenantry.podAnnotations" -}}
{{- $all := deepCopy .values.podAnnotations -}}
{{- with .scratch }}
{{- $all = merge $all (dict "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes" (join "," .)) }}
{{- end }}
{{- with $all }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The issuers' file. Keys that are given here are files beside it. */}}
{{- define "tenantry.issuers" -}}
{{- $api := .Values.apiServer -}}
issuers:
{{- if $api.kubernetesIssuer.enabled }}
  - issuer: {{ $api.kubernetesIssuer.issuer | quote }}
    kind: kubernetes
    keys:
      url: https://kubernetes.default.svc/openid/v1/jwks
      caFile: /var/run/secrets/tenantry/ca.crt
      tokenFile: /var/run/secrets/tenantry/token
{{- end }}
{{- range $index, $issuer := $api.issuers }}
  - issuer: {{ $issuer.issuer | quote }}
    kind: people
    keys:
    {{- if $issuer.keys.jwks }}
      file: /etc/tenantry/issuers/{{ $index }}.jwks.json
    {{- else }}
      url: {{ $issuer.keys.url | quote }}
    {{- end }}
    {{- if $issuer.keys.caBundle }}
      caFile: /etc/tenantry/issuers/{{ $index }}.ca.pem
    {{- end }}
    {{- range $name := list "algorithms" "audiences" "typ" }}
    {{- with index $issuer $name }}
    {{ $name }}: {{ toJson . }}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{/* The rule of a NetworkPolicy by which its pods have names resolved. */}}
{{- define "tenantry.dns" -}}
- to:
    {{- toYaml .Values.networkPolicies.dns | nindent 4 }}
  ports:
    {{- range .Values.networkPolicies.dnsPorts }}
    - { port: {{ int . }}, protocol: UDP }
    - { port: {{ int . }}, protocol: TCP }
    {{- end }}
{{- end }}

{{/* The same as a profile says it, for the tenants' pods; nothing where it is what the operator takes by itself. */}}
{{- define "tenantry.profileDns" -}}
{{- $servers := list -}}
{{- range .Values.networkPolicies.dns -}}
{{- $server := dict -}}
{{- with .ipBlock }}{{ $_ := set $server "cidr" .cidr }}{{ end -}}
{{- with .namespaceSelector }}{{ $_ := set $server "namespaceLabels" .matchLabels }}{{ end -}}
{{- with .podSelector }}{{ $_ := set $server "podLabels" .matchLabels }}{{ end -}}
{{- $servers = append $servers $server -}}
{{- end -}}
{{- $ports := list -}}
{{- range .Values.networkPolicies.dnsPorts }}{{ $ports = append $ports (int .) }}{{ end -}}
{{- $dns := dict "servers" $servers "ports" $ports | toJson -}}
{{- $system := dict "kubernetes.io/metadata.name" "kube-system" -}}
{{- $cluster := dict "namespaceLabels" $system "podLabels" (dict "k8s-app" "kube-dns") -}}
{{- $cache := dict "namespaceLabels" $system "podLabels" (dict "k8s-app" "node-local-dns") -}}
{{- $usual := list $cluster $cache (dict "cidr" "169.254.20.10/32") -}}
{{- if ne $dns (dict "servers" $usual "ports" (list 53) | toJson) }}{{ $dns }}{{ end -}}
{{- end }}

{{/* The rounds that are made, by name: what `api-server routine` is asked, the scopes that it needs, and whose token. */}}
{{- define "tenantry.rounds" -}}
{{- $routines := .Values.routines -}}
{{- $kpis := $routines.kpis -}}
{{- $retention := $routines.retention -}}
{{- $audit := list "retention" "--contact-days" ($retention.contactDays | int64 | toString) -}}
{{- if $retention.attributeDays -}}
{{- $audit = concat $audit (list "--attribute-days" ($retention.attributeDays | int64 | toString)) -}}
{{- end -}}
{{- $export := "billing:export" -}}
{{- $known := dict
  "triage" (dict "asks" (list "triage") "scope" "billing:read, role CustomerSuccessManager")
  "crm" (dict "asks" (list "crm") "scope" $export)
  "overages" (dict "asks" (list "overages" "--period" "current") "scope" $export)
  "overagesPrevious" (dict "asks" (list "overages" "--period" "previous") "scope" $export)
  "support" (dict "asks" (list "support") "scope" $export)
  "kpis" (dict "asks" (list "kpis" "--min-group-size" ($kpis.minGroupSize | int64 | toString)) "scope" $export)
  "retention" (dict "asks" (ternary (append $audit "--erase") $audit $retention.erase) "scope" (ternary "billing:audit privacy:erase" "billing:audit" $retention.erase))
  "overrides" (dict "asks" (list "overrides") "scope" "billing:audit")
-}}
{{- $made := dict -}}
{{- range $name, $round := $known -}}
{{- $own := index $routines $name -}}
{{- if $own.enabled -}}
{{- $secret := default $routines.existingSecret $own.existingSecret -}}
{{- $key := $routines.key -}}
{{- if $own.existingSecret -}}{{- $key = default $routines.key $own.key -}}{{- end -}}
{{- $whole := dict "asks" (concat $round.asks (list "--format" $own.format)) "scope" $round.scope "schedule" $own.schedule "secret" $secret "key" $key -}}
{{- $_ := set $made $name $whole -}}
{{- end -}}
{{- end -}}
{{- toJson $made -}}
{{- end }}

{{/* The claim that gets what rounds keep. */}}
{{- define "tenantry.routinesClaim" -}}
{{- default "tenantry-routines" .Values.routines.storage.existingClaim -}}
{{- end }}

{{/* The pod that has the claim of the rounds' files bound: it mounts that, and ends. */}}
{{- define "tenantry.routinesClaimPod" -}}
{{- $part := dict "root" . "part" "routine" "values" .Values.routines -}}
metadata:
  labels:
    {{- include "tenantry.labels" $part | nindent 4 }}
    app.kubernetes.io/component: claim
  {{- with include "tenantry.podAnnotations" $part | trim }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  automountServiceAccountToken: false
  enableServiceLinks: false
  securityContext:
    {{- include "tenantry.podSecurity" . | nindent 4 }}
  {{- with include "tenantry.placement" $part | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: claim
      image: {{ include "tenantry.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [--version]
      securityContext:
        {{- include "tenantry.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml .Values.routines.resources | nindent 8 }}
      volumeMounts:
        - { name: files, mountPath: /var/lib/tenantry-routines }
  volumes:
    - name: files
      persistentVolumeClaim: { claimName: {{ include "tenantry.routinesClaim" . | quote }} }
{{- end }}

{{/* What the platform's Prometheus reads: its configuration, and the rules that PrometheusRules have. */}}
{{- define "tenantry.prometheusFiles" -}}
prometheus.yaml: |
  {{- .Files.Get "files/prometheus.yaml" | trim | nindent 2 }}
{{- range $file := list "tenantry" "cluster" }}
{{ $file }}.yaml: |
  {{- $.Files.Get (printf "files/rules/%s.yaml" $file) | trim | nindent 2 }}
{{- end }}
{{- end }}

{{/* Four fifths of a size in Mi, Gi or Ti, as Prometheus writes sizes: the oldest goes before the volume is full. */}}
{{- define "tenantry.mostOf" -}}
{{- $mebibytes := index (dict "Mi" 1 "Gi" 1024 "Ti" 1048576) (regexFind "[MGT]i$" .) -}}
{{- printf "%dMB" (div (mul (regexFind "^[0-9]+" . | int64) $mebibytes 4) 5) -}}
{{- end }}

{{/* How the platform's Grafana is provisioned, as Docker Compose does it. */}}
{{- define "tenantry.grafanaFiles" -}}
{{- range $file := list "dashboards" "datasources" }}
{{ $file }}.yaml: |
  {{- $.Files.Get (printf "files/grafana/%s.yaml" $file) | trim | nindent 2 }}
{{- end }}
{{- end }}

{{/* The dashboards, to know when they change. */}}
{{- define "tenantry.dashboards" -}}
{{- range $path, $_ := .Files.Glob "files/dashboards/*.json" }}{{ $.Files.Get $path }}{{ end }}
{{- end }}

{{/* What the platform's collector reads, in this order: the tenants' file, what a platform's differs in, the values. */}}
{{- define "tenantry.collectorFiles" -}}
{{- $collector := .Values.platform.collector }}
{{- $exporter := ternary "otlp_http" "debug" (ne $collector.to "") }}
collector.yaml: |
  {{- .Files.Get "files/collector.yaml" | trim | nindent 2 }}
platform.yaml: |
  processors:
    resource:
      attributes:
        # Nobody knows here whether what a sender says of a tenant is true.
        - { key: tenant.id, action: delete }
  exporters:
    {{- if $collector.to }}
    otlp_http:
      endpoint: {{ trimSuffix "/" $collector.to | quote }}
      {{- if $collector.existingSecret }}
      headers: "${file:/var/run/secrets/otlp/headers}"
      {{- end }}
    {{- else }}
    # Counted, and told in its log how much it was.
    debug: { verbosity: basic }
    {{- end }}
  service:
    pipelines:
      # Prometheus reads the programs' own: shown here too, each figure would be there twice.
      metrics: { exporters: [{{ $exporter }}] }
      {{- range list "traces" "logs" }}
      {{ . }}: { receivers: [otlp], processors: [memory_limiter, resource, batch], exporters: [{{ $exporter }}] }
      {{- end }}
{{- with $collector.config }}
values.yaml: |
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where operator and API server send traces, logs and metrics; empty for nowhere. */}}
{{- define "tenantry.otlpEndpoint" -}}
{{- if .Values.platform.collector.enabled -}}
{{- printf "http://tenantry-collector.%s.svc:4318" .Release.Namespace -}}
{{- else -}}
{{- .Values.otlpEndpoint -}}
{{- end -}}
{{- end }}

{{/* The port of a URL. */}}
{{- define "tenantry.port" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end }}
