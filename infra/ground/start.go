package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const defaultTimeout = 6 * time.Minute

type startOptions struct {
	mode            string
	dir             string
	nodes, gpuNodes int // simulated ones; -1 stands for the mode's own count
	volumes         int // that wait for claims on the real node
	timeout         time.Duration
	tieTo           int
	json            bool
}

// ground is one start in progress.
type ground struct {
	opts     startOptions
	dir      dir
	tools    toolset
	state    *state
	children []*child
	out      io.Writer // for people; silent with --json
	inside   bool      // runs in a real ground's namespaces, where state.json is not kept
}

// modes are the ways to bring a control plane up. Each gets a prepared folder
// and returns once everything it started is ready; on an error, start stops
// whatever it launched.
var modes = map[string]func(context.Context, *ground) error{
	"fleet": startFleet,
	"real":  startReal,
}

// limits of --nodes and its default; a real ground's simulated nodes have
// addresses that must stay away from those of its pods.
var nodeLimits = map[string]struct{ least, most, usual int }{
	"fleet": {1, maxNodes, 3},
	"real":  {0, 16, 1},
}

func (o *startOptions) check() error {
	limits, ok := nodeLimits[o.mode]
	if !ok {
		return fmt.Errorf("%w: no mode %q: use --mode fleet or --mode real", errUsage, o.mode)
	}
	if o.nodes == -1 {
		o.nodes = limits.usual
	}
	if o.nodes < limits.least || o.nodes > limits.most {
		return fmt.Errorf("%w: --nodes must be %d to %d, not %d", errUsage, limits.least, limits.most, o.nodes)
	}
	if o.mode == "real" && (o.volumes < 1 || o.volumes > maxVolumes) {
		return fmt.Errorf("%w: --volumes must be 1 to %d, not %d", errUsage, maxVolumes, o.volumes)
	}
	if o.gpuNodes < 0 || o.gpuNodes > o.nodes {
		return fmt.Errorf("%w: --gpu-nodes must be 0 to --nodes (%d), not %d", errUsage, o.nodes, o.gpuNodes)
	}
	return nil
}

func start(ctx context.Context, opts startOptions, out io.Writer) error {
	if err := opts.check(); err != nil {
		return err
	}
	if opts.mode == "real" {
		if gaps := realGaps(thisMachine()); len(gaps) > 0 {
			return refusal(gaps)
		}
	}
	tools, err := ensureTools(ctx, opts.mode, os.Stderr)
	if err != nil {
		return err
	}
	d, err := newDir(opts.dir, opts.mode)
	if err != nil {
		return err
	}
	release, err := lock(d.path(".lock"), 0)
	if errors.Is(err, errLocked) {
		return fmt.Errorf("another `ground start` or `stop` works on %s: wait for it, or use another --dir", d)
	}
	if err != nil {
		return err
	}
	defer release()
	g := &ground{opts: opts, dir: d, tools: tools, out: out}
	if opts.json {
		g.out = io.Discard
	}
	if err := g.prepare(); err != nil {
		return err
	}
	begin := time.Now()
	if err := g.bringUp(ctx); err != nil {
		if cleanErr := takeDown(d, g.state, false); cleanErr != nil {
			err = fmt.Errorf("%w\nand then: %w", err, cleanErr)
		}
		return err
	}
	g.state.Phase, g.state.ReadyIn = "ready", time.Since(begin).Seconds()
	if err := g.state.save(d); err != nil {
		return err
	}
	return g.report(out)
}

// prepare makes an empty, private folder out of a new or an old one.
func (g *ground) prepare() error {
	old, err := loadState(g.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	case old.alive():
		return fmt.Errorf("a ground runs in %s already: stop it with `ground stop --dir %s`, or use another --dir", g.dir, g.dir)
	default: // its processes died, for example with the machine
		if err := takeDown(g.dir, old, false); err != nil {
			return err
		}
	}
	for _, name := range []string{"pki", "logs", "etcd"} {
		if err := os.MkdirAll(g.dir.path(name), 0o700); err != nil {
			return err
		}
	}
	// An old audit log would answer for the wrong run.
	if err := os.Remove(g.dir.auditLog()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	self, err := identify("ground start", os.Getpid())
	if err != nil {
		return err
	}
	g.state = &state{
		Mode: g.opts.mode, Phase: "starting", Dir: string(g.dir), StartedAt: time.Now().UTC(),
		Config: g.dir.kubeconfig(), AuditLog: g.dir.auditLog(), Tools: g.tools.Dir,
		Versions: g.tools.Versions, Ports: map[string]int{}, Nodes: g.opts.nodes,
		Starter: self, Processes: []process{},
	}
	return g.state.save(g.dir)
}

func (g *ground) bringUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, g.opts.timeout)
	defer cancel()
	if g.opts.tieTo != 0 {
		if err := g.tie(); err != nil {
			return err
		}
	}
	fmt.Fprintf(g.out, "Tenantry ground · %s · folder %s\n", g.opts.mode, g.dir)
	return modes[g.opts.mode](ctx, g)
}

// launch starts a tool and records it at once.
func (g *ground) launch(name string, args ...string) (*child, error) {
	c, err := launch(g.dir, name, g.tools.bin(name), args...)
	if err != nil {
		return nil, err
	}
	g.children = append(g.children, c)
	return c, g.record(c.process)
}

// record writes down at once what was started, so that stop finds it.
func (g *ground) record(p process) error {
	if g.inside {
		return nil // the first process ends them all
	}
	g.state.Processes = append(g.state.Processes, p)
	return g.state.save(g.dir)
}

// phase prints one line of the summary when a part is ready.
func (g *ground) phase(name, what string, since time.Time) {
	pad := max(0, 68-len([]rune(what)))
	fmt.Fprintf(g.out, "  %-15s %s%s  ready %5.1f s\n", name, what, strings.Repeat(" ", pad), time.Since(since).Seconds())
}

// short is a version without its patch level, as people say it.
func (g *ground) short(tool string) string {
	parts := strings.SplitN(g.tools.Versions[tool], ".", 3)
	return strings.Join(parts[:2], ".")
}

func (g *ground) report(out io.Writer) error {
	if g.opts.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(g.state)
	}
	self := wrapper()
	quoted := string(g.dir)
	if strings.ContainsAny(quoted, " '\"$") {
		quoted = shellQuote(quoted)
	}
	fmt.Fprintf(out, "  %-15s export KUBECONFIG=%s\n", "use it", filepath.Join(quoted, "kubeconfig"))
	fmt.Fprintf(out, "  %-15s %s kubectl --dir %s -- get nodes\n", "or", self, quoted)
	if g.state.Real != nil {
		fmt.Fprintf(out, "  %-15s %s import --dir %s IMAGE.tar\n", "images", self, quoted)
		fmt.Fprintf(out, "  %-15s %s forward --dir %s NAMESPACE/SERVICE:PORT\n", "reach a service", self, quoted)
	}
	fmt.Fprintf(out, "  %-15s %s stop --dir %s\n", "stop it", self, quoted)
	return nil
}

// wrapper is what people call this program.
func wrapper() string {
	if name := os.Getenv("GROUND_WRAPPER"); name != "" {
		return name
	}
	return "ground"
}
