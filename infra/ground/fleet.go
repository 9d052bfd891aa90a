package main

import (
	"context"
	_ "embed"
	"errors"
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
	// hostPaths is where the controller manager's test provisioner makes the
	// folders of its volumes. The place is fixed in Kubernetes.
	hostPaths = "/tmp/hostpath_pv"
)

// startFleet: a whole control plane, and nodes that exist only as objects.
func startFleet(ctx context.Context, g *ground) error {
	begin := time.Now()
	client, err := g.controlPlane(ctx)
	if err != nil {
		return err
	}
	defer client.close()
	if err := g.addFleet(ctx, client); err != nil {
		return err
	}
	g.phase("control plane", fmt.Sprintf("etcd %s · kube-apiserver %s · scheduler · controller-manager",
		g.short("etcd"), g.short("kube-apiserver")), begin)
	since := time.Now()
	if err := g.awaitNodes(ctx, client); err != nil {
		return err
	}
	what := fmt.Sprintf("%d simulated by kwok %s", g.opts.nodes, g.short("kwok"))
	if g.opts.gpuNodes > 0 {
		what += fmt.Sprintf(", %d with nvidia.com/gpu", g.opts.gpuNodes)
	}
	g.phase("nodes", what, since)
	return nil
}

// controlPlane starts etcd and the API server and waits until it serves.
func (g *ground) controlPlane(ctx context.Context) (*api, error) {
	port, release, err := reservePort()
	if err != nil {
		return nil, err
	}
	// Once the API server has bound the port too, our socket is not needed.
	defer release()
	g.state.Server = fmt.Sprintf("https://127.0.0.1:%d", port)
	g.state.Ports["kube-apiserver"] = port
	if err := writePKI(g.dir, g.state.Server, net.IPv4(127, 0, 0, 1), net.ParseIP(serviceIP)); err != nil {
		return nil, err
	}
	if err := g.writeConfigs(); err != nil {
		return nil, err
	}
	socket, err := g.startEtcd(ctx)
	if err != nil {
		return nil, err
	}
	apiserver, err := g.launch("kube-apiserver", apiserverArgs(g.dir, port, socket)...)
	if err != nil {
		return nil, err
	}
	client, err := newAPI(g.dir, g.state.Server)
	if err != nil {
		return nil, err
	}
	return client, until(ctx, g.children, apiserver, "the API server answers /readyz", func() error { return client.ready(ctx) })
}

func (g *ground) writeConfigs() error {
	if err := os.WriteFile(g.dir.path("audit-policy.yaml"), auditPolicy, 0o600); err != nil {
		return err
	}
	config := strings.ReplaceAll(schedulerConfig, "@KUBECONFIG@", g.dir.path(kubeconfigFiles["system:kube-scheduler"]))
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

func apiserverArgs(d dir, port int, socket string) []string {
	return []string{
		"--etcd-servers=unix://" + socket,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port), "--permit-port-sharing=true", // see reservePort
		// No pod can reach a loopback address, so no endpoint is published.
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + d.path("pki/apiserver.crt"), "--tls-private-key-file=" + d.path("pki/apiserver.key"),
		"--client-ca-file=" + d.path("pki/ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc",
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
}

func controllerManagerArgs(d dir) []string {
	args := []string{
		"--kubeconfig=" + d.path(kubeconfigFiles["system:kube-controller-manager"]),
		"--use-service-account-credentials=true", "--leader-elect=false", "--secure-port=0",
		"--root-ca-file=" + d.path("pki/ca.crt"),
		"--service-account-private-key-file=" + d.path("pki/sa.key"),
		"--cluster-signing-cert-file=" + d.path("pki/ca.crt"), "--cluster-signing-key-file=" + d.path("pki/ca.key"),
		"--service-cluster-ip-range=" + serviceCIDR,
		"--enable-hostpath-provisioner=true",
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

// addFleet starts what works on the API and creates what a cluster installer
// would: nodes and the default StorageClass.
func (g *ground) addFleet(ctx context.Context, client *api) error {
	if err := shareHostPaths(); err != nil {
		return err
	}
	manager, err := g.launch("kube-controller-manager", controllerManagerArgs(g.dir)...)
	if err != nil {
		return err
	}
	if _, err := g.launch("kube-scheduler", "--config="+g.dir.path("scheduler.yaml"), "--secure-port=0"); err != nil {
		return err
	}
	if _, err := g.launch("kwok", "--v=WARN", "--config="+g.dir.path("kwok.yaml"), "--kubeconfig="+g.dir.path(kubeconfigFiles["kwok"])); err != nil {
		return err
	}
	if err := client.create(ctx, "/apis/storage.k8s.io/v1/storageclasses", standardClass()); err != nil {
		return fmt.Errorf("create the StorageClass: %w", err)
	}
	for i := range g.opts.nodes {
		if err := client.create(ctx, "/api/v1/nodes", simulatedNode(i, g.opts)); err != nil {
			return fmt.Errorf("create node %d: %w", i, err)
		}
	}
	// Without it no pod is admitted; it also proves that controllers run.
	return until(ctx, g.children, manager, "the controller manager makes service accounts", func() error {
		return client.do(ctx, "GET", "/api/v1/namespaces/default/serviceaccounts/default", nil, nil)
	})
}

func standardClass() map[string]any {
	return map[string]any{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
		"metadata": map[string]any{
			"name":        "standard",
			"annotations": map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		"provisioner": "kubernetes.io/host-path", "reclaimPolicy": "Delete",
		"volumeBindingMode": "Immediate", "allowVolumeExpansion": true,
	}
}

// shareHostPaths makes the provisioner's folder usable by every user of the
// machine, or says why volumes cannot work.
func shareHostPaths() error {
	err := os.Mkdir(hostPaths, 0o777)
	if err == nil {
		return os.Chmod(hostPaths, os.ModeSticky|0o777) // the umask took bits away
	}
	if !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the folder of simulated volumes: %w", err)
	}
	probe, err := os.MkdirTemp(hostPaths, ".probe-")
	if err != nil {
		return fmt.Errorf("%s belongs to another user, so no PersistentVolumeClaim could bind: its owner must run `chmod 1777 %s`", hostPaths, hostPaths)
	}
	return os.Remove(probe)
}
