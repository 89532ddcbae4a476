// Command serve shows the site on this machine, and only to it: tools/bazel run //docs:serve
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

func main() {
	port := flag.Int("port", 8000, "the port; where it is taken, another one is")
	flag.Parse()
	if err := serve(*port); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func serve(port int) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find the site: %w", err)
	}
	// Where Bazel puts what a program needs.
	site := program + ".runfiles/strongroom/docs/site"
	if _, err := os.Stat(filepath.Join(site, "index.html")); err != nil {
		return fmt.Errorf("cannot find the site; start this with tools/bazel run //docs:serve: %w", err)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	fmt.Printf("the site is at http://%s/ until you press Ctrl-C\n", listener.Addr())
	files := http.FileServer(http.Dir(site))
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What was built anew is seen anew.
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	}))
}
