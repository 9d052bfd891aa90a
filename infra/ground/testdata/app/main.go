// Command app is what TestReal runs as a pod: it does on request what a
// tenant's service does, and says what came of it.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

func main() {
	if len(os.Args) > 2 && os.Args[1] == "echo" {
		fmt.Println(os.Args[2])
		return
	}
	for path, answer := range map[string]func(*http.Request) (string, error){
		"/healthz": func(*http.Request) (string, error) { return "ok", nil },
		"/id":      func(*http.Request) (string, error) { return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), nil },
		"/root":    func(*http.Request) (string, error) { return "", os.WriteFile("/x", nil, 0o600) },
		"/write": func(r *http.Request) (string, error) {
			return "", os.WriteFile("/data/file", []byte(r.FormValue("text")), 0o600)
		},
		"/read": func(*http.Request) (string, error) { data, err := os.ReadFile("/data/file"); return string(data), err },
		"/lookup": func(r *http.Request) (string, error) {
			found, err := net.LookupHost(r.FormValue("name"))
			return strings.Join(found, " "), err
		},
		"/fetch": func(r *http.Request) (string, error) {
			return call(http.DefaultClient, "GET", r.FormValue("url"), "", nil)
		},
		"/whoami": func(*http.Request) (string, error) { return whoAmI() },
		"/claims": func(*http.Request) (string, error) { return claims() },
	} {
		http.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			text, err := answer(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprint(w, text)
		})
	}
	fmt.Println("serving")
	server := http.Server{Addr: ":8080", ReadHeaderTimeout: 5 * time.Second}
	fmt.Println(server.ListenAndServe())
}

// whoAmI asks the API server, by its name in DNS, for whom it takes the pod.
func whoAmI() (string, error) {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return "", err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	review := []byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`)
	return call(client, "POST", "https://kubernetes.default.svc/apis/authentication.k8s.io/v1/selfsubjectreviews", string(token), review)
}

// claims are those of the token that was projected for another reader.
func claims() (string, error) {
	token, err := os.ReadFile("/var/run/token/token")
	if err != nil {
		return "", err
	}
	parts := strings.Split(string(token), ".")
	if len(parts) != 3 {
		return "", fmt.Errorf("a token of %d parts", len(parts))
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	return string(data), err
}

func call(client *http.Client, method, url, token string, body []byte) (string, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(data), err
}
