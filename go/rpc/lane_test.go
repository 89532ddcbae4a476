package rpc

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestGatherReachesTheCancelBehindWhatIsPending: while the library is full, what makes room may be queued behind more
// calls than one crossing carries.
func TestGatherReachesTheCancelBehindWhatIsPending(t *testing.T) {
	l := &lane{operations: make(chan operation, 2), pending: make([]operation, laneCapacity)}
	l.operations <- operation{kind: kindCall, request: 1}
	l.operations <- operation{kind: kindCancel, request: 1}
	l.gather()
	assert.Zero(t, len(l.operations))
	assert.Equal(t, laneCapacity+2, len(l.pending))
}
