// SPDX-License-Identifier: Apache-2.0

// Command router is an ordinary net/http program behind CGI: nothing in it knows of WebAssembly or
// of Godwit, and it runs the same in any web server's cgi-bin.
package main

import (
	"fmt"
	"html"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/cgi"
	"os"
	"slices"
	"strings"
)

// newMux returns the routes; base is where on the server they are, for links.
func newMux(base string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html>
<title>router</title>
<h1>A net/http program behind CGI</h1>
<ul>
<li><a href="%[1]s/hello/Ada">GET /hello/{name}</a>
<li><a href="%[1]s/headers">GET /headers</a>
<li><a href="%[1]s/redirect">GET /redirect</a>
<li>POST /echo
</ul>
`, html.EscapeString(base))
	})
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!\n", r.PathValue("name"))
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		contentType := r.Header.Get("Content-Type")
		if contentType == "" {
			contentType = "application/octet-stream"
		}
		w.Header().Set("Content-Type", contentType)
		// What a client sends is not to be run by its browser as a page of this server.
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "sandbox")
		if _, err := io.Copy(w, r.Body); err != nil {
			log.Printf("echo: %v", err)
		}
	})
	mux.HandleFunc("GET /redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, base+"/hello/redirected", http.StatusFound)
	})
	mux.HandleFunc("GET /headers", func(w http.ResponseWriter, r *http.Request) {
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			fmt.Fprintf(w, "%s: %s\n", name, strings.Join(r.Header[name], ", "))
		}
	})
	return mux
}

// mount serves handler at and below base. Unlike http.StripPrefix alone it also serves base itself:
// StripPrefix would leave an empty path there, which ServeMux redirects to the server's root.
func mount(base string, handler http.Handler) http.Handler {
	stripped := http.StripPrefix(base, handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == base {
			r.URL.Path += "/"
			if r.URL.RawPath != "" {
				r.URL.RawPath += "/"
			}
		}
		stripped.ServeHTTP(w, r)
	})
}

func main() {
	// CGI gives the path in two parts: SCRIPT_NAME leads to the program, PATH_INFO is the rest.
	// net/http/cgi joins them again, so the routes are found below SCRIPT_NAME.
	base := strings.TrimSuffix(os.Getenv("SCRIPT_NAME"), "/")
	if err := cgi.Serve(mount(base, newMux(base))); err != nil {
		log.Fatalf("router: %v", err)
	}
}
