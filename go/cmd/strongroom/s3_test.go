package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	accessKey = "strongroom-test"
	secretKey = "not a secret"
	region    = "us-east-1"
)

// s3Server runs versitygw with one bucket on the loopback, and answers its endpoint.
func s3Server(t *testing.T) (endpoint string, bucket string) {
	t.Helper()
	program := os.Getenv("VERSITYGW")
	if program == "" {
		t.Skip("VERSITYGW names no S3 server; tools/bazel test brings one")
	}
	if root := os.Getenv("TEST_SRCDIR"); !filepath.IsAbs(program) && root != "" {
		program = filepath.Join(root, os.Getenv("TEST_WORKSPACE"), program)
	}
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "bucket"), 0o755)) // its folders are its buckets
	// Between here and its start another program may take the port; then the server ends, and the next attempt has another.
	for range 5 {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		address := free.Addr().String()
		require.NoError(t, free.Close())
		server := exec.Command(program, "--port", address, "posix", "--sidecar", t.TempDir(), folder)
		server.Env = []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey, "HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
		var log bytes.Buffer
		server.Stdout, server.Stderr = &log, &log
		require.NoError(t, server.Start())
		t.Cleanup(func() {
			_ = server.Process.Kill()
			_ = server.Wait()
			if t.Failed() {
				t.Log(log.String())
			}
		})
		for range 100 {
			if connection, err := net.Dial("tcp", address); err == nil {
				require.NoError(t, connection.Close())
				return "http://" + address, "bucket"
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	require.Fail(t, "the S3 server did not start")
	return "", ""
}

// create puts an object where there is none, signed with AWS signature version 4.
func create(t *testing.T, endpoint, path, body string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodPut, endpoint+path, strings.NewReader(body))
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(body))
	payload, now := hex.EncodeToString(digest[:]), time.Now().UTC()
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	request.Header.Set("If-None-Match", "*")
	request.Header.Set("X-Amz-Content-Sha256", payload)
	request.Header.Set("X-Amz-Date", stamp)

	const signed = "host;if-none-match;x-amz-content-sha256;x-amz-date"
	canonical := fmt.Sprintf("PUT\n%s\n\nhost:%s\nif-none-match:*\nx-amz-content-sha256:%s\nx-amz-date:%s\n\n%s\n%s",
		path, request.Host, payload, stamp, signed, payload)
	digest = sha256.Sum256([]byte(canonical))
	scope := day + "/" + region + "/s3/aws4_request"
	key := []byte("AWS4" + secretKey)
	for _, part := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hex.EncodeToString(digest[:])) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	request.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x", accessKey, scope, signed, key))
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// TestS3 keeps a repository in a real S3 server.
func TestS3(t *testing.T) {
	endpoint, bucket := s3Server(t)
	require.Equal(t, http.StatusOK, create(t, endpoint, "/"+bucket+"/probe", "first"))
	require.Equal(t, http.StatusPreconditionFailed, create(t, endpoint, "/"+bucket+"/probe", "second"), "a second create")

	a := newAgent(t)
	a.extra = []string{
		"AWS_ENDPOINT=" + endpoint, "AWS_ENDPOINT_URL=" + endpoint, "AWS_ALLOW_HTTP=true", "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + secretKey, "STRONGROOM_PASSWORD=x", "STRONGROOM_REPOSITORY=s3://" + bucket + "/some/prefix",
	}
	a.fails(exitNoRepository, "there is no repository at s3://bucket/some/prefix", "snapshots")
	a.ok("init")
	a.fails(exitExists, "there is already a repository at s3://bucket/some/prefix", "init")

	source, target := filepath.Join(goSource(t), "net"), t.TempDir()
	a.ok("backup", source)
	again := a.lines(a.ok("backup", source, "--json"), "summary")
	require.Len(t, again, 1)
	assert.EqualValues(t, 0, again[0]["bytes_new"])
	a.ok("restore", "latest", "--target", target)
	t.Logf("%d entries came back over S3", sameTree(t, source, filepath.Join(target, source)))
	a.check()

	data := random(t, 12<<20)
	r := a.finish(a.command("backup", "--stdin", "dump"), data)
	require.Equal(t, exitOK, r.code, r.errOut)
	r = a.run("restore", "latest", "--stdout", "dump")
	require.Equal(t, exitOK, r.code, r.errOut)
	assert.True(t, bytes.Equal(data, []byte(r.out)))

	a.extra[5] = "AWS_SECRET_ACCESS_KEY=wrong"
	a.fails(exitStore, "", "snapshots")
}
