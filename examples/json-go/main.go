// SPDX-License-Identifier: Apache-2.0

// Command json-go prices an order: it reads {"items":[{"name":"Tea","price":3.5,"quantity":2}]}
// and answers the items with their totals, the dearest first, and the sum. It is a plain CGI
// program: it writes a header block itself, and so chooses the status of each answer.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// With these limits the largest sum is 10^17 cents, which an int64 holds.
const (
	maxBodyBytes  = 1 << 20
	maxItems      = 10_000
	maxPriceCents = 100_000_000
	maxQuantity   = 100_000
)

// cents is an amount of money. A float64 would be wrong by a cent sooner or later.
type cents int64

func (c cents) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%02d", c/100, c%100), nil
}

func (c *cents) UnmarshalJSON(text []byte) error {
	whole, fraction, _ := strings.Cut(string(text), ".")
	if len(fraction) > 2 {
		return errors.New("a price has at most two decimals")
	}
	fraction += "00"[len(fraction):]
	// ParseUint takes digits only, so signs and exponents are errors, as are strings and null.
	value, err := strconv.ParseUint(whole+fraction, 10, 64)
	if err != nil || value > maxPriceCents {
		return fmt.Errorf("a price is a number from 0 to %d", maxPriceCents/100)
	}
	*c = cents(value)
	return nil
}

type item struct {
	Name     string `json:"name"`
	Price    *cents `json:"price"` // A pointer: nothing to pay is not the same as no price.
	Quantity int64  `json:"quantity"`
}

type pricedItem struct {
	item
	Total cents `json:"total"`
}

type pricedOrder struct {
	Items []pricedItem `json:"items"`
	Total cents        `json:"total"`
}

// failure is an answer other than 200.
type failure struct {
	status  string
	message string
}

func (f failure) Error() string { return f.message }

func badRequest(format string, arguments ...any) error {
	return failure{"400 Bad Request", fmt.Sprintf(format, arguments...)}
}

func readItems(body io.Reader) ([]item, error) {
	content, err := io.ReadAll(io.LimitReader(body, maxBodyBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the request body: %w", err)
	}
	if len(content) > maxBodyBytes {
		return nil, failure{"413 Content Too Large", "an order is at most 1 MiB"}
	}
	var order struct {
		Items []item `json:"items"`
	}
	var wrongType *json.UnmarshalTypeError
	if err := json.Unmarshal(content, &order); errors.As(err, &wrongType) {
		return nil, badRequest("unexpected %s at %q", wrongType.Value, wrongType.Field)
	} else if err != nil {
		return nil, badRequest("not an order in JSON: %v", err)
	}
	if len(order.Items) == 0 {
		return nil, badRequest(`an order needs "items", each with "name", "price", "quantity"`)
	}
	if len(order.Items) > maxItems {
		return nil, badRequest("an order has at most %d items", maxItems)
	}
	for i, item := range order.Items {
		switch {
		case item.Name == "":
			return nil, badRequest("item %d has no name", i+1)
		case item.Price == nil:
			return nil, badRequest("item %d has no price", i+1)
		case item.Quantity < 1 || item.Quantity > maxQuantity:
			return nil, badRequest("item %d: a quantity is from 1 to %d", i+1, maxQuantity)
		}
	}
	return order.Items, nil
}

func price(items []item) pricedOrder {
	var order pricedOrder
	for _, item := range items {
		total := *item.Price * cents(item.Quantity)
		order.Items = append(order.Items, pricedItem{item, total})
		order.Total += total
	}
	slices.SortStableFunc(order.Items, func(a, b pricedItem) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), strings.Compare(a.Name, b.Name))
	})
	return order
}

func answer() (any, error) {
	if os.Getenv("REQUEST_METHOD") != "POST" {
		return nil, failure{"405 Method Not Allowed", "POST an order as JSON"}
	}
	items, err := readItems(os.Stdin)
	if err != nil {
		return nil, err
	}
	return price(items), nil
}

func main() {
	status := "200 OK"
	content, err := answer()
	var failed failure
	switch {
	case errors.As(err, &failed):
		status = failed.status
		content = map[string]string{"error": failed.message}
	case err != nil:
		fmt.Fprintln(os.Stderr, "json-go:", err)
		os.Exit(1)
	}

	body, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		fmt.Fprintln(os.Stderr, "json-go:", err)
		os.Exit(1)
	}
	header := "Status: " + status + "\r\nContent-Type: application/json\r\n"
	if strings.HasPrefix(status, "405") {
		header += "Allow: POST\r\n"
	}
	if _, err := fmt.Printf("%s\r\n%s\n", header, body); err != nil {
		os.Exit(1)
	}
}
