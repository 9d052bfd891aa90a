package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// cmdVerify makes the images a second time and compares: from the same programs, which is quick and
// shows that packing is the same; or from sources in another folder, with nothing compiled yet, which shows it of everything.
func cmdVerify(ctx context.Context, args []string, out io.Writer) error {
	o := buildOptions{}
	fs := flag.NewFlagSet("verify", flag.ContinueOnError)
	o.flags(fs)
	compile := fs.Bool("compile", false, "compile everything again, elsewhere")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	p, err := places()
	if err != nil {
		return err
	}
	first, err := build(ctx, o, p, os.Stderr)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "tenantry-images-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	second, err := again(ctx, o, p, *compile, scratch)
	if err != nil {
		return err
	}
	if err := same(first, second, o.only); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: the same bits a second time\n", first)
	return nil
}

func again(ctx context.Context, o buildOptions, p where, compile bool, scratch string) (string, error) {
	elsewhere := where{root: p.root, cache: filepath.Join(scratch, "cache"), work: p.work}
	if compile {
		elsewhere.work = filepath.Join(scratch, "work")
	}
	return build(ctx, o, elsewhere, os.Stderr)
}
