// Command builder makes the project's container images without a container engine: it compiles the
// programs, puts them into layers that come out the same on every run, and writes docker-archive tars.
// README.md in the folder above says how to use it and what it costs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `images: container images FROM scratch, made without a container engine

  images build [--libc musl|gnu]      build tenantry.tar and sample.tar once; print their folder
         [--only NAME] [--revision R] [--created SECONDS]
  images verify [--compile]           pack again from the same programs, or compile all of it again in
                                      another folder, and compare bit for bit
  images pack --name REF --binary FILE --out FILE [--entrypoint PATH] [--user UID:GID]
         [--file SOURCE=/PATH]… [--label KEY=VALUE]… [--expose PORT]… [--ca] [--created SECONDS]
                                      any static binary as an image
  images inspect FILE                 what is in an image's tar, as JSON
  images unpack FILE DIR              its files in a folder
  images context FILE DIR             its files in two folders, files/ and owned/, for a Dockerfile

Tars are cached in ${TENANTRY_CACHE:-~/.cache/tenantry}/images.
`

// errUsage marks a mistake in the command line: exit code 2, not 1.
var errUsage = errors.New("usage")

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout)
	cancel()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "images: %v\n\n%s", err, usage)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "images: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: name a command", errUsage)
	}
	commands := map[string]func(context.Context, []string, io.Writer) error{
		"build":   cmdBuild,
		"verify":  cmdVerify,
		"pack":    cmdPack,
		"inspect": cmdInspect,
		"unpack":  cmdUnpack,
		"context": cmdContext,
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

// parse reads flags, wants so many arguments after them, and turns every mistake into errUsage.
func parse(fs *flag.FlagSet, args []string, positional int) error {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Print(usage)
			return err
		}
		return fmt.Errorf("%w: %v", errUsage, err)
	}
	if fs.NArg() != positional {
		return fmt.Errorf("%w: %s takes %d arguments, not %d", errUsage, fs.Name(), positional, fs.NArg())
	}
	return nil
}
