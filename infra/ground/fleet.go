package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// hostPaths is where the controller manager's test provisioner makes the
// folders of its volumes. The place is fixed in Kubernetes.
const hostPaths = "/tmp/hostpath_pv"

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
	g.controlPlaneReady(begin)
	since := time.Now()
	if err := g.awaitNodes(ctx, client, g.opts.nodes); err != nil {
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
	at := endpoint{ip: "127.0.0.1", port: port}
	g.state.Server = at.url()
	g.state.Ports["kube-apiserver"] = port
	if err := writePKI(g.dir, pkiPlan{outside: at.url(), inside: at.url(), ips: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(serviceIP)}}); err != nil {
		return nil, err
	}
	if err := g.writeConfigs(); err != nil {
		return nil, err
	}
	return g.startAPI(ctx, at)
}

// addFleet starts what works on the API and creates what a cluster installer
// would: nodes and the default StorageClass.
func (g *ground) addFleet(ctx context.Context, client *api) error {
	if err := shareHostPaths(); err != nil {
		return err
	}
	manager, err := g.startControllers("--enable-hostpath-provisioner=true")
	if err != nil {
		return err
	}
	if err := g.simulate(ctx, client, standardClass()); err != nil {
		return err
	}
	return g.awaitServiceAccounts(ctx, client, manager)
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
