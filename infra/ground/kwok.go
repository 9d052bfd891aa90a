package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:embed files/kwok.yaml
var kwokConfig []byte

// Our own stages: pods that fail on demand. README.md has the table.
//
//go:embed stages
var ownStages embed.FS

const (
	maxNodes = 1024
	// podRange holds the addresses of all simulated pods, away from
	// serviceCIDR; each node gets an equal part.
	podRange     = "10.128.0.0"
	podRangeBits = 9
)

// failKind is a jq expression, put wherever a stage says @KIND@: how a pod
// is meant to fail. The annotation (or label) of that pod wins; otherwise an
// image called …/fail/KIND decides, init containers first; else "none".
const failKind = `(((.metadata.annotations["ground.tenantry.dev/fail"] // .metadata.labels["ground.tenantry.dev/fail"]) | select(. != "")) ` +
	`// ([.spec.initContainers[]?.image | capture("(^|/)fail/(?<k>[a-z]+)([:@]|$)") | "init-" + .k] | first) ` +
	`// ([.spec.containers[].image | capture("(^|/)fail/(?<k>[a-z]+)([:@]|$)") | .k] | first) // "none")`

// failMarker is what our stages remember in a condition of the pod: the kind
// of failure that it is in, or "none".
const failMarker = `([.status.conditions[]? | select(.type == "ground.tenantry.dev/Failing" and .status == "True") | .reason] | first // "none")`

// writeKwokConfig puts settings and all stages into the one file kwok reads.
func (g *ground) writeKwokConfig() error {
	shipped, err := filepath.Glob(filepath.Join(g.tools.Dir, "stages", "*.yaml"))
	if err != nil || len(shipped) == 0 {
		return fmt.Errorf("no stage files in %s: remove that folder and run `ground build`", g.tools.Dir)
	}
	out := bytes.NewBuffer(bytes.Clone(kwokConfig))
	for _, file := range shipped {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n---\n%s", data)
	}
	own, err := renderStages()
	if err != nil {
		return err
	}
	out.WriteString(own)
	return os.WriteFile(g.dir.path("kwok.yaml"), out.Bytes(), 0o600)
}

// include is a line of a stage file that stands for a template file.
var include = regexp.MustCompile(`(?m)^( *)@include (\S+)@$`)

// renderStages fills shared expressions and templates into our stage files.
func renderStages() (string, error) {
	files, err := fs.Glob(ownStages, "stages/*.yaml")
	if err != nil {
		return "", err
	}
	var out strings.Builder
	fill := strings.NewReplacer("@KIND@", yamlSingle(failKind), "@MARKER@", yamlSingle(failMarker))
	for _, file := range files {
		data, err := ownStages.ReadFile(file)
		if err != nil {
			return "", err
		}
		text := include.ReplaceAllStringFunc(fill.Replace(string(data)), func(line string) string {
			m := include.FindStringSubmatch(line)
			template, readErr := ownStages.ReadFile("stages/" + m[2])
			err = errors.Join(err, readErr)
			return m[1] + strings.ReplaceAll(strings.TrimSpace(string(template)), "\n", "\n"+m[1])
		})
		if err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		out.WriteString("\n---\n" + text)
	}
	return out.String(), nil
}

// yamlSingle escapes text for a single-quoted YAML string.
func yamlSingle(s string) string { return strings.ReplaceAll(s, "'", "''") }

// simulatedNode is a node that kwok keeps Ready. It is roomy enough that
// scheduling never depends on its size.
func simulatedNode(i int, opts startOptions) map[string]any {
	name := fmt.Sprintf("%s-%d", opts.simulatedPrefix(), i)
	size := map[string]string{"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "100Ti", "pods": "100000"}
	labels := map[string]string{
		"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "type": "kwok",
		"topology.kubernetes.io/region": "ground", "topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", i%3),
	}
	if i >= opts.nodes-opts.gpuNodes {
		size["nvidia.com/gpu"] = "1000"
		labels["nvidia.com/gpu.present"] = "true"
	}
	cidr := podCIDR(i, opts.nodes)
	spec := map[string]any{"podCIDR": cidr, "podCIDRs": []string{cidr}}
	if opts.mode == "real" {
		spec["taints"] = []map[string]string{{"key": simulatedTaint, "value": "true", "effect": "NoSchedule"}}
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "Node",
		"metadata": map[string]any{
			"name": name, "labels": labels,
			"annotations": map[string]string{"kwok.x-k8s.io/node": "fake"},
		},
		"spec": spec,
		"status": map[string]any{
			"allocatable": size, "capacity": size,
			"addresses": []map[string]string{{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": nodeIP(i)}},
		},
	}
}

// podCIDR is node i's part of podRange. kwok counts addresses up and never
// looks at the end of the range, so parts must be too large to run out.
func podCIDR(i, nodes int) string {
	prefix := podRangeBits + max(5, bits.Len(uint(nodes-1)))
	ip := net.ParseIP(podRange).To4()
	base := uint32(ip[0])<<24 | uint32(ip[1])<<16
	base += uint32(i) << (32 - prefix)
	return fmt.Sprintf("%d.%d.%d.%d/%d", byte(base>>24), byte(base>>16), byte(base>>8), byte(base), prefix)
}

// nodeIP is an address just below podRange; nothing listens there.
func nodeIP(i int) string { return fmt.Sprintf("10.127.%d.%d", i/250, i%250+1) }

// simulatedTaint keeps what does not ask for it off the simulated nodes of a
// ground that has a real one.
const simulatedTaint = "tenantry.dev/simulated"

// simulatedPrefix is what the names of simulated nodes begin with.
func (o startOptions) simulatedPrefix() string {
	if o.mode == "real" {
		return "simulated"
	}
	return "node"
}

type nodeList struct {
	Items []struct {
		Metadata struct {
			Name        string
			Annotations map[string]string
		}
		Spec   struct{ Taints []struct{ Key string } }
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
}

// pending names a node that cannot take pods yet.
func (l nodeList) pending() string {
	for _, n := range l.Items {
		ready := false
		for _, c := range n.Status.Conditions {
			ready = ready || c.Type == "Ready" && c.Status == "True"
		}
		for _, t := range n.Spec.Taints {
			ready = ready && t.Key == simulatedTaint
		}
		if !ready {
			return n.Metadata.Name
		}
	}
	return ""
}

// awaitNodes waits until the scheduler may use every node: Ready, and without
// the taint that a new node carries.
func (g *ground) awaitNodes(ctx context.Context, client *api, count int) error {
	blame := g.children[len(g.children)-1] // kwok or kubelet, launched last
	return until(ctx, g.children, blame, "all nodes are Ready", func() error {
		var nodes nodeList
		if err := client.do(ctx, "GET", "/api/v1/nodes", nil, &nodes); err != nil {
			return err
		}
		if len(nodes.Items) < count {
			return fmt.Errorf("%d of %d nodes are registered", len(nodes.Items), count)
		}
		if name := nodes.pending(); name != "" {
			return errors.New(name + " is not Ready")
		}
		return nil
	})
}
