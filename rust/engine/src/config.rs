//! The `config` object.
pub(crate) const FORMAT: u32 = 1;
