package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"strongroom.dev/bench/environment"
)

// distances are the round trips to an S3 server that is measured: beside the program, in the same city, on the same
// continent, on another one.
var distances = []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond}

const (
	bucket    = "bucket"
	accessKey = "strongroom-bench"
	secretKey = "not a secret"
)

// service is what runs beside a contender while its steps are measured.
type service struct {
	environment map[string]string
	process     int // whose processor time is told beside the contender's
	stop        func()
}

// overS3 is the engine with a real S3 server at a distance.
func (c *config) overS3(distance time.Duration) *contender {
	program := environment.Program(c.s3)
	k := c.engineAlone("", "auto", "s3://"+bucket+"/repo")
	if k.absent != "" {
		return k
	}
	k.serve = func(p place) (*service, error) { return serveS3(program, p, distance) }
	return k.present(program, "s3")
}

// serveS3 runs versitygw, which keeps a bucket as a folder, in the place where others have their repository.
func serveS3(program string, p place, distance time.Duration) (*service, error) {
	folder := p.in("repo")
	for _, made := range []string{filepath.Join(folder, bucket), p.in("home/attributes")} {
		if err := os.MkdirAll(made, 0o700); err != nil {
			return nil, err
		}
	}
	// Between here and its start another program may take the port; then the server ends, and the next attempt has another.
	var said bytes.Buffer
	for range 5 {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		server := exec.Command(program, "--port", address, "posix", "--sidecar", p.in("home/attributes"), folder)
		server.Env = []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey, "HOME=" + p.in("home")}
		server.Stdout, server.Stderr = io.Discard, &said
		if err := server.Start(); err != nil {
			return nil, err
		}
		stop := func() {
			_ = server.Process.Kill()
			_ = server.Wait()
		}
		if !answers(address) {
			stop()
			continue
		}
		far, err := standBetween(address, distance)
		if err != nil {
			stop()
			return nil, err
		}
		endpoint := "http://" + far.Addr().String()
		return &service{
			environment: map[string]string{
				"AWS_ENDPOINT": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
				"AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey,
			},
			process: server.Process.Pid,
			stop:    func() { far.Close(); stop() },
		}, nil
	}
	return nil, fmt.Errorf("%s does not start: %s", program, tail(said.String()))
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func answers(address string) bool {
	for range 100 {
		if connection, err := net.Dial("tcp", address); err == nil {
			connection.Close()
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

// standBetween passes on what comes to and from an address, each way half of the distance later. It is a matter of
// latency alone: as many bytes may be under way as the two sides can hold.
func standBetween(address string, distance time.Duration) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				// Opening a connection takes a round trip, too.
				time.Sleep(distance)
				far, err := net.Dial("tcp", address)
				if err != nil {
					near.Close()
					return
				}
				go passOn(far, near, distance/2)
				passOn(near, far, distance/2)
			}()
		}
	}()
	return l, nil
}

// under is what is under way.
type under struct {
	due  time.Time
	data []byte
}

// passOn ends when one of the two sides does, and ends both.
func passOn(to, from net.Conn, later time.Duration) {
	// Room for 200 ms of more than a loopback carries.
	way := make(chan under, 1<<14)
	go func() {
		defer close(way)
		for {
			data := make([]byte, 64<<10)
			n, err := from.Read(data)
			if n > 0 {
				way <- under{time.Now().Add(later), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	broken := false
	for u := range way {
		if broken {
			continue
		}
		time.Sleep(time.Until(u.due))
		if _, err := to.Write(u.data); err != nil {
			broken = true
			from.Close()
		}
	}
	to.Close()
}

// processorTime is what a process has used so far, in seconds.
func processorTime(process int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return 0, err
	}
	// The name, in parentheses, may have blanks in it; user and system time are the 12th and 13th field after it.
	_, rest, _ := strings.Cut(string(stat[bytes.LastIndexByte(stat, ')'):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("the system does not tell the processor time of the server")
	}
	ticks := 0
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	// Linux counts them a hundred times a second, whatever its clock does.
	return float64(ticks) / 100, nil
}
