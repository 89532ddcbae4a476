//! Check of a repository.

#[derive(Debug, Clone, Copy, Default)]
pub struct CheckOptions {
    /// Fetch, open and verify every byte as well.
    pub read_data: bool,
}

/// Something wrong with an object of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Name of the object in the store.
    pub object: String,
    /// What is wrong, and what to do.
    pub why: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub snapshots: u64,
    /// Packs that the index knows.
    pub packs: u64,
    /// Packs that it does not know: left by interrupted runs, harmless.
    pub unused_packs: u64,
    pub chunks: u64,
    pub bytes_read: u64,
    pub damage: Vec<Damage>,
}
