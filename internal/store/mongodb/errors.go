package mongodb

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"landfall/internal/store"
)

// What servers say when there is no space left. A compatible server that keeps its data in an SQL database passes that
// database's words on.
const codeOutOfDiskSpace = 14031

var fullWords = []string{"SQLSTATE 53100", "No space left on device", "disk full", "OutOfDiskSpace"}

// saysFull reports whether an error of the server means that there is no space left.
func saysFull(code int, message string) bool {
	return code == codeOutOfDiskSpace || slices.ContainsFunc(fullWords, func(w string) bool { return strings.Contains(message, w) })
}

// isFull reports whether the server refused because there is no space left.
func isFull(err error) bool {
	if errors.Is(err, store.ErrFull) {
		return true
	}
	refused, ok := serverError(err)
	return ok && (refused.HasErrorCode(codeOutOfDiskSpace) || saysFull(0, err.Error()))
}

// serverError gives what the server said, when it is the server that said something.
func serverError(err error) (mongo.ServerError, bool) {
	var refused mongo.ServerError
	ok := errors.As(err, &refused)
	return refused, ok
}

// inContract puts an error into the words of package store, where it has any for it.
func inContract(err error) error {
	switch {
	case err == nil, errors.Is(err, store.ErrFull), errors.Is(err, store.ErrClosed):
		return err
	case isFull(err):
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case errors.Is(err, mongo.ErrClientDisconnected):
		return fmt.Errorf("%w: %w", store.ErrClosed, err)
	}
	return err
}

// codeDuplicate are the codes of a write whose place is taken.
var codeDuplicate = []int{11000, 11001, 12582}

func isDuplicate(e mongo.WriteError) bool { return slices.Contains(codeDuplicate, e.Code) }

// neverSent reports whether a command never left this process: it waited for a connection when the driver, another one having broken,
// closed them all.
func neverSent(err error) bool {
	var pool interface{ Retryable() bool } // what the driver's pool says of itself
	return errors.As(err, &pool) && pool.Retryable()
}
