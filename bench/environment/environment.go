// Package environment is where a benchmark runs: the environment with its interpreters and libraries, the programs that it was built with, and the
// machine under it.
package environment

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Command runs another command in the environment; it is empty where this program was not started by Bazel.
func Command() string {
	if workspace := os.Getenv("BUILD_WORKSPACE_DIRECTORY"); workspace != "" {
		return filepath.Join(workspace, "tools", "shell")
	}
	return ""
}

// Enter runs this program once more, in the environment: so every contender finds its interpreter and libraries, and no
// launcher's time is counted as theirs. The environment sees the folder that it is entered from.
func Enter(command, folder string, out io.Writer, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The environment starts with clean variables.
	cmd := exec.Command(command, append([]string{"env", "RUNFILES_DIR=" + runfiles(self), self}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, out, os.Stderr
	return cmd.Run()
}

func runfiles(self string) string {
	if folder := os.Getenv("RUNFILES_DIR"); folder != "" {
		return folder
	}
	return self + ".runfiles"
}

// Program finds a program: as a path, among the runfiles, or in PATH. An empty answer means that it is not there.
func Program(name string) string {
	if name == "" {
		return ""
	}
	if self, err := os.Executable(); err == nil {
		if path := filepath.Join(runfiles(self), name); exists(path) {
			return path
		}
	}
	if strings.Contains(name, "/") {
		if path, err := filepath.Abs(name); err == nil && exists(path) {
			return path
		}
		return ""
	}
	path, _ := exec.LookPath(name)
	return path
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
