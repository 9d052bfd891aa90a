package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// As long as the kubelet's, which renews a token when a fifth of its life is left; here sooner, so
	// that a machine that slept wakes up with one that is still good.
	life  = time.Hour
	renew = life / 6
	// What the issuer calls each account's uid: there is no cluster to have given one.
	uid = "compose"
)

// issuer is what a cluster is to its pods: it signs who they are and puts that into files.
type issuer struct {
	name, namespace      string
	keysFile, secretFile string
	tokens               []projected
	key                  *ecdsa.PrivateKey
	kid                  string
	until                atomic.Int64
}

// projected is a token in a file: for a ServiceAccount, to an audience.
type projected struct{ account, audience, file string }

// newIssuer reads the environment; each complaint names the variable. Its key is made here and nowhere
// kept: whoever trusts it reads the keys' file again when it meets one that it does not know.
func newIssuer(get func(string) string) (*issuer, error) {
	i := &issuer{
		name: get("IDENTITY_ISSUER"), namespace: get("IDENTITY_NAMESPACE"),
		keysFile: get("IDENTITY_KEYS_FILE"), secretFile: get("IDENTITY_SECRET_FILE"),
	}
	for name, value := range map[string]string{"IDENTITY_ISSUER": i.name, "IDENTITY_NAMESPACE": i.namespace, "IDENTITY_KEYS_FILE": i.keysFile} {
		if value == "" {
			return nil, fmt.Errorf("%s is not set", name)
		}
	}
	for one := range strings.SplitSeq(get("IDENTITY_TOKENS"), ",") {
		words := strings.Fields(one)
		if len(words) != 3 {
			return nil, fmt.Errorf("IDENTITY_TOKENS has %q: write ACCOUNT AUDIENCE FILE, separated by commas", strings.TrimSpace(one))
		}
		i.tokens = append(i.tokens, projected{words[0], words[1], words[2]})
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	i.key, i.kid = key, rand.Text()
	return i, nil
}

// publish writes the keys first: a token of a key that nobody can know is of no use.
func (i *issuer) publish(now time.Time) error {
	keys, err := i.keys()
	if err != nil {
		return err
	}
	if err := put(i.keysFile, keys); err != nil {
		return fmt.Errorf("IDENTITY_KEYS_FILE: %w", err)
	}
	if err := i.secret(); err != nil {
		return fmt.Errorf("IDENTITY_SECRET_FILE: %w", err)
	}
	for _, p := range i.tokens {
		token, err := i.token(p, now)
		if err != nil {
			return err
		}
		if err := put(p.file, []byte(token)); err != nil {
			return fmt.Errorf("IDENTITY_TOKENS: %w", err)
		}
	}
	i.until.Store(now.Add(life).Unix())
	return nil
}

// secret makes what people's development tokens are signed with, once: it stays while the volume does.
func (i *issuer) secret() error {
	if i.secretFile == "" {
		return nil
	}
	if _, err := os.Stat(i.secretFile); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	return put(i.secretFile, []byte(hex.EncodeToString(secret)))
}

func (i *issuer) keys() ([]byte, error) {
	point, err := i.key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	// 4, then both coordinates.
	half := (len(point) - 1) / 2
	return json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": i.kid,
		"x": base64url(point[1 : 1+half]), "y": base64url(point[1+half:]),
	}}})
}

// token says what Kubernetes says of a pod: no `typ`, and `aud` a list.
func (i *issuer) token(p projected, now time.Time) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": i.kid})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": i.name, "sub": "system:serviceaccount:" + i.namespace + ":" + p.account, "aud": []string{p.audience},
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      i.namespace,
			"serviceaccount": map[string]string{"name": p.account, "uid": uid},
		},
	})
	if err != nil {
		return "", err
	}
	signed := base64url(header) + "." + base64url(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64url(signature), nil
}

func base64url(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }

// put replaces a file at once, so that nobody reads half of one.
func put(path string, body []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(body); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// keep renews the tokens until the context ends. What fails is tried again soon; the files that are
// there are good for longer than that.
func (i *issuer) keep(ctx context.Context, pause time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if err := i.publish(time.Now()); err != nil {
			slog.Error("tokens not renewed", "error", err)
		}
	}
}

// routes says whether the tokens that are in the files are good.
func (i *issuer) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if time.Now().Unix() >= i.until.Load() {
			http.Error(w, "the tokens have expired", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	return mux
}
