package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestFleet runs the real thing: GROUND_E2E=1 go test -run TestFleet -v .
// It needs the built tools (`ground build`) and half a minute.
func TestFleet(t *testing.T) {
	if os.Getenv("GROUND_E2E") == "" {
		t.Skip("set GROUND_E2E=1 to start a real control plane")
	}
	d := dir(filepath.Join(t.TempDir(), "g"))
	t.Cleanup(func() { _ = stop(d, true, os.Stderr) })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := start(ctx, startOptions{mode: "fleet", dir: string(d), nodes: 3, timeout: defaultTimeout}, &out); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	st, err := loadState(d)
	if err != nil {
		t.Fatal(err)
	}
	k := kube{t: t, bin: filepath.Join(st.Tools, "kubectl"), config: d.kubeconfig()}
	k.run("apply", "-f", "testdata/workloads.yaml")
	k.healthyThings()
	k.failingThings()
	k.failureOnDemand()
	k.newImageHeals()
	if err := stop(d, true, &out); err != nil {
		t.Fatal(err)
	}
	for _, p := range st.Processes {
		if p.alive() {
			t.Errorf("%s survived the stop", p.Name)
		}
	}
	if _, err := os.Stat(string(d)); err == nil {
		t.Error("the folder survived the purge")
	}
	startsAreKilled(t, "fleet", seconds(st.ReadyIn), 4, starter)
}

// patience is for what comes by itself: the tests share few cores with others,
// and nothing is judged by how long it took.
const patience = 3 * time.Minute

type kube struct {
	t           *testing.T
	bin, config string
}

func (k kube) run(args ...string) string {
	k.t.Helper()
	out, err := exec.Command(k.bin, append([]string{"--kubeconfig", k.config}, args...)...).CombinedOutput()
	if err != nil {
		k.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// shows waits until kubectl's answer to a question is the wanted one.
func (k kube) shows(want, path string, object ...string) {
	k.t.Helper()
	args := append([]string{"get", "-o", "jsonpath=" + path}, object...)
	got := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got = k.run(args...); got == want {
			return
		}
	}
	k.t.Errorf("%v %s: got %q, want %q", object, path, got, want)
}

// reaches waits until a number that counts up is at least the wanted one: who
// looks late sees more.
func (k kube) reaches(least int, path string, object ...string) {
	k.t.Helper()
	args := append([]string{"get", "-o", "jsonpath=" + path}, object...)
	got := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		got = k.run(args...)
		if n, err := strconv.Atoi(got); err == nil && n >= least {
			return
		}
	}
	k.t.Errorf("%v %s: got %q, want %d or more", object, path, got, least)
}

func (k kube) healthyThings() {
	k.shows("2", "{.status.readyReplicas}", "deployment/good")
	k.shows("Bound", "{.status.phase}", "pvc/data")
	k.shows("True", `{.status.conditions[?(@.type=="Complete")].status}`, "job/job-ok")
	k.run("create", "job", "ticked", "--from=cronjob/tick") // not a minute's wait
	k.shows("True", `{.status.conditions[?(@.type=="Complete")].status}`, "job/ticked")
	k.run("patch", "pvc/data", "-p", `{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}`)
	k.shows("2Gi", "{.status.capacity.storage}", "pvc/data")
}

const (
	podState   = "{.items[*].status.phase} {.items[*].status.containerStatuses[*].state.waiting.reason}"
	initState  = "{.items[*].status.phase} {.items[*].status.initContainerStatuses[*].state.waiting.reason}"
	readyState = `{.items[*].status.conditions[?(@.type=="Ready")].status} {.items[*].status.conditions[?(@.type=="Ready")].reason}`
)

func (k kube) failingThings() {
	for app, want := range map[string]string{
		"crash": "Running CrashLoopBackOff", "oom": "Running CrashLoopBackOff",
		"image": "Pending ImagePullBackOff", "probe": "Running ", "pending": "Pending ContainerCreating",
		"init-crash": "Pending PodInitializing", "init-image": "Pending PodInitializing",
	} {
		k.shows(want, podState, "pods", "-l", "app="+app)
		k.shows("False ContainersNotReady", readyState, "pods", "-l", "app="+app)
	}
	k.shows("Pending CrashLoopBackOff", initState, "pods", "-l", "app=init-crash")
	k.shows("Pending ImagePullBackOff", initState, "pods", "-l", "app=init-image")
	k.shows("OOMKilled 137", "{.items[*].status.containerStatuses[*].lastState.terminated['reason','exitCode']}", "pods", "-l", "app=oom")
	k.reaches(2, "{.items[*].status.containerStatuses[*].restartCount}", "pods", "-l", "app=crash")
	k.shows("BackoffLimitExceeded", `{.status.conditions[?(@.type=="Failed")].reason}`, "job/job-fails")
	k.shows("1", "{.status.active}", "job/job-hangs")
}

// failureOnDemand breaks and heals a pod that already runs.
func (k kube) failureOnDemand() {
	pod := strings.Fields(k.run("get", "pods", "-l", "app=good", "-o", "name"))[0]
	for kind, want := range map[string]string{"crash": "CrashLoopBackOff", "image": "ImagePullBackOff", "probe": ""} {
		k.run("annotate", "--overwrite", pod, "ground.tenantry.dev/fail="+kind)
		k.shows("Running "+want+" false", "{.status.phase} {.status.containerStatuses[*].state.waiting.reason} {.status.containerStatuses[*].ready}", pod)
		k.shows("1", "{.status.readyReplicas}", "deployment/good")
		k.run("annotate", pod, "ground.tenantry.dev/fail-")
		k.shows("2", "{.status.readyReplicas}", "deployment/good")
	}
	k.run("label", pod, "ground.tenantry.dev/fail=probe")
	k.shows("1", "{.status.readyReplicas}", "deployment/good")
	k.run("label", pod, "ground.tenantry.dev/fail-")
	k.shows("2", "{.status.readyReplicas}", "deployment/good")
	k.run("annotate", "pods", "-l", "job-name=job-hangs", "ground.tenantry.dev/fail=none")
	k.shows("True", `{.status.conditions[?(@.type=="Complete")].status}`, "job/job-hangs")
}

// newImageHeals is what a rollout of a corrected profile does.
func (k kube) newImageHeals() {
	for _, name := range []string{"crash", "oom", "image", "probe", "pending", "init-crash", "init-image"} {
		k.run("set", "image", "deployment/"+name, "*=example.test/app:2")
	}
	for _, name := range []string{"crash", "oom", "image", "probe", "pending", "init-crash", "init-image"} {
		k.shows("1 1", "{.status.readyReplicas} {.status.replicas}", "deployment/"+name)
	}
}
