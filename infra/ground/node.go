package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// node is the inside of a ground with a real node; see real.go.
type node struct {
	*ground
	client *api
	parts  []*nodePart
}

// nodePart is a program that is started again when it ends, as a system's
// service manager would.
type nodePart struct {
	name string
	bin  string
	args []string
	now  *child
}

// cmdInit is the first process of the namespaces. What runs inside depends on
// it: when it ends, the kernel ends everything else.
func cmdInit(ctx context.Context, args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("init", flag.ContinueOnError)
	name := fs.String("dir", "", "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	if os.Getpid() != 1 {
		return fmt.Errorf("%w: `init` is started by `ground start --mode real` only", errUsage)
	}
	syscall.CloseOnExec(reportFD)
	report := os.NewFile(reportFD, "report")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // the keeper is gone
	}()
	n, err := enterNode(dir(*name), report)
	if err == nil {
		go own.reap(ctx)
		err = n.bringUp(ctx)
	}
	if err != nil {
		sender{report}.send(message{Error: err.Error()})
		return err
	}
	sender{report}.send(message{Ready: true})
	n.out = os.Stdout // that is its log
	report.Close()
	n.tend(ctx)
	return nil
}

// enterNode makes the namespaces, in which this process already is, the
// node's own.
func enterNode(d dir, report *os.File) (*node, error) {
	spec, err := loadSpec(d)
	if err != nil {
		return nil, err
	}
	if err := os.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"); err != nil {
		return nil, err
	}
	if err := newRoot(d, spec.Tools.folders()); err != nil {
		return nil, err
	}
	if err := hideSettings(d); err != nil {
		return nil, err
	}
	if err := syscall.Sethostname([]byte(realNode)); err != nil {
		return nil, err
	}
	if err := newNetwork(); err != nil {
		return nil, err
	}
	g := &ground{opts: spec.options(), dir: d, tools: spec.Tools, state: &state{}, out: sender{report}, inside: true}
	return &node{ground: g}, nil
}

func (n *node) bringUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, n.opts.timeout)
	defer cancel()
	begin := time.Now()
	// containerd needs nothing of the others, so it comes up beside them.
	if err := n.startPart("containerd", containerdBin(), "--config="+n.dir.path("node/containerd.toml")); err != nil {
		return err
	}
	var err error
	if n.client, err = n.startAPI(ctx, endpoint{ip: nodeIPv4, port: apiPort, node: true}); err != nil {
		return err
	}
	manager, err := n.startControllers()
	if err != nil {
		return err
	}
	if err := n.simulate(ctx, n.client, poolClass()); err != nil {
		return err
	}
	if err := n.grantNode(ctx); err != nil {
		return err
	}
	if err := n.awaitServiceAccounts(ctx, n.client, manager); err != nil {
		return err
	}
	n.controlPlaneReady(begin)
	begin = time.Now()
	if err := n.startNode(ctx); err != nil {
		return err
	}
	n.phase("node", fmt.Sprintf("%s · kubelet %s · containerd · kube-proxy (nftables) · CoreDNS %s", realNode, n.short("kubelet"), n.short("coredns")), begin)
	if n.opts.nodes > 0 {
		n.phase("simulated", fmt.Sprintf("%d by kwok %s, tainted %s: nothing runs there", n.opts.nodes, n.short("kwok"), simulatedTaint), begin)
	}
	return nil
}

// startNode starts what makes a machine a node, and waits until a pod could
// run on it, have a volume, find a name and reach a service.
func (n *node) startNode(ctx context.Context) error {
	if err := n.importPause(ctx); err != nil {
		return err
	}
	for _, p := range []nodePart{
		{name: "kube-proxy", bin: n.tools.bin("kube-proxy"), args: []string{"--config=" + n.dir.path("node/kube-proxy.yaml")}},
		{name: "coredns", bin: n.tools.bin("coredns"), args: []string{"-conf=" + n.dir.path("node/Corefile")}},
		{name: "kubelet", bin: n.tools.bin("kubelet"), args: kubeletArgs(n.dir)},
	} {
		if err := n.startPart(p.name, p.bin, p.args...); err != nil {
			return err
		}
	}
	if err := n.pool().round(ctx, n.client); err != nil {
		return fmt.Errorf("make the volumes: %w", err)
	}
	if err := n.awaitNodes(ctx, n.client, n.opts.nodes+1); err != nil {
		return err
	}
	proxy, dns := n.part("kube-proxy").now, n.part("coredns").now
	if err := until(ctx, n.children, proxy, "the API server answers by its service's address", func() error {
		conn, err := net.DialTimeout("tcp4", net.JoinHostPort(serviceIP, "443"), time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	}); err != nil {
		return err
	}
	return until(ctx, n.children, dns, "CoreDNS knows the API server's name", func() error { return askDNS(ctx) })
}

func (n *node) startPart(name, bin string, args ...string) error {
	p := &nodePart{name: name, bin: bin, args: args}
	if err := os.Remove(n.dir.log(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := p.start(n.dir); err != nil {
		return err
	}
	n.parts = append(n.parts, p)
	n.children = append(n.children, p.now)
	return nil
}

func (p *nodePart) start(d dir) (err error) {
	cmd := exec.Command(p.bin, p.args...)
	cmd.Env = bareEnv(d)
	p.now, err = begin(d, p.name, cmd)
	return err
}

func (n *node) part(name string) *nodePart {
	for _, p := range n.parts {
		if p.name == name {
			return p
		}
	}
	return nil
}

// tend keeps the node's parts and its pool of volumes going until the end.
func (n *node) tend(ctx context.Context) {
	for _, p := range n.parts {
		go p.keepRunning(ctx, n.dir, n.out)
	}
	pool := n.pool()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(poolPause):
		}
		if err := pool.round(ctx, n.client); err != nil && ctx.Err() == nil {
			fmt.Fprintf(n.out, "volumes: %v\n", err)
		}
	}
}

// restartPause keeps a part that cannot start from using up the machine.
const restartPause = time.Second

func (p *nodePart) keepRunning(ctx context.Context, d dir, out io.Writer) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.now.exited:
		}
		fmt.Fprintf(out, "%s ended (%s): starting it again\n", p.name, p.now.cmd.ProcessState)
		for {
			err := p.start(d)
			if err == nil {
				break
			}
			fmt.Fprintf(out, "%v\n", err)
			time.Sleep(restartPause)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(restartPause):
		}
	}
}

// grantNode makes the rights that an installer gives to the node's programs.
func (n *node) grantNode(ctx context.Context) error {
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	const group = "rbac.authorization.k8s.io"
	role := map[string]any{
		"apiVersion": group + "/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": "system:coredns"},
		"rules": []map[string]any{
			{"apiGroups": []string{""}, "resources": []string{"endpoints", "services", "pods", "namespaces"}, "verbs": []string{"list", "watch"}},
			{"apiGroups": []string{"discovery.k8s.io"}, "resources": []string{"endpointslices"}, "verbs": []string{"list", "watch"}},
		},
	}
	if err := n.client.create(ctx, rbac+"clusterroles", role); err != nil {
		return fmt.Errorf("create the role of CoreDNS: %w", err)
	}
	for user, role := range map[string]string{"system:coredns": "system:coredns", kubeletClient: "system:kubelet-api-admin"} {
		binding := map[string]any{
			"apiVersion": group + "/v1", "kind": "ClusterRoleBinding", "metadata": map[string]any{"name": "ground:" + user},
			"roleRef":  map[string]string{"apiGroup": group, "kind": "ClusterRole", "name": role},
			"subjects": []map[string]string{{"apiGroup": group, "kind": "User", "name": user}},
		}
		if err := n.client.create(ctx, rbac+"clusterrolebindings", binding); err != nil {
			return fmt.Errorf("grant %s to %s: %w", role, user, err)
		}
	}
	return nil
}
