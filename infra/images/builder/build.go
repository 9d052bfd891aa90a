package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// images are the names of what is built; each has NAME.tar and NAME.cdx.json.
var images = []string{"tenantry", "sample"}

type buildOptions struct {
	libc, only, revision string
	created              int64
}

func (o *buildOptions) flags(fs *flag.FlagSet) {
	fs.StringVar(&o.libc, "libc", "", "musl or gnu; musl where that can be had without it")
	fs.StringVar(&o.only, "only", "", "one of the images")
	fs.StringVar(&o.revision, "revision", "", "of the sources; what git says without it")
	fs.Int64Var(&o.created, "created", 0, "seconds since 1970, with --revision")
}

func (o *buildOptions) check() error {
	if !slices.Contains([]string{"", "musl", "gnu"}, o.libc) {
		return fmt.Errorf("%w: --libc %q: write musl or gnu", errUsage, o.libc)
	}
	if o.only != "" && !slices.Contains(images, o.only) {
		return fmt.Errorf("%w: --only %q: write one of %v", errUsage, o.only, images)
	}
	if o.created < 0 || (o.created > 0 && o.revision == "") {
		return fmt.Errorf("%w: --created %d: write seconds since 1970, and --revision with them", errUsage, o.created)
	}
	return nil
}

func cmdBuild(ctx context.Context, args []string, out io.Writer) error {
	o := buildOptions{}
	fs := flag.NewFlagSet("build", flag.ContinueOnError)
	o.flags(fs)
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
	folder, err := build(ctx, o, p, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, folder)
	return nil
}

// where are the folders that a build works with: the checkout, what is kept, and where it compiles.
type where struct{ root, cache, work string }

func (w where) kept(key string) string { return filepath.Join(w.cache, "images", key) }

// places takes them from the environment that scripts/images sets.
func places() (where, error) {
	root := os.Getenv("IMAGES_ROOT")
	cache := os.Getenv("TENANTRY_CACHE")
	if root == "" || cache == "" {
		return where{}, errors.New("IMAGES_ROOT or TENANTRY_CACHE is not set: start this by scripts/images")
	}
	return where{root: root, cache: cache, work: filepath.Join(cache, "images")}, nil
}

// build finds or makes the folder of the images of these sources.
func build(ctx context.Context, o buildOptions, p where, progress io.Writer) (string, error) {
	s, err := look(ctx, p.root, o.revision, o.created)
	if err != nil {
		return "", err
	}
	t, err := tools(ctx, p.root, o.libc, progress)
	if err != nil {
		return "", err
	}
	done, there, err := made(s, t, o, p)
	if err != nil || there {
		return done, err
	}
	release, err := buildLock(filepath.Join(p.work, ".lock"), progress)
	if err != nil {
		return "", err
	}
	defer release()
	if s, err = mirrored(ctx, s, filepath.Join(p.work, "source")); err != nil {
		return "", err
	}
	// Whoever held the lock has perhaps built them meanwhile; and what is built is what was copied, also
	// when somebody writes into the checkout right now.
	done, there, err = made(s, t, o, p)
	if err != nil || there {
		return done, err
	}
	if err := os.MkdirAll(filepath.Dir(done), 0o755); err != nil {
		return "", err
	}
	sweep(filepath.Dir(done))
	return done, fill(ctx, s, t, o, p, done, progress)
}

// made is the folder of the images of these sources, and whether it is there.
func made(s source, t toolchain, o buildOptions, p where) (string, bool, error) {
	key, err := s.key(append(slices.Clone(t.facts), o.only))
	if err != nil {
		return "", false, err
	}
	_, err = os.Stat(p.kept(key))
	return p.kept(key), err == nil, nil
}

// unfinished is how folders are called while they are filled.
const unfinished = ".building-"

// sweep removes what killed builds left; the lock says that none is running.
func sweep(folder string) {
	old, _ := filepath.Glob(filepath.Join(folder, unfinished+"*"))
	for _, left := range old {
		_ = os.RemoveAll(left)
	}
}

// buildLock is dropped by the kernel when its holder dies.
func buildLock(path string, progress io.Writer) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		fmt.Fprintln(progress, "images: another run is building; waiting for it")
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// fill builds into a temporary folder and renames it: a folder with the final name is complete.
func fill(ctx context.Context, s source, t toolchain, o buildOptions, p where, done string, progress io.Writer) error {
	began := time.Now()
	tmp, err := os.MkdirTemp(filepath.Dir(done), unfinished)
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "tenantry-images-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	for _, name := range images {
		if o.only != "" && o.only != name {
			continue
		}
		if err := one(ctx, s, t, p, name, tmp, scratch, progress); err != nil {
			return err
		}
	}
	if err := os.Rename(tmp, done); err != nil {
		return err
	}
	fmt.Fprintf(progress, "images: built in %.1f s\n", time.Since(began).Seconds())
	return nil
}

// one builds an image and its bill of materials.
func one(ctx context.Context, s source, t toolchain, p where, name, into, scratch string, progress io.Writer) error {
	var image spec
	var err error
	if name == "tenantry" {
		image, err = tenantry(ctx, s, t, p, progress)
	} else {
		image, err = sample(ctx, s, scratch)
	}
	if err != nil {
		return err
	}
	for _, e := range slices.Concat(image.layers...) {
		if e.path == image.labels[labelBOM] {
			if err := os.WriteFile(filepath.Join(into, name+".cdx.json"), e.body, 0o644); err != nil {
				return err
			}
		}
	}
	return image.write(filepath.Join(into, name+".tar"))
}

// described are the labels of one of the project's own images.
func (s source) described(title, description string) map[string]string {
	return map[string]string{
		labelTitle: title, labelDescription: description, labelVersion: s.version, labelRevision: s.revision,
		labelSource: s.homepage, labelLicenses: s.licence, labelBOM: "/usr/share/sbom/" + title + ".cdx.json",
	}
}

// tenantry is the image of operator, API server, gateway and jobs.
func tenantry(ctx context.Context, s source, t toolchain, p where, progress io.Writer) (spec, error) {
	built, err := compileRust(ctx, s, t, filepath.Join(p.work, "target"), progress)
	if err != nil {
		return spec{}, err
	}
	parts, err := crates(ctx, s, t)
	if err != nil {
		return spec{}, err
	}
	more, err := beneath(t)
	if err != nil {
		return spec{}, err
	}
	materials, err := bom(s, "tenantry", append(parts, more...))
	if err != nil {
		return spec{}, err
	}
	licence, err := os.ReadFile(filepath.Join(s.root, "LICENSE"))
	if err != nil {
		return spec{}, err
	}
	labels := s.described("tenantry", "Operator, API server, usage gateway and jobs of Tenantry")
	labels[labelLibc] = t.libc
	still := []entry{
		file(caFile, 0o644, roots()),
		file("/usr/share/doc/tenantry/LICENSE", 0o644, licence),
		folder("/tmp", 0o1777, 0),
		// Where the ledger is unless told otherwise; a volume that an engine makes there takes its owner over.
		folder("/storage", 0o755, nonroot),
		folder("/storage/billing", 0o700, nonroot),
	}
	moving := []entry{file(labels[labelBOM], 0o644, materials), file("/"+binary, 0o755, built)}
	for _, name := range links {
		moving = append(moving, link("/"+name, binary))
	}
	return spec{
		ref: "tenantry.dev/tenantry:" + s.version, entrypoint: []string{"/api-server"}, user: fmt.Sprintf("%d:%d", nonroot, nonroot),
		expose: []string{"8080", "8081"}, labels: labels, created: s.created, layers: [][]entry{still, moving},
	}, nil
}

// sample is the image that the examples run.
func sample(ctx context.Context, s source, scratch string) (spec, error) {
	program, err := compileGo(ctx, s, "sample", scratch)
	if err != nil {
		return spec{}, err
	}
	parts, err := modules(program)
	if err != nil {
		return spec{}, err
	}
	materials, err := bom(s, "sample", parts)
	if err != nil {
		return spec{}, err
	}
	labels := s.described("sample", "The service that Tenantry's examples run")
	return spec{
		ref: "tenantry.dev/sample:" + s.version, entrypoint: []string{"/sample"}, user: fmt.Sprintf("%d:%d", nonroot, nonroot),
		expose: []string{"8080"}, labels: labels, created: s.created,
		layers: [][]entry{{file("/sample", 0o755, program), file(labels[labelBOM], 0o644, materials)}},
	}, nil
}

// same compares two folders of images, bit for bit.
func same(a, b string, only string) error {
	for _, name := range images {
		if only != "" && only != name {
			continue
		}
		left, err := os.ReadFile(filepath.Join(a, name+".tar"))
		if err != nil {
			return err
		}
		right, err := os.ReadFile(filepath.Join(b, name+".tar"))
		if err != nil {
			return err
		}
		if !bytes.Equal(left, right) {
			return fmt.Errorf("%s.tar came out otherwise: compare %s and %s", name, a, b)
		}
	}
	return nil
}
