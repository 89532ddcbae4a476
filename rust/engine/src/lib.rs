//! Strongroom's engine: source → chunk → identify → compress → seal → pack → upload → index → snapshot, and back.
//!
//! [`Repository`] is the way in. The format of a repository is specified in `docs/format.md`.
//!
//! ```no_run
//! # async fn example() -> engine::Result<()> {
//! use engine::{BackupOptions, Credentials, Location, Repository};
//!
//! let key = std::path::PathBuf::from("/home/me/strongroom.key");
//! let location = Location { url: "/backup".into(), credentials: Credentials::KeyFile(key), memory: None };
//! let repository = Repository::open(location).await?;
//! let options = BackupOptions { paths: vec!["/home/me".into()], ..Default::default() };
//! let report = repository.backup(options, None, Default::default()).await?;
//! println!("{} with {} issues", report.snapshot.id, report.issues.len());
//! # Ok(())
//! # }
//! ```

mod arena;
mod backup;
mod budget;
mod cbor;
mod check;
pub mod chunk;
mod compress;
mod config;
mod content;
mod direct;
mod durable;
mod error;
mod explain;
mod folder;
mod id;
mod index;
mod ingest;
mod keys;
mod listing;
mod location;
mod log;
mod machine;
mod object;
mod pack;
mod path;
mod pipeline;
mod progress;
mod repository;
mod restore;
mod roofline;
mod seal;
mod snapshot;
pub mod store;
pub mod tree;
mod trees;

pub use backup::{BackupOptions, BackupReport};
pub use check::{CheckOptions, CheckReport, Damage};
pub use compress::Compression;
pub use error::{Error, Result};
pub use explain::{explain, Explanation};
pub use id::Id;
pub use ingest::{EntryId, Ingest, IngestOptions, NewFile};
pub use location::{generate_key_file, Credentials, Location};
pub use progress::{FileIssue, IssueKind, Progress, ProgressSender};
pub use repository::{InitOptions, Repository};
pub use restore::{RestoreOptions, RestoreReport};
pub use roofline::{Roofline, StageSpeed};
pub use snapshot::{Snapshot, SnapshotFilter, Statistics};
pub use tree::{Entry, Kind, Time};
