package otelrpc_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/trace"

	"strongroom.dev/go/rpc"
	"strongroom.dev/go/rpc/otelrpc"
)

func TestTheSpanOfAContext(t *testing.T) {
	assert.Equal(t, rpc.TraceContext{}, otelrpc.Of(context.Background()))
	of := rpc.TraceContext{Trace: [16]byte{1, 15: 2}, Span: [8]byte{3, 7: 4}}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: of.Trace, SpanID: of.Span})
	assert.Equal(t, of, otelrpc.Of(trace.ContextWithSpanContext(context.Background(), span)))
}
