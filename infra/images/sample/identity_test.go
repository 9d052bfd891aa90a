package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// environment is what `identity` needs, with files in a folder of the test.
func environment(t *testing.T) (map[string]string, string) {
	t.Helper()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	return map[string]string{
		"IDENTITY_ISSUER": "here", "IDENTITY_NAMESPACE": "tenant-acme", "IDENTITY_KEYS_FILE": at("jwks.json"),
		"IDENTITY_SECRET_FILE": at("secret"),
		"IDENTITY_TOKENS":      "tenantry-gateway tenantry-gateway " + at("gateway") + ",\n  core tenantry-usage " + at("core"),
	}, folder
}

func made(t *testing.T, env map[string]string) *issuer {
	t.Helper()
	i, err := newIssuer(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// claims checks a token by the keys that were written, as one who trusts them does.
func claims(t *testing.T, keys, token string) map[string]any {
	t.Helper()
	var set struct {
		Keys []struct{ Kid, X, Y, Kty, Crv, Alg string }
	}
	if err := json.Unmarshal([]byte(keys), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v: %s", err, keys)
	}
	bytes := func(text string) []byte {
		body, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %s", token)
	}
	var header map[string]string
	if err := json.Unmarshal(bytes(parts[0]), &header); err != nil {
		t.Fatal(err)
	}
	if len(header) != 2 || header["alg"] != "ES256" || header["kid"] != set.Keys[0].Kid {
		t.Errorf("the header is %v", header)
	}
	number := func(text string) *big.Int { return new(big.Int).SetBytes(bytes(text)) }
	key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: number(set.Keys[0].X), Y: number(set.Keys[0].Y)}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature := bytes(parts[2])
	if len(signature) != 64 || !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Fatal("the signature is wrong")
	}
	var said map[string]any
	if err := json.Unmarshal(bytes(parts[1]), &said); err != nil {
		t.Fatal(err)
	}
	return said
}

func TestTokensSayWhatAClustersSay(t *testing.T) {
	env, folder := environment(t)
	now := time.Now()
	if err := made(t, env).publish(now); err != nil {
		t.Fatal(err)
	}
	said := claims(t, read(t, folder, "jwks.json"), read(t, folder, "core"))
	pod := said["kubernetes.io"].(map[string]any)
	account := pod["serviceaccount"].(map[string]any)
	if said["iss"] != "here" || said["sub"] != "system:serviceaccount:tenant-acme:core" || pod["namespace"] != "tenant-acme" ||
		account["name"] != "core" || account["uid"] != "compose" {
		t.Errorf("it says %v", said)
	}
	if to := said["aud"].([]any); len(to) != 1 || to[0] != "tenantry-usage" {
		t.Errorf("it is for %v", to)
	}
	if said["exp"].(float64) != float64(now.Add(time.Hour).Unix()) {
		t.Errorf("it is good until %v", said["exp"])
	}
	if to := claims(t, read(t, folder, "jwks.json"), read(t, folder, "gateway"))["aud"].([]any); to[0] != "tenantry-gateway" {
		t.Errorf("the gateway's is for %v", to)
	}
	info, err := os.Stat(filepath.Join(folder, "core"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	left, _ := filepath.Glob(filepath.Join(folder, ".new-*"))
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTheSecretOfAFolderStays(t *testing.T) {
	env, folder := environment(t)
	if err := made(t, env).publish(time.Now()); err != nil {
		t.Fatal(err)
	}
	secret, keys := read(t, folder, "secret"), read(t, folder, "jwks.json")
	if len(secret) != 64 {
		t.Errorf("a secret of %d letters", len(secret))
	}
	if err := made(t, env).publish(time.Now()); err != nil {
		t.Fatal(err)
	}
	if read(t, folder, "secret") != secret {
		t.Error("the secret was made anew: people's tokens are good for nothing")
	}
	if read(t, folder, "jwks.json") == keys {
		t.Error("a second issuer has the key of the first")
	}
	delete(env, "IDENTITY_SECRET_FILE")
	if err := os.Remove(filepath.Join(folder, "secret")); err != nil {
		t.Fatal(err)
	}
	if err := made(t, env).publish(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "secret")); err == nil {
		t.Error("a secret that nobody asked for")
	}
}

func TestTokensAreRenewedAndHealthSaysWhenNot(t *testing.T) {
	env, folder := environment(t)
	i := made(t, env)
	server := httptest.NewServer(i.routes())
	defer server.Close()
	if code, _ := get(t, server.URL+"/healthz"); code != 503 {
		t.Errorf("before there is any token: %d", code)
	}
	if err := i.publish(time.Now().Add(-2 * life)); err != nil {
		t.Fatal(err)
	}
	if code, _ := get(t, server.URL+"/healthz"); code != 503 {
		t.Errorf("with expired tokens: %d", code)
	}
	old := read(t, folder, "core")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		i.keep(ctx, time.Millisecond)
		close(done)
	}()
	for read(t, folder, "core") == old || i.until.Load() < time.Now().Unix() {
		time.Sleep(time.Millisecond)
	}
	if code, _ := get(t, server.URL+"/healthz"); code != 200 {
		t.Errorf("with new tokens: %d", code)
	}
	stop()
	<-done
}

func TestWhatIdentityLacksIsSaid(t *testing.T) {
	for name, value := range map[string]string{
		"IDENTITY_ISSUER": "", "IDENTITY_NAMESPACE": "", "IDENTITY_KEYS_FILE": "", "IDENTITY_TOKENS": "core tenantry-usage",
	} {
		env, _ := environment(t)
		env[name] = value
		if _, err := newIssuer(func(name string) string { return env[name] }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%q: %v", name, value, err)
		}
	}
	for _, name := range []string{"IDENTITY_KEYS_FILE", "IDENTITY_SECRET_FILE", "IDENTITY_TOKENS"} {
		env, folder := environment(t)
		env[name] = strings.ReplaceAll(env[name], folder, filepath.Join(folder, "nowhere"))
		if err := made(t, env).publish(time.Now()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s in a folder that is not there: %v", name, err)
		}
	}
}
