package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// issuer is who vouches for the installation's people: the tests' own, with a
// key of this run, in the place of a company's identity provider.
type issuer struct {
	key    *ecdsa.PrivateKey
	values string
}

const issuerName = "https://id.test"

// newIssuer makes one and a file of values with which the chart trusts it.
func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	jwks := compact(t, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1",
		"x": encoded(point[1:33]), "y": encoded(point[33:]),
	}}})
	values := compact(t, map[string]any{"apiServer": map[string]any{
		"cluster": map[string]any{"onboarding": true},
		"issuers": []any{map[string]any{"issuer": issuerName, "keys": map[string]any{"jwks": string(jwks)}}},
	}})
	file := filepath.Join(t.TempDir(), "issuer.yaml")
	if err := os.WriteFile(file, values, 0o600); err != nil {
		t.Fatal(err)
	}
	return issuer{key: key, values: file}
}

// manager is a token of customer success with a scope.
func (i issuer) manager(t *testing.T, scope string) string {
	t.Helper()
	now := time.Now().Unix()
	signed := encoded(compact(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "1"})) + "." +
		encoded(compact(t, map[string]any{
			"iss": issuerName, "sub": "lena", "aud": "billing", "iat": now, "nbf": now - 5, "exp": now + 3600,
			"roles": []string{"CustomerSuccessManager"}, "scope": scope,
		}))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encoded(signature)
}

// ask sends JSON to the API server and wants it to be good.
func ask(t *testing.T, method, url, token string, body any) map[string]any {
	t.Helper()
	var sent []byte
	if body != nil {
		sent = compact(t, body)
	}
	req, err := http.NewRequest(method, url, bytes.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	code, text := fetch(req)
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil || code < 200 || code > 299 {
		t.Fatalf("%s %s: %d %s", method, url, code, text)
	}
	return answer
}

// member follows names into what an answer holds.
func member(answer map[string]any, names ...string) string {
	var at any = answer
	for _, name := range names {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	return fmt.Sprint(at)
}

func compact(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func encoded(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }
