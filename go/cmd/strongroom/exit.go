package main

import (
	"context"
	"errors"

	"strongroom.dev/go/strongroom"
)

// Exit codes; docs/exit-codes.md explains them, and the Python agent has the same ones.
const (
	exitOK           = 0
	exitFailure      = 1
	exitUsage        = 2
	exitIncomplete   = 3
	exitNoRepository = 10
	exitExists       = 11
	exitWrongKey     = 12
	exitNewerFormat  = 13
	exitDamaged      = 14
	exitNoSpace      = 15
	exitStore        = 16
	exitNotFound     = 17
	exitInterrupted  = 130
)

// usageError is a mistake on the command line.
type usageError struct{ error }

// outcome is the exit code of a run that did what it could.
type outcome struct {
	code int
	what string
}

func (o *outcome) Error() string { return o.what }

// exitCode is what a run that ended with err exits with.
func exitCode(err error) int {
	var (
		usage  usageError
		result *outcome
		failed strongroom.RepositoryError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &result):
		return result.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case !errors.As(err, &failed):
		return exitFailure
	}
	switch failed.(type) {
	case *strongroom.RepositoryNotFoundError, *strongroom.RepositoryNotARepositoryError:
		return exitNoRepository
	case *strongroom.RepositoryAlreadyExistsError:
		return exitExists
	case *strongroom.RepositoryWrongKeyError:
		return exitWrongKey
	case *strongroom.RepositoryNewerFormatError:
		return exitNewerFormat
	case *strongroom.RepositoryDamagedError:
		return exitDamaged
	case *strongroom.RepositoryNoSpaceError:
		return exitNoSpace
	case *strongroom.RepositoryStoreError, *strongroom.RepositoryStoreNotSafeError:
		return exitStore
	case *strongroom.RepositoryNoSuchSnapshotError, *strongroom.RepositoryNoSuchPathError:
		return exitNotFound
	case *strongroom.RepositoryInvalidError:
		return exitUsage
	default:
		return exitFailure
	}
}

// errorName is the error's name in JSON output: that of the interface, or of this program.
func errorName(err error) string {
	var failed strongroom.RepositoryError
	if errors.As(err, &failed) {
		return failed.Variant()
	}
	switch exitCode(err) {
	case exitUsage:
		return "usage"
	case exitIncomplete:
		return "incomplete"
	case exitDamaged:
		return "damaged"
	case exitInterrupted:
		return "interrupted"
	default:
		return "failure"
	}
}
