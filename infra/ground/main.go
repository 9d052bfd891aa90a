// Command ground starts and stops a real Kubernetes control plane that comes
// from the Go module registry alone: no Docker, no kind, no release binaries.
// README.md beside this file says how to use it and what it costs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

const usage = `ground: a real Kubernetes control plane for tests and demos

  ground build  [--mode fleet|real] [--part NAME]
                                    build the pinned tools once, print their folder
  ground check  [--mode fleet|real] [--packages]
                                    say what this machine lacks; exit code 1 when it does
  ground start  [--mode fleet|real] [--dir DIR] [--nodes 3] [--gpu-nodes 0]
                [--volumes 20] [--timeout 6m] [--tie-to-pid PID] [--json]
                                    real: one real node, --nodes (1) are simulated beside it
  ground status --dir DIR [--json]  what runs; exit code 3 when nothing does
  ground stop   --dir DIR [--purge] end it, remove its data (logs too with --purge)
  ground kubectl --dir DIR -- ARGS  run the pinned kubectl against it
  ground env    --dir DIR           print shell lines: eval "$(ground env --dir DIR)"

With a real node (root on Linux):
  ground import --dir DIR FILE…     load images, as written by docker save
  ground forward --dir DIR [--port N] NAMESPACE/SERVICE:PORT | ADDRESS:PORT
                                    print a loopback address that leads there until stop
  ground exec   --dir DIR -- CMD    run a command inside the node's namespaces
  ground restart --dir DIR PART     end kubelet, containerd, kube-proxy or coredns and see it return
  ground image  OUT.tar NAME[,NAME…] FILE…
                                    write an image FROM scratch of programs; the first is its entrypoint

DIR defaults to a new folder for start. Tools are cached in
${TENANTRY_CACHE:-~/.cache/tenantry}/ground.
`

// errUsage marks a mistake in the command line: exit code 2, not 1.
var errUsage = errors.New("usage")

// exitCode lets a command choose its exit code without an error message.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() {
	// Children run in sessions of their own, so Ctrl-C reaches only this
	// program, which then stops them in order.
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	var code exitCode
	switch {
	case err == nil:
	case errors.As(err, &code):
		os.Exit(int(code))
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "ground: %v\n\n%s", err, usage)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "ground: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("runs on Linux only (this is %s): process identity comes from /proc; use a cluster of your own through KUBECONFIG instead", runtime.GOOS)
	}
	if len(args) == 0 {
		return fmt.Errorf("%w: name a command", errUsage)
	}
	commands := map[string]func(context.Context, []string, io.Writer) error{
		"build":   cmdBuild,
		"start":   cmdStart,
		"stop":    cmdStop,
		"status":  cmdStatus,
		"kubectl": cmdKubectl,
		"env":     cmdEnv,
		"check":   cmdCheck,
		"import":  cmdImport,
		"forward": cmdForward,
		"exec":    cmdExec,
		"restart": cmdRestart,
		"image":   cmdImage,
		// Internal: `start --tie-to-pid`, and the parts of a real ground.
		"watch": cmdWatch, "keep": cmdKeep, "init": cmdInit, "try": cmdTry,
	}
	switch args[0] {
	case "-h", "--help", "help":
		fmt.Fprint(out, usage)
		return nil
	}
	command, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%w: no command %q", errUsage, args[0])
	}
	return command(ctx, args[1:], out)
}

// parse reads flags and turns every mistake into errUsage.
func parse(fs *flag.FlagSet, args []string, positional bool) error {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Print(usage)
			return err
		}
		return fmt.Errorf("%w: %v", errUsage, err)
	}
	if !positional && fs.NArg() > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, fs.Arg(0))
	}
	return nil
}

func cmdBuild(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("build", flag.ContinueOnError)
	mode := fs.String("mode", "fleet", "")
	part := fs.String("part", "", "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	if _, ok := modes[*mode]; !ok {
		return fmt.Errorf("%w: no mode %q: use --mode fleet or --mode real", errUsage, *mode)
	}
	if *part != "" {
		return buildPart(ctx, *part, out)
	}
	// Progress goes to stderr so that `DIR=$(ground build)` works.
	tools, err := ensureTools(ctx, *mode, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, tools.Dir)
	return nil
}

func cmdStart(ctx context.Context, args []string, out io.Writer) error {
	opts := startOptions{}
	fs := flag.NewFlagSet("start", flag.ContinueOnError)
	fs.StringVar(&opts.mode, "mode", "fleet", "")
	fs.StringVar(&opts.dir, "dir", "", "")
	fs.IntVar(&opts.nodes, "nodes", -1, "")
	fs.IntVar(&opts.gpuNodes, "gpu-nodes", 0, "")
	fs.IntVar(&opts.volumes, "volumes", defaultVolumes, "")
	fs.DurationVar(&opts.timeout, "timeout", defaultTimeout, "")
	fs.IntVar(&opts.tieTo, "tie-to-pid", 0, "")
	fs.BoolVar(&opts.json, "json", false, "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	return start(ctx, opts, out)
}

func cmdStop(_ context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("stop", flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	purge := fs.Bool("purge", false, "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	d, err := existingDir(*dir)
	if err != nil {
		return err
	}
	return stop(d, *purge, out)
}

func cmdStatus(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("status", flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	asJSON := fs.Bool("json", false, "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	d, err := existingDir(*dir)
	if err != nil {
		return err
	}
	return status(ctx, d, *asJSON, out)
}

func cmdKubectl(_ context.Context, args []string, _ io.Writer) error {
	fs := flag.NewFlagSet("kubectl", flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	if err := parse(fs, args, true); err != nil {
		return err
	}
	d, st, err := runningDir(*dir)
	if err != nil {
		return err
	}
	env := append(os.Environ(), "KUBECONFIG="+d.kubeconfig())
	bin := st.Tools + "/kubectl"
	// exec, not a child: signals, terminal and exit code are kubectl's own.
	return fmt.Errorf("run %s: %w", bin, syscall.Exec(bin, append([]string{"kubectl"}, fs.Args()...), env))
}

func cmdEnv(_ context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("env", flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	if err := parse(fs, args, false); err != nil {
		return err
	}
	d, st, err := runningDir(*dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "export KUBECONFIG=%s\nexport PATH=%s:\"$PATH\"\n", shellQuote(d.kubeconfig()), shellQuote(st.Tools))
	return nil
}
