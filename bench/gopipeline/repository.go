package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// A repository is a folder: key, packs/, index/ and snapshots/. The key lies open beside the data, because this program is
// compared for speed only.
type repository struct {
	folder   string
	master   [32]byte
	idKey    [32]byte
	gearKey  [32]byte
	metadata cipher.AEAD
}

func openRepository(folder string, create bool) (*repository, error) {
	path := filepath.Join(folder, "key")
	key, err := os.ReadFile(path)
	if os.IsNotExist(err) && create {
		key = make([]byte, 32)
		rand.Read(key)
		for _, kind := range []string{"packs", "index", "snapshots"} {
			if err := os.MkdirAll(filepath.Join(folder, kind), 0o700); err != nil {
				return nil, err
			}
		}
		err = os.WriteFile(path, key, 0o600)
	}
	if err != nil {
		return nil, err
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("%s: not a key of 32 bytes", path)
	}
	r := &repository{folder: folder, master: [32]byte(key)}
	r.idKey = r.derive("id")
	r.gearKey = r.derive("gear")
	r.metadata = newAEAD(r.derive("metadata"))
	return r, nil
}

func (r *repository) derive(purpose string) [32]byte {
	k, err := hkdf.Key(sha256.New, r.master[:], nil, purpose, 32)
	if err != nil {
		panic(err) // only for a length that HKDF cannot make
	}
	return [32]byte(k)
}

func newAEAD(key [32]byte) cipher.AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // only for a key of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a block of another size
	}
	return aead
}

// segmentNonce counts the segments of a pack; a pack's key is its own, so no nonce repeats under a key.
func segmentNonce(nonce *[12]byte, segment uint32) []byte {
	binary.LittleEndian.PutUint32(nonce[:], segment)
	return nonce[:]
}

// putRecord writes a sealed object of the index or a snapshot under a new name, whole or not at all.
func (r *repository) putRecord(kind string, content []byte) (name string, err error) {
	nonce := make([]byte, 12, 12+len(content)+16)
	rand.Read(nonce)
	sealed := r.metadata.Seal(nonce, nonce, content, []byte(kind))
	name = newName()
	return name, writeDurably(filepath.Join(r.folder, kind, name), sealed)
}

func (r *repository) getRecord(kind, name string) ([]byte, error) {
	path := filepath.Join(r.folder, kind, name)
	sealed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(sealed) < 12 {
		return nil, fmt.Errorf("%s: %w", path, errDamaged)
	}
	content, err := r.metadata.Open(nil, sealed[:12], sealed[12:], []byte(kind))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

func (r *repository) list(kind string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(r.folder, kind))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".tmp" {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

func newName() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func writeDurably(path string, content []byte) error {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return err
	}
	return commit(f, path)
}

// commit makes a finished temporary file last under its final name.
func commit(f *os.File, path string) error {
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
