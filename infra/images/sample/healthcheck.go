package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// healthcheck asks whether all of these answer 200; without any, whether the sample of this container
// does. An image without a shell has nothing else to ask with.
func healthcheck(urls []string, port string) error {
	if len(urls) == 0 {
		urls = []string{"http://127.0.0.1:" + port + "/healthz"}
	}
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{}}
	var wrong []error
	for _, url := range urls {
		answer, err := client.Get(url)
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s answers %s", url, answer.Status)
			}
		}
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}
