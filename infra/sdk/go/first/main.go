// First reports that 12.5 GB were ingested.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

func report(ctx context.Context, client cloudevents.Client, meter, quantity string) error {
	event := cloudevents.NewEvent()
	event.SetType("dev.tenantry.usage." + meter)
	event.SetSource("/shop/go")
	event.SetExtension("region", "eu")
	if err := event.SetData(cloudevents.ApplicationJSON, map[string]string{"quantity": quantity}); err != nil {
		return err
	}
	// Read each time: the kubelet replaces it.
	token, err := os.ReadFile(os.Getenv("TENANTRY_USAGE_TOKEN_FILE"))
	if err != nil {
		return err
	}
	// The client adds its own headers to these: they are good for one event.
	ctx = cehttp.WithCustomHeader(ctx, http.Header{"Authorization": {"Bearer " + strings.TrimSpace(string(token))}})
	// What may not have arrived is sent again, by the same id: it counts once.
	ctx = cloudevents.ContextWithRetriesExponentialBackoff(ctx, 250*time.Millisecond, 8)
	result := client.Send(cloudevents.WithEncodingStructured(ctx), event)
	if !cloudevents.IsACK(result) {
		return result // With the status; without retries also with what the answer says.
	}
	return nil
}

func main() {
	// It gives each event an id and the time.
	client, err := cloudevents.NewClientHTTP(cloudevents.WithTarget(os.Getenv("TENANTRY_USAGE_URL")))
	if err != nil {
		log.Fatal(err)
	}
	if err := report(context.Background(), client, "ingestion", "12.5"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("it counts")
}
