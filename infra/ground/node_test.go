package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// able is a machine that lacks nothing, until a test takes something away.
func able() machine {
	return machine{
		root: true, find: func(string) bool { return true }, there: func(string) bool { return true },
		groups: func() string { return "" }, kernel: func() []string { return nil },
	}
}

func TestAnAbleMachineHasNoGaps(t *testing.T) {
	if gaps := realGaps(able()); len(gaps) > 0 {
		t.Errorf("%v", gaps)
	}
}

func TestEveryGapIsNamedWithItsRemedy(t *testing.T) {
	m := able()
	m.root = false
	m.find = func(name string) bool { return name == "ip" || name == "nsenter" || name == "mount" }
	m.there = func(string) bool { return false }
	m.groups = func() string { return "no controller memory" }
	m.kernel = func() []string { t.Error("the kernel was tried without the programs"); return nil }
	text := refusal(realGaps(m)).Error()
	for _, want := range []string{
		"missing  root", "apt-get install containerd)", "apt-get install runc)", "apt-get install nftables)", "apt-get install iptables)",
		"apt-get install conntrack)", "apt-get install containernetworking-plugins)", "no controller memory", "--mode fleet",
	} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is there %d times in\n%s", want, strings.Count(text, want), text)
		}
	}
	if strings.Contains(text, "iproute2") {
		t.Errorf("what is there is asked for:\n%s", text)
	}
}

func TestTheKernelsRefusalsAreGaps(t *testing.T) {
	m := able()
	m.kernel = func() []string { return []string{"no veth", "no overlay"} }
	text := refusal(realGaps(m)).Error()
	if !strings.Contains(text, "no veth") || !strings.Contains(text, "no overlay") {
		t.Error(text)
	}
}

func TestPluginsAreFoundWherePackagesPutThem(t *testing.T) {
	for there, want := range map[string]string{"/usr/lib/cni/bridge": "/usr/lib/cni", "/opt/cni/bin/bridge": "/opt/cni/bin", "": "/usr/lib/cni"} {
		if got := pluginFolder(func(path string) bool { return path == there }); got != want {
			t.Errorf("%q: %s", there, got)
		}
	}
}

func TestNodeSettingsAreFilledIn(t *testing.T) {
	d := dir(t.TempDir())
	for _, name := range nodeFolders {
		if err := os.MkdirAll(d.path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g := &ground{opts: startOptions{mode: "real", nodes: 1}, dir: d}
	g.state = &state{Real: g.describe()}
	if err := g.writeNodeConfigs(); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string]string{
		"node/kubelet.yaml":    "cgroupRoot: \"/" + cgroupName(d) + "\" clusterDNS: [\"" + nodeIPv4,
		"node/containerd.toml": pauseImage + " restrict_oom_score_adj = true " + string(d) + "/node/cni",
		"node/kube-proxy.yaml": "mode: nftables " + realPods + " " + realNode,
		"node/Corefile":        "bind " + nodeIPv4 + " " + string(d) + "/pki/coredns.kubeconfig",
	} {
		text := string(read(t, d.path(name)))
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "#") && strings.Contains(line, "@") {
				t.Errorf("%s: %s", name, line)
			}
		}
		for _, want := range strings.Fields(wants) {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}

func TestAddressesAreApart(t *testing.T) {
	var cni struct {
		Plugins []struct {
			IPAM struct{ Ranges [][]struct{ Subnet string } }
		}
	}
	if err := json.Unmarshal([]byte(cniConfig), &cni); err != nil {
		t.Fatal(err)
	}
	pods := netip.MustParsePrefix(cni.Plugins[0].IPAM.Ranges[0][0].Subnet)
	all := netip.MustParsePrefix(realPods)
	if !all.Overlaps(pods) || pods.Bits() < all.Bits() {
		t.Errorf("pods get addresses in %s, outside %s", pods, all)
	}
	node := netip.MustParseAddr(nodeIPv4)
	if all.Contains(node) || netip.MustParsePrefix(serviceCIDR).Contains(node) || netip.MustParsePrefix(serviceCIDR).Overlaps(all) {
		t.Error("node, pods and services overlap")
	}
	most := nodeLimits["real"].most
	for i := range most {
		p := netip.MustParsePrefix(podCIDR(i, most))
		if p.Overlaps(all) || p.Contains(node) {
			t.Errorf("simulated node %d has %s", i, p)
		}
	}
}

func TestSimulatedNodesKeepRealPodsOff(t *testing.T) {
	taints := func(mode string) any {
		return simulatedNode(0, startOptions{mode: mode, nodes: 1})["spec"].(map[string]any)["taints"]
	}
	if taints("real") == nil || taints("fleet") != nil {
		t.Errorf("real %v, fleet %v", taints("real"), taints("fleet"))
	}
	var nodes nodeList
	text := `{"items":[{"metadata":{"name":"n"},"spec":{"taints":[{"key":"` + simulatedTaint + `"}]},"status":{"conditions":[{"type":"Ready","status":"True"}]}}]}`
	if err := json.Unmarshal([]byte(text), &nodes); err != nil || nodes.pending() != "" {
		t.Errorf("its own taint makes it %q (%v)", nodes.pending(), err)
	}
	nodes.Items[0].Spec.Taints[0].Key = "node.kubernetes.io/not-ready"
	if nodes.pending() != "n" {
		t.Error("a node that is not ready counts as ready")
	}
}

func TestGroupsAreOfOneGround(t *testing.T) {
	a, b := cgroupName("/a"), cgroupName("/b")
	if a == b || a != cgroupName("/a") || strings.ContainsAny(a, "/ ") {
		t.Errorf("%s, %s", a, b)
	}
	folder := filepath.Join(t.TempDir(), "x")
	if err := os.MkdirAll(filepath.Join(folder, "pod", "container"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := removeGroups([]string{folder, "/no/such/group"}); err != nil || exists(folder) {
		t.Errorf("%v", err)
	}
}

func TestImagesAreTheSameTwiceAndCarryTheirNames(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, "p")
	if err := os.WriteFile(program, []byte("binary"), 0o700); err != nil {
		t.Fatal(err)
	}
	img := image{name: "ground.test/a:1", also: []string{"ground.test/b:2"}, entrypoint: "/p", files: map[string]string{"/p": program, "etc/x": program}}
	one, two := filepath.Join(folder, "1.tar"), filepath.Join(folder, "2.tar")
	for _, out := range []string{one, two} {
		if err := writeImage(out, img); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, one)) != string(read(t, two)) {
		t.Error("two runs, two results")
	}
	if names, err := imageNames(one); err != nil || !slices.Equal(names, []string{"ground.test/a:1", "ground.test/b:2"}) {
		t.Errorf("%v %v", names, err)
	}
	for file, want := range map[string]string{program: "no image file", "/no/such/file": "no such file"} {
		if _, err := imageNames(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestForwardTargets(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/namespaces/shop/services/web":
			_, _ = w.Write([]byte(`{"spec":{"clusterIP":"10.96.3.4","ports":[{"name":"http","port":80},{"port":9000}]}}`))
		case "/api/v1/namespaces/shop/services/headless":
			_, _ = w.Write([]byte(`{"spec":{"clusterIP":"None","ports":[{"port":80}]}}`))
		default:
			http.Error(w, `{"message":"services \"x\" not found"}`, http.StatusNotFound)
		}
	}))
	defer server.Close()
	client := &api{server: server.URL, http: server.Client()}
	for target, want := range map[string]string{
		"10.244.0.7:8080": "10.244.0.7:8080", "shop/web:http": "10.96.3.4:80", "shop/web:80": "10.96.3.4:80", "shop/web:9000": "10.96.3.4:9000",
		"shop/web:443": "it has: 80 http, 9000", "shop/headless:80": "no cluster IP", "shop/gone:80": "not found",
		"web:80": "neither NAMESPACE/SERVICE:PORT", "shop/web": "neither", "a/b/c:1": "neither", "": "neither",
	} {
		got, err := resolveTarget(context.Background(), client, target)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
}

func TestTheKeeperListensInFoldersWithLongNames(t *testing.T) {
	d := dir(filepath.Join(t.TempDir(), strings.Repeat("x", 150)))
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		t.Fatal(err)
	}
	f := &forwarder{dir: d, open: map[string]string{}}
	if err := f.listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := askKeeper(d, forwardRequest{Target: "example.org:80"}); err == nil || !strings.Contains(err.Error(), "no ADDRESS:PORT") {
		t.Errorf("a name: %v", err)
	}
	first, err := askKeeper(d, forwardRequest{Target: "10.96.0.1:443"})
	if err != nil || !strings.HasPrefix(first, "127.0.0.1:") {
		t.Fatalf("%q %v", first, err)
	}
	if again, err := askKeeper(d, forwardRequest{Target: "10.96.0.1:443"}); err != nil || again != first {
		t.Errorf("again: %q %v", again, err)
	}
}

// volumeServer is the API server's part in TestVolumesReturn.
type volumeServer struct {
	list             string
	created, deleted []string
}

func (v *volumeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		_, _ = w.Write([]byte(v.list))
	case http.MethodPost:
		var object struct {
			Metadata struct{ Name string }
			Spec     struct{ Local struct{ Path string } }
		}
		_ = json.NewDecoder(r.Body).Decode(&object)
		v.created = append(v.created, object.Spec.Local.Path)
	case http.MethodDelete:
		v.deleted = append(v.deleted, filepath.Base(r.URL.Path))
	}
}

func TestVolumesReturn(t *testing.T) {
	p := pool{folder: t.TempDir(), want: 3}
	outside := t.TempDir()
	volume := func(name, phase, reclaim, path string) string {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return `{"metadata":{"name":"` + name + `"},"spec":{"persistentVolumeReclaimPolicy":"` + reclaim + `","local":{"path":"` + path + `"}},"status":{"phase":"` + phase + `"}}`
	}
	in := func(name string) string { return filepath.Join(p.folder, name) }
	handler := &volumeServer{list: `{"items":[` + strings.Join([]string{
		volume("free", "Available", "Delete", in("free")), volume("new", "", "Delete", in("new")),
		volume("used", "Bound", "Delete", in("used")), volume("kept", "Released", "Retain", in("kept")),
		volume("done", "Released", "Delete", in("done")), volume("stray", "Released", "Delete", outside),
	}, ",") + `]}`}
	server := httptest.NewServer(handler)
	defer server.Close()
	if err := p.round(context.Background(), &api{server: server.URL, http: server.Client()}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(handler.deleted, []string{"done", "stray"}) {
		t.Errorf("deleted %v", handler.deleted)
	}
	if exists(in("done")) || !exists(in("kept")) || !exists(in("used")) || !exists(outside) {
		t.Error("the wrong folders were removed")
	}
	if len(handler.created) != 1 || filepath.Dir(handler.created[0]) != p.folder || !exists(handler.created[0]) {
		t.Errorf("created %v", handler.created)
	}
}
