// All sends what standard input says, an order a line, each in the way that it names, and prints what
// became of each. It is the SDK's own client that sends, unchanged.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

type order struct {
	Mode   string `json:"mode"`
	Events []struct {
		ID         string         `json:"id"`
		Type       string         `json:"type"`
		Time       string         `json:"time"`
		Data       map[string]any `json:"data"`
		Extensions map[string]any `json:"extensions"`
	} `json:"events"`
}

type outcome struct {
	Taken    bool            `json:"taken"`
	Problem  json.RawMessage `json:"problem"`
	Rejected json.RawMessage `json:"rejected"`
}

func (o order) read() ([]cloudevents.Event, error) {
	var events []cloudevents.Event
	for _, said := range o.Events {
		event := cloudevents.NewEvent()
		event.SetID(said.ID)
		event.SetSource("/all")
		event.SetType(said.Type)
		at := time.Now()
		if said.Time != "" {
			var err error
			if at, err = time.Parse(time.RFC3339, said.Time); err != nil {
				return nil, err
			}
		}
		event.SetTime(at)
		for name, value := range said.Extensions {
			event.SetExtension(name, value)
		}
		if said.Data != nil {
			if err := event.SetData(cloudevents.ApplicationJSON, said.Data); err != nil {
				return nil, err
			}
		}
		events = append(events, event)
	}
	return events, nil
}

// one sends by the client. What the server answered stands in the error, behind its status.
func one(ctx context.Context, client cloudevents.Client, event cloudevents.Event) (outcome, error) {
	result := client.Send(ctx, event)
	if cloudevents.IsACK(result) {
		return outcome{Taken: true}, nil
	}
	var answer *cehttp.Result
	if !cloudevents.ResultAs(result, &answer) {
		return outcome{}, result
	}
	_, problem, found := strings.Cut(result.Error(), "{")
	if !found || answer.StatusCode/100 != 4 {
		return outcome{}, result
	}
	return outcome{Problem: json.RawMessage("{" + problem)}, nil
}

func batch(ctx context.Context, url string, header http.Header, events []cloudevents.Event) (outcome, error) {
	request, err := cloudevents.NewHTTPRequestFromEvents(ctx, url, events)
	if err != nil {
		return outcome{}, err
	}
	request.Header.Set("Authorization", header.Get("Authorization"))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return outcome{}, err
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return outcome{}, err
	}
	if answer.StatusCode/100 != 2 {
		return outcome{Problem: body}, nil
	}
	said := outcome{Taken: answer.StatusCode == http.StatusOK}
	return said, json.Unmarshal(body, &said)
}

func run(ctx context.Context) error {
	url := os.Getenv("TENANTRY_USAGE_URL")
	token, err := os.ReadFile(os.Getenv("TENANTRY_USAGE_TOKEN_FILE"))
	if err != nil {
		return err
	}
	header := func() http.Header {
		return http.Header{"Authorization": {"Bearer " + strings.TrimSpace(string(token))}}
	}
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(url))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var order order
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			return err
		}
		events, err := order.read()
		if err != nil {
			return err
		}
		// The client adds its own headers to these: they are good for one event.
		with := cehttp.WithCustomHeader(ctx, header())
		var said outcome
		switch order.Mode {
		case "batch":
			said, err = batch(ctx, url, header(), events)
		case "structured":
			said, err = one(cloudevents.WithEncodingStructured(with), client, events[0])
		case "binary":
			said, err = one(cloudevents.WithEncodingBinary(with), client, events[0])
		default:
			err = fmt.Errorf("no mode %q", order.Mode)
		}
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
			return err
		}
	}
	return lines.Err()
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
