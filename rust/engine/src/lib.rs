//! Filled in by the commits that follow.
pub mod chunk;
pub mod tree;
