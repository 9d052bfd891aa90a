package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// cmdVerify makes the images a second time and compares: from the same programs, which is quick and
// shows that packing is the same; or from a copy of the sources in another folder, with nothing
// compiled yet, which shows it of everything.
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
	elsewhere := where{root: p.root, cache: filepath.Join(scratch, "cache"), target: p.target}
	if compile {
		s, err := look(ctx, p.root, o.revision, o.created)
		if err != nil {
			return "", err
		}
		o.revision, o.created = s.revision, s.created.Unix()
		elsewhere.root, elsewhere.target = filepath.Join(scratch, "a/copy"), filepath.Join(scratch, "target")
		if err := copySources(ctx, p.root, elsewhere.root); err != nil {
			return "", err
		}
	}
	return build(ctx, o, elsewhere, os.Stderr)
}

// copySources copies what git tracks, and what it would if it were told.
func copySources(ctx context.Context, from, to string) error {
	list, err := output(ctx, from, "git", "-c", "safe.directory="+from, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return fmt.Errorf("git ls-files in %s: %w", from, err)
	}
	for name := range strings.SplitSeq(strings.Trim(list, "\x00"), "\x00") {
		body, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}
