package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A ground with a real node is three programs, all of them this one:
//
//	start   prepares the folder, waits for the others' messages, and ends
//	keeper  stays on the machine: it makes the namespaces with their first
//	        process, carries connections into them (forward.go), and removes
//	        what outlives namespaces (control groups)
//	init    the first process inside (node.go): it starts all others, and its
//	        end is theirs
//
// Each watches a pipe whose other end the one before holds. So a start that is
// killed before its ground is ready ends the keeper, and a keeper that is
// killed, at any time, ends the ground.
const (
	keeperProcess = "keeper"
	firstProcess  = "init"
	realNode      = "real-0"
	apiPort       = 6443
	keepWord      = "keep\n"
)

// realFiles are what a real ground makes beside a fleet's files.
var realFiles = []string{"node", "root", "init.json", "keeper.sock"}

// nodeFolders are made before anything starts; var stands in for /var inside.
var nodeFolders = []string{"node/cni", "node/settings", "node/volumes", "node/var/lib", "node/var/log", "node/var/tmp", "node/var/cache"}

// nodeSpec is what init must know; it has no other word from outside.
type nodeSpec struct {
	Simulated int           `json:"simulated"`
	GPU       int           `json:"gpu"`
	Volumes   int           `json:"volumes"`
	Timeout   time.Duration `json:"timeout_ns"`
	Cgroup    string        `json:"cgroup"`
	Tools     toolset       `json:"tools"`
}

func (s nodeSpec) options() startOptions {
	return startOptions{mode: "real", nodes: s.Simulated, gpuNodes: s.GPU, volumes: s.Volumes, timeout: s.Timeout}
}

func loadSpec(d dir) (nodeSpec, error) {
	var spec nodeSpec
	data, err := os.ReadFile(d.path("init.json"))
	if err != nil {
		return spec, err
	}
	return spec, json.Unmarshal(data, &spec)
}

// message is a line on the pipe from keeper and init to start.
type message struct {
	Line    string   `json:"line,omitempty"` // for people
	Process *process `json:"process,omitempty"`
	Error   string   `json:"error,omitempty"`
	Ready   bool     `json:"ready,omitempty"`
}

// startReal runs on the machine's side.
func startReal(ctx context.Context, g *ground) error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := g.prepareReal(listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	lifeline, messages, err := g.launchKeeper(listener)
	if err != nil {
		return err
	}
	defer lifeline.Close()
	defer messages.Close()
	if err := g.follow(ctx, messages); err != nil {
		return err
	}
	// From here on the ground lives without this program.
	_, err = io.WriteString(lifeline, keepWord)
	return err
}

func (g *ground) prepareReal(port int) error {
	for _, name := range nodeFolders {
		if err := os.MkdirAll(g.dir.path(name), 0o755); err != nil {
			return err
		}
	}
	inside := endpoint{ip: nodeIPv4, port: apiPort}
	g.state.Server = fmt.Sprintf("https://127.0.0.1:%d", port)
	g.state.Ports["kube-apiserver"] = port
	g.state.Real = g.describe()
	plan := pkiPlan{
		outside: g.state.Server, inside: inside.url(), kubelet: net.ParseIP(nodeIPv4),
		ips: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(nodeIPv4), net.ParseIP(serviceIP)},
	}
	if err := writePKI(g.dir, plan); err != nil {
		return err
	}
	if err := g.writeConfigs(); err != nil {
		return err
	}
	if err := g.writeNodeConfigs(); err != nil {
		return err
	}
	spec, err := json.Marshal(nodeSpec{
		Simulated: g.opts.nodes, GPU: g.opts.gpuNodes, Volumes: g.opts.volumes,
		// Shorter than start's own, so that what was waited for can be told.
		Timeout: g.opts.timeout - g.opts.timeout/10,
		Cgroup:  g.state.Real.Cgroup, Tools: g.tools,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(g.dir.path("init.json"), spec, 0o600); err != nil {
		return err
	}
	return g.state.save(g.dir)
}

func (g *ground) describe() *realState {
	r := &realState{
		Node: realNode, Address: nodeIPv4, Simulated: []string{}, Taint: simulatedTaint + "=true:NoSchedule",
		Volumes: g.dir.path("node/volumes"), Cgroup: cgroupName(g.dir), Commands: map[string][]string{},
	}
	for i := range g.opts.nodes {
		r.Simulated = append(r.Simulated, fmt.Sprintf("%s-%d", g.opts.simulatedPrefix(), i))
	}
	self := wrapper()
	if abs, err := filepath.Abs(self); err == nil && self != "ground" {
		self = abs
	} else if exe, err := os.Executable(); err == nil {
		self = exe
	}
	for _, name := range []string{"import", "forward", "exec", "restart", "stop"} {
		r.Commands[name] = []string{self, name, "--dir", string(g.dir)}
	}
	r.Commands["exec"] = append(r.Commands["exec"], "--")
	return r
}

// launchKeeper starts the keeper; it lives for as long as the lifeline is
// open, and on its own once it has read the keep word.
func (g *ground) launchKeeper(listener net.Listener) (lifeline, messages *os.File, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	api, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, nil, err
	}
	defer api.Close()
	stdin, lifeline, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer stdin.Close()
	messages, report, err := os.Pipe()
	if err != nil {
		lifeline.Close()
		return nil, nil, err
	}
	defer report.Close()
	for _, name := range []string{keeperProcess, firstProcess} {
		_ = os.Remove(g.dir.log(name))
	}
	cmd := exec.Command(self, "keep", "--dir="+string(g.dir))
	cmd.Env, cmd.Stdin, cmd.ExtraFiles = bareEnv(g.dir), stdin, []*os.File{report, api}
	c, err := begin(g.dir, keeperProcess, cmd)
	if err != nil {
		lifeline.Close()
		messages.Close()
		return nil, nil, err
	}
	g.children = append(g.children, c)
	return lifeline, messages, g.record(c.process)
}

// follow reads messages until the ground is ready.
func (g *ground) follow(ctx context.Context, messages *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = messages.SetReadDeadline(time.Now()) })
	defer stop()
	lines := bufio.NewScanner(messages)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return fmt.Errorf("a message from inside the ground is unreadable: %w", err)
		}
		switch {
		case m.Error != "":
			return errors.New(m.Error)
		case m.Process != nil:
			if err := g.record(*m.Process); err != nil {
				return err
			}
		case m.Ready:
			return nil
		default:
			fmt.Fprint(g.out, m.Line)
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return errors.New("interrupted while the ground starts")
	}
	// Its own log says more than that it ended.
	first := &child{process: process{Name: firstProcess}, log: g.dir.log(firstProcess)}
	if ctx.Err() != nil {
		return first.failure("is not ready in time; a slow machine may need a larger --timeout")
	}
	if line := lastRelevantLine(first.log); line == "" {
		return g.children[len(g.children)-1].failure("ended while the ground starts")
	}
	return first.failure("ended while the ground starts")
}

// sender writes messages; as an io.Writer, lines for people.
type sender struct{ to *os.File }

func (s sender) send(m message) {
	data, err := json.Marshal(m)
	if err == nil {
		_, _ = s.to.Write(append(data, '\n')) // short enough to arrive whole
	}
}

func (s sender) Write(line []byte) (int, error) {
	s.send(message{Line: string(line)})
	return len(line), nil
}
