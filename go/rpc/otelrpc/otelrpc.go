// Package otelrpc has calls carry the OpenTelemetry span of their context, so that what the library logs while it works on
// a call names the trace that the call belongs to:
//
//	client, err := strongroom.NewClient(rpc.WithTrace(otelrpc.Of))
package otelrpc

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"strongroom.dev/go/rpc"
)

// Of is the span of a context; where there is none, it names none.
func Of(ctx context.Context) rpc.TraceContext {
	span := trace.SpanContextFromContext(ctx)
	return rpc.TraceContext{Trace: span.TraceID(), Span: span.SpanID()}
}
