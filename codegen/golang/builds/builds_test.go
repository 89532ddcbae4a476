// Package builds imports the packages that the golden test compares, so that it does not build where they do not.
package builds

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	_ "strongroom.dev/codegen/golang/testdata/absent"
	names "strongroom.dev/codegen/golang/testdata/names"
	"strongroom.dev/codegen/golang/testdata/whole"
)

// TestGoldenPackages uses what is easily got wrong in them.
func TestGoldenPackages(t *testing.T) {
	_, err := whole.NewClient()
	assert.ErrorContains(t, err, "the library gave no table of functions", "the test has no library")
	assert.EqualError(t, &whole.FailureLostError{Object: "x", At: "/y", ID: [4]byte{1, 2, 3, 4}},
		`x at /y (01020304) is lost; {not} "found"`, "an error that the program made")
	assert.EqualError(t, &whole.FailureBrokenError{}, "it is broken")
	assert.Equal(t, whole.Patience, whole.DefaultDefaults().M)
	assert.Equal(t, whole.MaxSize, whole.DefaultDefaults().K)
	assert.Equal(t, 2*time.Hour, whole.DefaultDefaults().L)

	var _ names.Shape = names.ShapePoint_{X: 1} // ShapePoint is a record of its own
	assert.Equal(t, names.ShapePoint_{X: 2}, names.DefaultShapePoint_())
	assert.Equal(t, names.ShapePoint{X: 1}, names.DefaultShapePoint__())
	assert.Zero(t, names.DefaultShapePoint{Y: 0})
	assert.EqualError(t, &names.ConformanceErrorError_{Func: 1}, "100% 1")
	assert.EqualError(t, &names.MessageError{Message: "x"}, "x 100%")
}
