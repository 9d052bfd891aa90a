package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
)

//go:embed files/containerd.toml
var containerdConfig string

const (
	containerdSocket = "/run/containerd/containerd.sock"
	pauseImage       = "tenantry.dev/ground/pause:" + layout
)

// pluginFolders are where packages put the CNI plugins.
var pluginFolders = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

func containerdBin() string {
	bin, err := exec.LookPath("containerd")
	if err != nil {
		return "containerd" // starting it says what is wrong
	}
	return bin
}

// writeNodeConfigs writes the settings of everything that makes the node.
func (g *ground) writeNodeConfigs() error {
	fill := strings.NewReplacer(
		"@DIR@", string(g.dir), "@NODE@", realNode, "@ADDRESS@", nodeIPv4, "@CGROUP@", g.state.Real.Cgroup,
		"@PODS@", realPods, "@PAUSE@", pauseImage, "@SOCKET@", containerdSocket, "@PLUGINS@", pluginFolder(exists),
	)
	for name, text := range map[string]string{
		"node/containerd.toml": containerdConfig, "node/kubelet.yaml": kubeletConfig, "node/resolv.conf": "nameserver " + nodeIPv4 + "\n",
		"node/kube-proxy.yaml": proxyConfig, "node/Corefile": corefile, "node/cni/10-ground.conflist": cniConfig,
	} {
		if err := os.WriteFile(g.dir.path(name), []byte(fill.Replace(text)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// pluginFolder is the folder that has the CNI plugins, or the usual one.
func pluginFolder(there func(string) bool) string {
	for _, folder := range pluginFolders {
		if there(folder + "/bridge") {
			return folder
		}
	}
	return pluginFolders[0]
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// importPause waits for containerd and gives it the image that holds a pod's
// namespaces; no registry is asked.
func (n *node) importPause(ctx context.Context) error {
	containerd := n.part("containerd").now
	err := until(ctx, n.children, containerd, "containerd accepts connections", func() error {
		conn, err := net.Dial("unix", containerdSocket)
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err != nil {
		return err
	}
	tar := n.dir.path("node/pause.tar")
	err = writeImage(tar, image{name: pauseImage, entrypoint: "/pause", files: map[string]string{"pause": n.tools.bin("pause")}})
	if err != nil {
		return fmt.Errorf("write the pause image: %w", err)
	}
	return runOnce("ctr", "--address="+containerdSocket, "--namespace=k8s.io", "images", "import", tar)
}
