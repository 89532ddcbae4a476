//go:build bazel

package differential

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"strongroom.dev/go/rpc"
)

// record is what every generated record can do.
type record interface {
	encode(*rpc.Encoder)
	decode(*rpc.Decoder)
}

type roundtrip struct{ Name, Interface, Method, Wire, Reply string }

// Each value is read from the bytes of an encoder that knows nothing of Go, written again, and sent to the library, which
// reads and writes it in Rust. What comes back has the same bytes, and is the same value.
func TestValuesMakeTheRoundTrip(t *testing.T) {
	text, err := os.ReadFile("../vectors.json")
	require.NoError(t, err)
	var cases []roundtrip
	require.NoError(t, json.Unmarshal(text, &cases))
	require.NotEmpty(t, cases)
	client, err := NewClient()
	require.NoError(t, err)
	defer client.Close()

	objects := map[string]reflect.Value{}
	for _, c := range cases {
		object, opened := objects[c.Interface]
		if !opened {
			object = open(t, client, c.Interface)
			objects[c.Interface] = object
		}
		assert.NoError(t, run(object, c), "%s.%s", c.Interface, c.Name)
	}
}

func open(t *testing.T, client *Client, name string) reflect.Value {
	t.Helper()
	constructor := reflect.ValueOf(client).MethodByName("Open" + name)
	require.True(t, constructor.IsValid(), "there is no constructor of %s", name)
	out := constructor.Call([]reflect.Value{reflect.ValueOf(context.Background())})
	require.True(t, out[1].IsNil(), "%v", out[1])
	return out[0]
}

func run(object reflect.Value, c roundtrip) error {
	method := object.MethodByName(strings.ToUpper(c.Method[:1]) + c.Method[1:])
	value := reflect.New(method.Type().In(1))
	wire, want := unhex(c.Wire), c.Reply
	if want == "" {
		want = c.Wire
	}
	d := rpc.NewDecoder(wire)
	value.Interface().(record).decode(d)
	if d.Err() != nil {
		return d.Err()
	}
	if got := encoded(value); got != want {
		return mismatch{"Go writes", got, want}
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(context.Background()), value.Elem()})
	if failed, _ := out[1].Interface().(error); failed != nil {
		return failed
	}
	back := reflect.New(out[0].Type())
	back.Elem().Set(out[0])
	if got := encoded(back); got != want {
		return mismatch{"Rust gives back", got, want}
	}
	if !reflect.DeepEqual(back.Interface(), value.Interface()) {
		return mismatch{"Go reads another value of Rust's bytes", text(back), text(value)}
	}
	return nil
}

func unhex(digits string) []byte {
	out, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return out
}

func encoded(value reflect.Value) string {
	e := rpc.NewEncoder()
	value.Interface().(record).encode(e)
	return hex.EncodeToString(e.Encoded())
}

func text(value reflect.Value) string {
	out, err := json.Marshal(value.Interface())
	if err != nil {
		return err.Error()
	}
	return string(out)
}

type mismatch struct{ what, got, want string }

func (m mismatch) Error() string { return m.what + "\n  " + m.got + "\nand not\n  " + m.want }
