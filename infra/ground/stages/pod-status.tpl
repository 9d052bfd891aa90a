{{- /*
The status of a pod of which some containers fail. Stages set before it:
$kind     how it fails; "none" makes everything well again
$phase    the pod's phase; "" keeps Running, or else says Pending
$waiting  why the failing containers wait; "" lets them run without being ready
$message  the long form of $waiting
$exit, $reason  how the last try ended; 0 if there was none
A failing image condemns its own container, an annotation all of them.
*/ -}}
{{ $now := Now }}
{{ $fail := "ground.tenantry.dev/fail" }}
{{ $failingImage := "(^|/)fail/[a-z]+([:@]|$)" }}
{{ $all := or (index (.metadata.annotations | default dict) $fail) (index (.metadata.labels | default dict) $fail) }}
{{ $init := hasPrefix "init-" $kind }}
{{ $old := dict }}
{{ range .status.containerStatuses }}{{ $_ := set $old .name . }}{{ end }}
{{ $bad := list }}
{{ if ne $kind "none" }}
{{ range .spec.containers }}
{{ if or $init $all (eq $kind "pending") (regexMatch $failingImage .image) }}{{ $bad = append $bad .name }}{{ end }}
{{ end }}
{{ end }}
{{ $well := ternary "True" "False" (empty $bad) }}
phase: {{ $phase | default (ternary "Running" "Pending" (eq .status.phase "Running")) }}
startTime: {{ .status.startTime | default $now | Quote }}
conditions:
- type: ground.tenantry.dev/Failing
  status: {{ ternary "False" "True" (eq $kind "none") | Quote }}
  reason: {{ $kind }}
  lastTransitionTime: {{ $now | Quote }}
- type: Initialized
  status: {{ ternary "False" "True" $init | Quote }}
  reason: {{ ternary "ContainersNotInitialized" "" $init | Quote }}
  lastTransitionTime: {{ $now | Quote }}
{{ range list "Ready" "ContainersReady" }}
- type: {{ . }}
  status: {{ $well | Quote }}
  {{ if empty $bad }}
  reason: ""
  message: ""
  {{ else if eq $phase "Failed" }}
  reason: PodFailed
  message: ""
  {{ else }}
  reason: ContainersNotReady
  message: {{ printf "containers with unready status: [%s]" (join " " $bad) | Quote }}
  {{ end }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
{{ range .spec.readinessGates }}
- type: {{ .conditionType | Quote }}
  status: "True"
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
{{ $was := index $old .name | default dict }}
{{ $isBad := has .name $bad }}
{{ $restarts := int (toString ($was.restartCount | default 0)) }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: {{ not $isBad }}
  started: {{ or (not $isBad) (eq $waiting "") }}
  restartCount: {{ ternary (add1 $restarts) $restarts (and $isBad (ne $exit 0) (ne $phase "Failed")) }}
  {{ if and $isBad (eq $phase "Failed") }}
  state: {terminated: {exitCode: {{ $exit }}, reason: {{ $reason }}, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ else if and $isBad (ne $waiting "") }}
  state: {waiting: {reason: {{ $waiting }}, message: {{ $message | Quote }}}}
  {{ else }}
  state: {running: {startedAt: {{ dig "state" "running" "startedAt" $now $was | Quote }}}}
  {{ end }}
  {{ if and $isBad (ne $exit 0) (ne $phase "Failed") }}
  lastState: {terminated: {exitCode: {{ $exit }}, reason: {{ $reason }}, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ else if $was.lastState }}
  lastState: {{ toJson $was.lastState }}
  {{ end }}
{{ end }}
{{ if .spec.initContainers }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  {{ if and $init (or $all (regexMatch $failingImage .image)) }}
  ready: false
  started: false
  restartCount: {{ ternary 1 0 (ne $exit 0) }}
  state: {waiting: {reason: {{ ternary "CrashLoopBackOff" "ImagePullBackOff" (eq $kind "init-crash") }}, message: {{ $message | Quote }}}}
  {{ else if eq (.restartPolicy | default "") "Always" }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
  {{ else }}
  ready: true
  started: false
  restartCount: 0
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
  {{ end }}
{{ end }}
{{ end }}
{{ if not .status.podIP }}
{{ with PodIPsWith .spec.nodeName (or .spec.hostNetwork false) (or .metadata.uid "") (or .metadata.name "") (or .metadata.namespace "") }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ end }}
