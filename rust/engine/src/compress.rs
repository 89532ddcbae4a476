//! Compression of segments.

/// How data is compressed before it is sealed. What does not shrink is stored as it is, whichever is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Store what a sample shows not to shrink, compress the rest with zstd level 1.
    #[default]
    Auto,
    Off,
    Lz4,
    /// Level -7 to 19.
    Zstd(i32),
}
