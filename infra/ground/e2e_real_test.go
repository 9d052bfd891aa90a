package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReal starts grounds with a real node: GROUND_E2E=1 go test -run TestReal -v .
// It needs root, Debian's packages (`ground check --mode real`), the built
// tools (`ground build --mode real`) and two minutes.
func TestReal(t *testing.T) {
	if os.Getenv("GROUND_E2E") == "" {
		t.Skip("set GROUND_E2E=1 to start a real node")
	}
	if gaps := realGaps(thisMachine()); len(gaps) > 0 {
		t.Fatal(refusal(gaps))
	}
	before := traces(t)
	// Two at once: neither may see the other.
	first, second := newReal(t), newReal(t)
	started := make(chan error, 1)
	go func() { started <- second.start() }()
	if err := first.start(); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	first.load(t)
	second.load(t)
	app := first.deploy(t)
	app.lockedDown(t)
	app.reachesOthers(t)
	first.killFirstProcess(t, second)
	app.keepsItsVolume(t)
	app.survivesRestarts(t)
	first.volumesReturn(t)
	first.stopsWhole(t)
	third := newReal(t)
	third.startIsKilled(t)
	second.keeperIsKilled(t)
	second.endsWithItsOwner(t)
	startsAreKilled(t, "real", seconds(second.st.ReadyIn), 5, starter, keeperProcess, firstProcess)
	if after := traces(t); !slices.Equal(after, before) {
		t.Errorf("the machine is not as it was\nbefore: %v\nafter:  %v", before, after)
	}
}

// real is a ground, and how to talk to it.
type real struct {
	dir  dir
	st   *state
	k    kube
	test *testing.T
	// owner is the process that it is tied to.
	owner int
}

func newReal(t *testing.T) *real {
	r := &real{dir: dir(filepath.Join(t.TempDir(), "g")), test: t, owner: os.Getpid()}
	t.Cleanup(func() {
		if t.Failed() {
			r.showLogs()
		}
		_ = stop(r.dir, true, io.Discard)
	})
	return r
}

func (r *real) showLogs() {
	logs, _ := filepath.Glob(r.dir.path("logs/*.log"))
	for _, log := range logs {
		r.test.Logf("%s: %s", filepath.Base(log), lastRelevantLine(log))
	}
}

// program runs this test as the program `ground`, see TestMain.
func (r *real) program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Stderr = os.Stderr
	return cmd
}

func (r *real) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.program(append([]string{args[0], "--dir", string(r.dir)}, args[1:]...)...).Output()
	if err != nil {
		t.Fatalf("ground %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *real) start() error {
	out, err := r.program("start", "--mode", "real", "--json", "--volumes", "3", "--timeout", "8m",
		"--tie-to-pid", fmt.Sprint(r.owner), "--dir", string(r.dir)).Output()
	if err != nil {
		return fmt.Errorf("start: %w: %s", err, out)
	}
	r.st = &state{}
	if err := json.Unmarshal(out, r.st); err != nil {
		return err
	}
	r.test.Logf("ready in %.1f s", r.st.ReadyIn)
	r.k = kube{t: r.test, bin: filepath.Join(r.st.Tools, "kubectl"), config: r.st.Config}
	return nil
}

// load builds the app and gives it to the node, by the command that start has printed.
func (r *real) load(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(folder, "app"), "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the app: %v\n%s", err, out)
	}
	tar := filepath.Join(folder, "app.tar")
	img := image{name: "ground.test/app:1", entrypoint: "/app", files: map[string]string{"/app": filepath.Join(folder, "app")}}
	if err := writeImage(tar, img); err != nil {
		t.Fatal(err)
	}
	line := append(slices.Clone(r.st.Real.Commands["import"]), tar)
	out, err := exec.Command(line[0], line[1:]...).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "ground.test/app:1" {
		t.Fatalf("%v: %v\n%s", line, err, out)
	}
}

// deployed is the app, as reached from the machine.
type deployed struct {
	*real
	address string
}

func (r *real) deploy(t *testing.T) deployed {
	t.Helper()
	r.k.run("apply", "-f", "testdata/real.yaml")
	r.k.shows("1", "{.status.readyReplicas}", "deployment/app")
	r.k.shows("1", "{.status.readyReplicas}", "deployment/nowhere")
	r.k.shows(realNode, "{.items[*].spec.nodeName}", "pods", "-l", "app=app")
	r.k.shows("simulated-0", "{.items[*].spec.nodeName}", "pods", "-l", "app=nowhere")
	address := r.run(t, "forward", "default/app:http")
	if again := r.run(t, "forward", "default/app:80"); again != address {
		t.Errorf("the same forward twice: %s, %s", address, again)
	}
	return deployed{real: r, address: address}
}

// ask gets a path until it answers without an error of the network: the app's
// own errors are answers.
func (d deployed) ask(t *testing.T, path string, query ...string) string {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		client := http.Client{Timeout: 30 * time.Second}
		resp, err := client.Get("http://" + d.address + path + "?" + values.Encode())
		if last = err; err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if last = err; err == nil {
			return string(body)
		}
	}
	t.Fatalf("%s does not answer: %v", path, last)
	return ""
}

// answers asks until the answer is the wanted one.
func (d deployed) answers(t *testing.T, want, path string, query ...string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if got = d.ask(t, path, query...); got == want {
			return
		}
	}
	t.Errorf("%s %v: got %q, want %q", path, query, got, want)
}

func (d deployed) lockedDown(t *testing.T) {
	if got := d.ask(t, "/id"); got != "65532:65532" {
		t.Errorf("the pod runs as %s", got)
	}
	if got := d.ask(t, "/root"); !strings.Contains(got, "read-only file system") {
		t.Errorf("writing to the root folder: %q", got)
	}
	if got := d.k.run("logs", "deployment/app"); !strings.Contains(got, "serving") {
		t.Errorf("kubectl logs: %q", got)
	}
	if got := d.k.run("exec", "deployment/app", "--", "/app", "echo", "hello"); strings.TrimSpace(got) != "hello" {
		t.Errorf("kubectl exec: %q", got)
	}
}

// reachesOthers: services, names and the API server, all from inside a pod.
func (d deployed) reachesOthers(t *testing.T) {
	service := strings.TrimSpace(d.k.run("get", "service/app", "-o", "jsonpath={.spec.clusterIP}"))
	for _, name := range []string{"app", "app.default", "app.default.svc.cluster.local"} {
		if got := d.ask(t, "/lookup", "name", name); got != service {
			t.Errorf("%s is %q, not %s", name, got, service)
		}
	}
	if got := d.ask(t, "/lookup", "name", "example.org"); !strings.Contains(got, "no such host") {
		t.Errorf("a name outside: %q", got)
	}
	// By its own service: the packets come back to where they started.
	for _, host := range []string{"app", service} {
		if got := d.ask(t, "/fetch", "url", "http://"+host+"/id"); got != "65532:65532" {
			t.Errorf("http://%s from a pod: %q", host, got)
		}
	}
	if got := d.ask(t, "/whoami"); !strings.Contains(got, "system:serviceaccount:default:default") {
		t.Errorf("the API server takes the pod for %q", got)
	}
	got := d.ask(t, "/claims")
	for _, want := range []string{`"aud":["tenantry-usage"]`, `"name":"default"`, `"iss":"https://kubernetes.default.svc.cluster.local"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the projected token says %q", got)
		}
	}
}

// killFirstProcess kills the other ground's init, and sees that it takes all
// with it, and nothing of this one.
func (r *real) killFirstProcess(t *testing.T, other *real) {
	other.k.run("create", "deployment", "other", "--image=ground.test/app:1")
	other.k.shows("1", "{.status.readyReplicas}", "deployment/other")
	init, _ := other.st.find(firstProcess)
	all := other.all()
	if len(all) < 12 {
		t.Errorf("%d processes, more are meant: %v", len(all), all)
	}
	init.signal(syscall.SIGKILL)
	if !waitGone(all, patience) {
		t.Errorf("left after the first process was killed: %v", running(all))
	}
	other.leftNothing(t)
	r.k.shows("1", "{.status.readyReplicas}", "deployment/app")
}

func seconds(many float64) time.Duration { return time.Duration(many * float64(time.Second)) }

func running(all []process) (left []string) {
	for _, p := range all {
		if p.alive() {
			left = append(left, fmt.Sprintf("%s (%d)", p.Name, p.PID))
		}
	}
	return left
}

func (d deployed) keepsItsVolume(t *testing.T) {
	if got := d.ask(t, "/write", "text", "kept"); got != "" {
		t.Fatalf("a non-root pod cannot write to its claim: %s", got)
	}
	files, _ := filepath.Glob(filepath.Join(d.st.Real.Volumes, "*", "file"))
	if len(files) != 1 || string(read(t, files[0])) != "kept" {
		t.Fatalf("on the machine: %v", files)
	}
	old := d.k.run("get", "pods", "-l", "app=app", "-o", "name")
	d.k.run("delete", "pods", "-l", "app=app")
	d.k.shows("1", "{.status.readyReplicas}", "deployment/app")
	if now := d.k.run("get", "pods", "-l", "app=app", "-o", "name"); now == old {
		t.Errorf("%s is still there", old)
	}
	if got := d.ask(t, "/read"); got != "kept" {
		t.Errorf("after the pod's end: %q", got)
	}
}

// survivesRestarts: pods live on when kubelet or containerd end, and new ones
// start afterwards; a container that ends is started again.
func (d deployed) survivesRestarts(t *testing.T) {
	const state = "{.items[*].status.containerStatuses[*].containerID} {.items[*].status.containerStatuses[*].restartCount}"
	before := d.k.run("get", "pods", "-l", "app=app", "-o", "jsonpath="+state)
	for i, part := range []string{"kubelet", "containerd", "kube-proxy", "coredns"} {
		d.run(t, "restart", part)
		name := fmt.Sprintf("after-%d", i)
		d.k.run("run", name, "--image=ground.test/app:1", "--image-pull-policy=Never")
		d.k.shows("True", `{.status.conditions[?(@.type=="Ready")].status}`, "pod/"+name)
		// A kubelet that has just started calls a pod unready until it has probed it.
		d.answers(t, "65532:65532", "/fetch", "url", "http://app/id")
	}
	d.k.shows(before, state, "pods", "-l", "app=app")
	init, _ := d.st.find(firstProcess)
	level := len(pidNamespaces(init.PID))
	for _, p := range insiders(init) {
		if p.Name == "app" && p.depth > level {
			p.signal(syscall.SIGKILL)
		}
	}
	d.k.shows("1", "{.items[*].status.containerStatuses[*].restartCount}", "pods", "-l", "app=app")
	d.k.shows("1", "{.status.readyReplicas}", "deployment/app")
	if got := d.ask(t, "/read"); got != "kept" {
		t.Errorf("after a container's end: %q", got)
	}
}

// volumesReturn: a claim's end removes its data and makes room for another.
func (r *real) volumesReturn(t *testing.T) {
	r.k.run("delete", "deployment/app", "pvc/data")
	r.k.shows("Available Available Available", "{.items[*].status.phase}", "pv")
	if files, _ := filepath.Glob(filepath.Join(r.st.Real.Volumes, "*", "file")); len(files) > 0 {
		t.Errorf("data of a claim that is gone: %v", files)
	}
}

func (r *real) stopsWhole(t *testing.T) {
	if text := r.run(t, "status"); !strings.Contains(text, realNode) || !strings.Contains(text, "simulated: nothing runs there") || !strings.Contains(text, "kubelet") {
		t.Errorf("status: %s", text)
	}
	all := r.all()
	r.run(t, "stop", "--purge")
	if left := running(all); len(left) > 0 {
		t.Errorf("left after stop: %v", left)
	}
	r.leftNothing(t)
	if exists(string(r.dir)) {
		t.Error("the folder survived the purge")
	}
}

// all are its processes, as the machine sees them.
func (r *real) all() []process {
	all := slices.Clone(r.st.Processes)
	if init, ok := r.st.find(firstProcess); ok {
		for _, p := range insiders(init) {
			all = append(all, p.process)
		}
	}
	return all
}
