//! The C functions of `library`, and nothing else: the shared and the static library of Bazel are made of this file, so that
//! the crate itself is compiled once.

extern crate library as _;
