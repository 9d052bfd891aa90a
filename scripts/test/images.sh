# shellcheck shell=bash disable=SC2154,SC2034 # variables of scripts/test.sh, which sources this
# Stage images.

# images: built without an engine; then run, and built by a real one, where this is root.
stage_images() {
  local log=$logs/images.log rc=0
  has musl-gcc || debian musl-tools
  has buildah || debian buildah
  scripts/images build 2>&1 >/dev/null | sed 's/^/  /'
  step "images: the same bits a second time" scripts/images verify
  lint_dockerfiles
  if [ "$(id -u)" != 0 ]; then
    skipped "the images' programs in empty roots: only root may change the root folder"
    return
  fi
  if ! has buildah; then
    [ -z "${CI:-}" ] || fails "buildah is not installed and apt-get could not ($logs/apt-buildah.log)"
    skipped "Dockerfiles by a real engine: buildah is not installed (Debian: apt-get install buildah)"
  fi
  scripts/images test >"$log" 2>&1 || rc=$?
  count_go "$log"
  grep -E 'start to ready|MB compressed' "$log" | sed 's/^ *[^ ]*: /  /' || true
  [ "$rc" = 0 ] || { grep -vE '^(=== |--- PASS)' "$log" | tail -n 60 && fails "scripts/images test (whole output: $log)"; }
  fact "images: $(grep -c '^--- PASS' "$log") tests"
}

lint_dockerfiles() {
  local tools
  needs_venv hadolint
  tools=$(python_tools hadolint infra/images/requirements.txt) || fails "hadolint could not be installed"
  step "hadolint" "$tools/bin/hadolint" --config infra/images/.hadolint.yaml infra/images/*/Dockerfile
}
