package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

//go:embed files/audit-policy.yaml
var auditPolicy []byte

//go:embed files/scheduler.yaml
var schedulerConfig string

const (
	serviceCIDR = "10.96.0.0/16"
	serviceIP   = "10.96.0.1"
)

// endpoint is where the API server listens.
type endpoint struct {
	ip   string
	port int
	node bool // on a real node: pods reach it there, and it reaches the kubelet
}

func (e endpoint) url() string { return fmt.Sprintf("https://%s:%d", e.ip, e.port) }

// issuer is what tokens of service accounts name. With a real node it is what
// kubeadm sets, so that installations need no other value here.
func (e endpoint) issuer() string {
	if e.node {
		return "https://kubernetes.default.svc.cluster.local"
	}
	return "https://kubernetes.default.svc"
}

// startAPI starts etcd and the API server, from settings that are written already,
// and waits until it serves.
func (g *ground) startAPI(ctx context.Context, at endpoint) (*api, error) {
	socket, err := g.startEtcd(ctx)
	if err != nil {
		return nil, err
	}
	apiserver, err := g.launch("kube-apiserver", apiserverArgs(g.dir, at, socket)...)
	if err != nil {
		return nil, err
	}
	client, err := newAPI(g.dir, at.url())
	if err != nil {
		return nil, err
	}
	return client, until(ctx, g.children, apiserver, "the API server answers /readyz", func() error { return client.ready(ctx) })
}

func (g *ground) writeConfigs() error {
	if err := os.WriteFile(g.dir.path("audit-policy.yaml"), auditPolicy, 0o600); err != nil {
		return err
	}
	config := strings.ReplaceAll(schedulerConfig, "@KUBECONFIG@", g.dir.path(kubeconfigOf("system:kube-scheduler")))
	if err := os.WriteFile(g.dir.path("scheduler.yaml"), []byte(config), 0o600); err != nil {
		return err
	}
	return g.writeKwokConfig()
}

func (g *ground) startEtcd(ctx context.Context) (socket string, err error) {
	socket, g.state.Scratch, err = socketPath(g.dir)
	if err != nil {
		return "", err
	}
	// A start that is killed from here on has told where its scratch is.
	if g.state.Scratch != "" && !g.inside {
		if err := g.state.save(g.dir); err != nil {
			return "", err
		}
	}
	etcd, err := g.launch("etcd", etcdArgs(g.dir, socket)...)
	if err != nil {
		return "", err
	}
	return socket, until(ctx, g.children, etcd, "etcd accepts connections", func() error {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

func etcdArgs(d dir, socket string) []string {
	return []string{
		"--name=ground", "--data-dir=" + d.path("etcd"),
		"--listen-client-urls=unix://" + socket, "--advertise-client-urls=unix://" + socket,
		// A single member talks to nobody: the kernel picks any port to
		// listen on, and the advertised name is never dialled.
		"--listen-peer-urls=http://127.0.0.1:0",
		"--initial-advertise-peer-urls=http://127.0.0.1:2380", "--initial-cluster=ground=http://127.0.0.1:2380",
		// Data that dies with the test needs no disk flushes.
		"--unsafe-no-fsync",
		"--quota-backend-bytes=8589934592", "--log-level=warn",
	}
}

func apiserverArgs(d dir, at endpoint, socket string) []string {
	args := []string{
		"--etcd-servers=unix://" + socket,
		"--bind-address=" + at.ip, "--advertise-address=" + at.ip, fmt.Sprintf("--secure-port=%d", at.port),
		"--tls-cert-file=" + d.path("pki/apiserver.crt"), "--tls-private-key-file=" + d.path("pki/apiserver.key"),
		"--client-ca-file=" + d.path("pki/ca.crt"),
		"--service-account-issuer=" + at.issuer(),
		"--service-account-key-file=" + d.path("pki/sa.pub"),
		"--service-account-signing-key-file=" + d.path("pki/sa.key"),
		"--service-cluster-ip-range=" + serviceCIDR,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--max-requests-inflight=3000", "--max-mutating-requests-inflight=1500",
		// In one file and written before the response: an oracle that reads
		// the log after a request must find the request in it.
		"--audit-policy-file=" + d.path("audit-policy.yaml"), "--audit-log-path=" + d.auditLog(),
		"--audit-log-mode=blocking", "--audit-log-maxsize=0",
		"--profiling=false",
	}
	if at.node {
		return append(args,
			"--kubelet-client-certificate="+d.path("pki/kubelet-client.crt"), "--kubelet-client-key="+d.path("pki/kubelet-client.key"),
			"--kubelet-certificate-authority="+d.path("pki/ca.crt"),
			// A node's name is in no DNS, its address works.
			"--kubelet-preferred-address-types=InternalIP")
	}
	return append(args,
		"--permit-port-sharing=true", // see reservePort
		// No pod can reach a loopback address, so no endpoint is published.
		"--endpoint-reconciler-type=none")
}

func controllerManagerArgs(d dir) []string {
	args := []string{
		"--kubeconfig=" + d.path(kubeconfigOf("system:kube-controller-manager")),
		"--use-service-account-credentials=true", "--leader-elect=false", "--secure-port=0",
		"--root-ca-file=" + d.path("pki/ca.crt"),
		"--service-account-private-key-file=" + d.path("pki/sa.key"),
		"--cluster-signing-cert-file=" + d.path("pki/ca.crt"), "--cluster-signing-key-file=" + d.path("pki/ca.key"),
		"--service-cluster-ip-range=" + serviceCIDR,
		"--kube-api-qps=5000", "--kube-api-burst=10000",
		// Simulated nodes never die by themselves, but a machine that builds
		// and tests at once may delay their leases by minutes.
		"--node-monitor-grace-period=10m",
		"--profiling=false",
	}
	// Workers for thousands of tenants; idle ones cost nothing.
	for _, what := range []string{
		"deployment", "replicaset", "statefulset", "job", "cron-job", "namespace", "resource-quota",
		"serviceaccount-token", "service-endpoint", "endpoint", "gc", "horizontal-pod-autoscaler", "ttl-after-finished", "disruption",
	} {
		args = append(args, fmt.Sprintf("--concurrent-%s-syncs=50", what))
	}
	return args
}

// startControllers starts what works on the API; extra is for the controller
// manager, whose process it returns.
func (g *ground) startControllers(extra ...string) (*child, error) {
	manager, err := g.launch("kube-controller-manager", append(controllerManagerArgs(g.dir), extra...)...)
	if err != nil {
		return nil, err
	}
	if _, err := g.launch("kube-scheduler", "--config="+g.dir.path("scheduler.yaml"), "--secure-port=0"); err != nil {
		return nil, err
	}
	_, err = g.launch("kwok", "--v=WARN", "--config="+g.dir.path("kwok.yaml"), "--kubeconfig="+g.dir.path(kubeconfigOf("kwok")))
	return manager, err
}

// simulate creates the default StorageClass and the simulated nodes.
func (g *ground) simulate(ctx context.Context, client *api, class map[string]any) error {
	if err := client.create(ctx, "/apis/storage.k8s.io/v1/storageclasses", class); err != nil {
		return fmt.Errorf("create the StorageClass: %w", err)
	}
	for i := range g.opts.nodes {
		if err := client.create(ctx, "/api/v1/nodes", simulatedNode(i, g.opts)); err != nil {
			return fmt.Errorf("create node %d: %w", i, err)
		}
	}
	return nil
}

// awaitServiceAccounts: without one no pod is admitted; it also proves that
// controllers run.
func (g *ground) awaitServiceAccounts(ctx context.Context, client *api, manager *child) error {
	return until(ctx, g.children, manager, "the controller manager makes service accounts", func() error {
		return client.do(ctx, "GET", "/api/v1/namespaces/default/serviceaccounts/default", nil, nil)
	})
}

func (g *ground) controlPlaneReady(since time.Time) {
	g.phase("control plane", fmt.Sprintf("etcd %s · kube-apiserver %s · scheduler · controller-manager",
		g.short("etcd"), g.short("kube-apiserver")), since)
}
