package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/term"

	"strongroom.dev/go/strongroom"
)

// place is where a repository lives, before it is known whether it exists.
type place struct {
	location strongroom.Location
	standard bool   // nobody named a repository: it is the one in the user's data folder
	keyFile  string // that unlocks it, or ""
}

// place finds the repository and what unlocks it. confirm asks for a new password twice.
func (a *app) place(confirm bool) (place, error) {
	p := place{standard: a.repository == ""}
	var err error
	if p.location.URL, err = a.url(); err != nil {
		return place{}, err
	}
	if a.memory != "" {
		bytes, err := parseSize(a.memory)
		if err != nil {
			return place{}, usageError{fmt.Errorf("--memory: %w", err)}
		}
		p.location.Memory = &bytes
	}
	return p, a.unlock(&p, confirm)
}

// url is the repository's, or that of the one in the user's data folder.
func (a *app) url() (string, error) {
	if a.repository == "" {
		return userFolder("XDG_DATA_HOME", ".local/share", "repository")
	}
	return absolute(a.repository)
}

// absolute makes a folder independent of where the program runs; URLs are that already.
func absolute(repository string) (string, error) {
	if strings.Contains(repository, "://") {
		return repository, nil
	}
	return filepath.Abs(repository)
}

// unlock finds the credentials: what the command line names, then the environment, then the standard key file, then
// the person at the terminal.
func (a *app) unlock(p *place, confirm bool) error {
	password, fromEnvironment := os.LookupEnv("STRONGROOM_PASSWORD")
	switch {
	case a.keyFile != "" && a.passwordFile != "":
		return usageError{errors.New("--key-file and --password-file exclude each other")}
	case a.keyFile != "":
		path, err := filepath.Abs(a.keyFile)
		if err != nil {
			return err
		}
		p.keyFile = path
	case a.passwordFile != "":
		text, err := os.ReadFile(a.passwordFile)
		if err != nil {
			return usageError{fmt.Errorf("cannot read the password from %s: %w", a.passwordFile, reason(err))}
		}
		line, _, _ := bytes.Cut(text, []byte("\n"))
		password = string(bytes.TrimSuffix(line, []byte("\r")))
		if password == "" {
			return usageError{fmt.Errorf("the first line of %s has no password", a.passwordFile)}
		}
	case fromEnvironment && password != "":
	case p.standard:
		path, err := userFolder("XDG_CONFIG_HOME", ".config", "repository.key")
		if err != nil {
			return err
		}
		p.keyFile = path
	default:
		var err error
		if password, err = a.askPassword(p.location.URL, confirm); err != nil {
			return err
		}
	}
	if p.keyFile != "" {
		p.location.Credentials = strongroom.CredentialsKeyFile{At: p.keyFile}
	} else {
		p.location.Credentials = strongroom.CredentialsPassword{Value: password}
	}
	return nil
}

func (a *app) askPassword(url string, confirm bool) (string, error) {
	file, ok := a.in.(*os.File)
	if !ok || !terminal(file) {
		return "", usageError{errors.New("no password was given; set STRONGROOM_PASSWORD, or use --password-file or --key-file")}
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(a.errOut, prompt)
		password, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(a.errOut)
		return string(password), err
	}
	password, err := ask("password for " + url + ": ")
	if err != nil || !confirm {
		return password, err
	}
	again, err := ask("the same again: ")
	if err == nil && again != password {
		err = usageError{errors.New("the two passwords differ")}
	}
	return password, err
}

// open opens the repository of the command line.
func (a *app) open(ctx context.Context) (*strongroom.Repository, error) {
	p, err := a.place(false)
	if err != nil {
		return nil, err
	}
	client, err := a.start()
	if err != nil {
		return nil, err
	}
	return client.OpenRepository(ctx, p.location)
}

// openOrCreate opens the repository, and creates the standard one where it is not there yet.
func (a *app) openOrCreate(ctx context.Context) (*strongroom.Repository, error) {
	p, err := a.place(false)
	if err != nil {
		return nil, err
	}
	client, err := a.start()
	if err != nil {
		return nil, err
	}
	repository, err := client.OpenRepository(ctx, p.location)
	if missing := new(strongroom.RepositoryNotFoundError); p.standard && errors.As(err, &missing) {
		return a.create(ctx, client, p)
	}
	return repository, err
}

// create makes a repository, and its key file where there is none yet.
func (a *app) create(ctx context.Context, client *strongroom.Client, p place) (*strongroom.Repository, error) {
	var options strongroom.InitOptions
	if p.keyFile != "" {
		_, err := os.Stat(p.keyFile)
		options.CreateKey = errors.Is(err, os.ErrNotExist)
	}
	if options.CreateKey {
		if err := os.MkdirAll(filepath.Dir(p.keyFile), 0o700); err != nil {
			return nil, fmt.Errorf("cannot make the folder of the key file: %w", err)
		}
	}
	repository, err := client.InitRepository(ctx, p.location, options)
	if err != nil {
		return nil, err
	}
	a.created(p, options.CreateKey)
	return repository, nil
}

// userFolder is a file of this program in one of the user's folders.
func userFolder(variable, fallback, name string) (string, error) {
	folder := os.Getenv(variable)
	if !filepath.IsAbs(folder) { // the XDG specification says to ignore a relative one
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usageError{fmt.Errorf("no repository is named and there is no home folder for one: %w; use --repo", err)}
		}
		folder = filepath.Join(home, fallback)
	}
	return filepath.Join(folder, "strongroom", name), nil
}

var sizeUnits = map[string]uint64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

// parseSize reads 512M, 1G, 64MiB.
func parseSize(text string) (uint64, error) {
	digits := strings.TrimRight(text, "KMGTiBkmgtb")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text[len(digits):]), "B"), "I")
	n, err := strconv.ParseUint(digits, 10, 64)
	factor, known := sizeUnits[unit]
	if err != nil || !known || n > math.MaxUint64/factor {
		return 0, fmt.Errorf("%q is no size; write it like 512M or 2G", text)
	}
	return n * factor, nil
}

// parseCompression reads auto, off, lz4, zstd and zstd:LEVEL.
func parseCompression(text string) (strongroom.Compression, error) {
	name, level, leveled := strings.Cut(text, ":")
	switch {
	case text == "" || text == "auto":
		return strongroom.CompressionAuto{}, nil
	case text == "off":
		return strongroom.CompressionOff{}, nil
	case text == "lz4":
		return strongroom.CompressionLz4{}, nil
	case text == "zstd":
		return strongroom.DefaultCompressionZstd(), nil
	case name == "zstd" && leveled:
		n, err := strconv.ParseInt(level, 10, 32)
		if err == nil && n >= -7 && n <= 19 {
			return strongroom.CompressionZstd{Level: int32(n)}, nil
		}
	}
	return nil, usageError{fmt.Errorf("--compression is auto, off, lz4, zstd or zstd:LEVEL with a level from -7 to 19, not %q", text)}
}

// reason is why a file could not be opened, without its name.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
