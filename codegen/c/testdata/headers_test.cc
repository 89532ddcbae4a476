#include "codegen/c/testdata/headers_test.inc"
