//! An open repository: the public entry points.

use crate::backup::{self, BackupOptions, BackupReport};
use crate::budget::Budget;
use crate::check::{self, CheckOptions, CheckReport};
use crate::chunk::{self, Chunker};
use crate::config::{self, Config};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::index::{self, Index};
use crate::ingest::{Ingest, IngestOptions};
use crate::keys::{self, Secret};
use crate::listing;
use crate::location::{generate_key_file, Credentials, Location};
use crate::log::{self, Log};
use crate::machine;
use crate::path;
use crate::pipeline::{Course, Run, Vault};
use crate::progress::ProgressSender;
use crate::restore::{self, RestoreOptions, RestoreReport};
use crate::seal::{self, Keys};
use crate::snapshot::{Snapshot, SnapshotFilter, Source};
use crate::store::{self, Store, StoreError};
use crate::tree::{Entry, Time};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use parking_lot::RwLock;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// Make the key file that the credentials name, with a new random key and mode 0600. It must not exist yet.
    pub create_key: bool,
    /// Sizes of chunks; fixed for the life of the repository.
    pub chunks: chunk::Params,
}

/// An open repository. Clones share it.
///
/// Every method must be called within a tokio runtime whose time and IO drivers run. Long operations run on threads of
/// their own; dropping their future cancels them like their token does.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

struct Inner {
    id: Id,
    url: String,
    vault: Vault,
    chunker: Chunker,
    chunks: chunk::Params,
    budget: Arc<Budget>,
}

/// Runs an operation on a thread of its own, because it blocks. It is cancelled by `cancel`, and when this is dropped.
pub(crate) async fn on_thread<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce(&CancellationToken) -> Result<T> + Send + 'static,
) -> Result<T> {
    let token = cancel.child_token();
    let _stop = token.clone().drop_guard();
    let (done, result) = oneshot::channel();
    spawn(move || {
        let _ = done.send(work(&token));
    })?;
    result.await.unwrap_or_else(|_| Err(Error::invalid("engine", "an operation panicked; this is a bug")))
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().name("sr-engine".into()).spawn(work);
    thread.map(drop).map_err(|error| Error::invalid("cannot start a thread", error.to_string()))
}

/// Items that wait for a receiver.
const AHEAD: usize = 4;

/// The items that `work` sends from a thread of its own; it is told (`false`) when nobody takes more.
fn streamed<T: Send + 'static>(
    work: impl FnOnce(&CancellationToken, &mut dyn FnMut(T) -> bool) -> Result<()> + Send + 'static,
) -> BoxStream<'static, Result<T>> {
    let (items, received) = mpsc::channel(AHEAD);
    let token = CancellationToken::new();
    let stop = token.clone().drop_guard();
    let failed = items.clone();
    let started = spawn(move || {
        let result = work(&token, &mut |item| items.blocking_send(Ok(item)).is_ok());
        if let Err(error) = result {
            let _ = items.blocking_send(Err(error));
        }
    });
    if let Err(error) = started {
        let _ = failed.try_send(Err(error));
    }
    drop(failed);
    futures::stream::unfold((received, stop), |(mut received, stop)| async move {
        received.recv().await.map(|item| (item, (received, stop)))
    })
    .boxed()
}

impl Repository {
    /// Creates a repository where there is none, and opens it.
    pub async fn init(location: Location, options: InitOptions) -> Result<Repository> {
        let store = store::open(&location.url)?;
        Repository::init_in(store, location, options).await
    }

    /// Like [`Repository::init`] in a store of the caller's own, which the URL only names.
    pub async fn init_in(store: Arc<dyn Store>, location: Location, options: InitOptions) -> Result<Repository> {
        let budget = Budget::new(location.memory)?;
        let opened = on_thread(&CancellationToken::new(), move |cancel| {
            Inner::init(&*store.cancelled_by(cancel.clone()), &location, &options)?;
            Inner::open(store, location, budget)
        })
        .await?;
        Ok(Repository { inner: Arc::new(opened) })
    }

    pub async fn open(location: Location) -> Result<Repository> {
        Repository::open_in(store::open(&location.url)?, location).await
    }

    /// Like [`Repository::open`] in a store of the caller's own, which the URL only names.
    pub async fn open_in(store: Arc<dyn Store>, location: Location) -> Result<Repository> {
        let budget = Budget::new(location.memory)?;
        let opened = on_thread(&CancellationToken::new(), move |_| Inner::open(store, location, budget)).await?;
        Ok(Repository { inner: Arc::new(opened) })
    }

    /// The repository's random identity.
    pub fn id(&self) -> [u8; 32] {
        self.inner.id.0
    }

    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Walks and reads the paths, and commits a snapshot of them. What cannot be read is in [`BackupReport::issues`].
    pub async fn backup(
        &self,
        options: BackupOptions,
        progress: ProgressSender,
        cancel: CancellationToken,
    ) -> Result<BackupReport> {
        let inner = Arc::clone(&self.inner);
        on_thread(&cancel, move |cancel| inner.backup(options, progress, cancel)).await
    }

    /// Starts a snapshot whose content the caller moves in.
    pub async fn ingest(&self, options: IngestOptions, cancel: CancellationToken) -> Result<Ingest> {
        let inner = Arc::clone(&self.inner);
        let IngestOptions { tags, host, compression, verify } = options;
        let (run, source) = on_thread(&CancellationToken::new(), move |_| {
            compression.check()?;
            let time = Time::now();
            let course = Course::new(None, &cancel);
            let vault = inner.current_vault(&course.stop)?;
            let mut run = Run::new(vault, course, compression, inner.budget.share()?, inner.chunks.max)?;
            run.verify = verify;
            Ok((run, Source { time, host: or_this(host), paths: Vec::new(), tags, parent: None }))
        })
        .await?;
        Ingest::start(run, self.inner.chunker.clone(), source)
    }

    /// All snapshots that pass the filter, oldest first. Entries that are damaged are left out; the last item tells of one.
    pub fn snapshots(&self, filter: SnapshotFilter) -> BoxStream<'static, Result<Snapshot>> {
        let inner = Arc::clone(&self.inner);
        streamed(move |cancel, send| {
            let vault = inner.vault(cancel);
            let mut damage = None;
            for number in log::numbers(&*vault.store)? {
                match vault.entry(number) {
                    Ok(Some(snapshot)) if filter.accepts(&snapshot) => {
                        if !send(snapshot) {
                            return Ok(());
                        }
                    }
                    Ok(_) => {}
                    Err(error @ Error::Damaged { .. }) => damage = Some(error),
                    Err(error) => return Err(error),
                }
            }
            damage.map_or(Ok(()), Err)
        })
    }

    /// The snapshot that `name` means: `latest`, or the first hexadecimal digits of an id.
    pub async fn resolve(&self, name: &str) -> Result<Snapshot> {
        let (inner, name) = (Arc::clone(&self.inner), name.to_owned());
        on_thread(&CancellationToken::new(), move |cancel| inner.resolve(&inner.vault(cancel), &name)).await
    }

    /// The entries at `at` and below; the empty path is the top. Without `recursive`: `at` itself if it is no folder, else
    /// what is directly in it. Each folder comes before what is in it, siblings in byte order.
    pub fn list(&self, snapshot: Id, at: Vec<u8>, recursive: bool) -> BoxStream<'static, Result<Entry>> {
        let inner = Arc::clone(&self.inner);
        streamed(move |cancel, send| {
            let vault = inner.current_vault(cancel)?;
            let root = inner.snapshot(&vault, snapshot)?.root;
            listing::list(&vault, root, &at, recursive, send)
        })
    }

    /// The content of one file, in order, holes as zeros. A file is also found by its last path elements, where these are
    /// unambiguous. Reads ahead only as far as the receiver takes.
    pub fn read(&self, snapshot: Id, at: Vec<u8>) -> BoxStream<'static, Result<Bytes>> {
        let inner = Arc::clone(&self.inner);
        streamed(move |cancel, send| {
            let vault = inner.current_vault(cancel)?;
            let root = inner.snapshot(&vault, snapshot)?.root;
            listing::read(&vault, root, &at, send)
        })
    }

    /// Restores to a folder. What could not be restored is in [`RestoreReport::issues`].
    pub async fn restore(
        &self,
        options: RestoreOptions,
        progress: ProgressSender,
        cancel: CancellationToken,
    ) -> Result<RestoreReport> {
        let inner = Arc::clone(&self.inner);
        on_thread(&cancel, move |cancel| {
            let course = Course::new(progress, cancel);
            let vault = inner.current_vault(&course.stop)?;
            let root = inner.snapshot(&vault, options.snapshot)?.root;
            let share = inner.budget.share()?;
            course.tell(|| restore::run(vault, share, root, &options, &course))
        })
        .await
    }

    pub async fn check(
        &self,
        options: CheckOptions,
        progress: ProgressSender,
        cancel: CancellationToken,
    ) -> Result<CheckReport> {
        let inner = Arc::clone(&self.inner);
        on_thread(&cancel, move |cancel| {
            let course = Course::new(progress, cancel);
            let vault = inner.vault(&course.stop);
            let share = inner.budget.share()?;
            course.tell(|| check::run(vault, share, &options, &course))
        })
        .await
    }
}

/// This machine's name, where none is given.
fn or_this(host: String) -> String {
    match host.is_empty() {
        true => machine::host(),
        false => host,
    }
}

impl Inner {
    /// Writes the objects of a new repository: a key slot, then the config, which makes it one.
    fn init(store: &dyn Store, location: &Location, options: &InitOptions) -> Result<()> {
        let url = || location.url.clone();
        match store.get(config::NAME, None) {
            Ok(_) => return Err(Error::AlreadyExists { url: url() }),
            Err(StoreError::Missing) => {}
            Err(error) => return Err(store::failed(format!("cannot read {}", config::NAME), error)),
        }
        if let Some(name) = foreign_file(&location.url) {
            let why = format!("it is a folder with other files in it ({name}); name a new or an empty one");
            return Err(Error::NotARepository { url: url(), why });
        }
        let repository = Id(seal::random_array()?);
        let mut master = Zeroizing::new([0; 32]);
        seal::random(&mut *master)?;
        let made_key = match &location.credentials {
            Credentials::KeyFile(path) if options.create_key => {
                generate_key_file(path)?;
                Some(path)
            }
            _ => None,
        };
        let slot = Secret::read(&location.credentials).and_then(|secret| {
            let (name, slot) = keys::wrap(repository, &master, &secret)?;
            let slot = Bytes::from(slot);
            match store::create(store, &name, slot.clone())? {
                true => Ok((name, slot)),
                false => {
                    let why = "another object has this name".into();
                    Err(Error::Store { what: format!("cannot write {name}"), why })
                }
            }
        });
        // Snapshots are safe only where a name can be taken once. The same bytes again do no harm.
        let slot = slot.and_then(|(name, slot)| match store.create(&name, slot) {
            Err(StoreError::Exists) => Ok(()),
            Ok(()) => Err(Error::StoreNotSafe { url: url() }),
            Err(error) => Err(store::failed(format!("cannot write {name}"), error)),
        });
        if let Err(error) = slot {
            // No config was written, so there is nothing that the key would open.
            if let Some(path) = made_key {
                let _ = std::fs::remove_file(path);
            }
            return Err(error);
        }
        let keys = Keys::new(repository, master);
        let object = Config { repository, chunks: options.chunks }.encode(&keys)?;
        match store::create(store, config::NAME, object.into())? {
            true => Ok(()),
            false => Err(Error::AlreadyExists { url: url() }),
        }
    }

    fn open(store: Arc<dyn Store>, location: Location, budget: Arc<Budget>) -> Result<Inner> {
        let Location { url, credentials, .. } = location;
        let object = store.get(config::NAME, None).map_err(|error| match error {
            StoreError::Missing => match foreign_file(&url) {
                None => Error::NotFound { url: url.clone() },
                Some(_) => Error::NotARepository { url: url.clone(), why: "it has no config object".into() },
            },
            error => store::failed(format!("cannot read {}", config::NAME), error),
        })?;
        let config = Config::decode(&url, &object)?;
        let secret = Secret::read(&credentials)?;
        let keys = Arc::new(Keys::new(config.repository, keys::unwrap(&*store, config.repository, &secret)?));
        Config::verify(&object, &keys)?;
        let log = Arc::new(Log::default());
        if let Some(&last) = log::numbers(&*store)?.last() {
            // The newest entry tells whether this program may still work here; damage of it is for others to report.
            match log.read(&*store, &keys, last) {
                Ok(_) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let chunker =
            Chunker::new(&keys.cuts, config.chunks).map_err(|error| Error::invalid(&url, error.to_string()))?;
        let index = Arc::new(RwLock::new(Index::new(budget.total)));
        let vault = Vault { store, keys, index, log };
        Ok(Inner { id: config.repository, url, vault, chunker, chunks: config.chunks, budget })
    }

    /// With calls to the store that end when `cancel` says so.
    fn vault(&self, cancel: &CancellationToken) -> Vault {
        Vault { store: self.vault.store.cancelled_by(cancel.clone()), ..self.vault.clone() }
    }

    /// The same, with all in its index that has been written by now, here or elsewhere.
    fn current_vault(&self, cancel: &CancellationToken) -> Result<Vault> {
        let vault = self.vault(cancel);
        for problem in index::refresh(&vault.index, &*vault.store, &vault.keys)? {
            tracing::warn!("{problem}");
        }
        Ok(vault)
    }

    /// The newest snapshot that `wanted` accepts. Damaged entries are passed over; where none is left, one of them is why.
    fn newest(&self, vault: &Vault, mut wanted: impl FnMut(&Snapshot) -> bool) -> Result<Option<Snapshot>> {
        let mut damage = None;
        for number in log::numbers(&*vault.store)?.into_iter().rev() {
            match vault.entry(number) {
                Ok(Some(snapshot)) if wanted(&snapshot) => return Ok(Some(snapshot)),
                Ok(_) => {}
                Err(error @ Error::Damaged { .. }) => damage = Some(error),
                Err(error) => return Err(error),
            }
        }
        damage.map_or(Ok(None), Err)
    }

    fn resolve(&self, vault: &Vault, name: &str) -> Result<Snapshot> {
        let none = || Error::NoSuchSnapshot { name: name.into() };
        if name == "latest" {
            // One that is damaged is not passed over here: the one before it is not the latest.
            for number in log::numbers(&*vault.store)?.into_iter().rev() {
                if let Some(snapshot) = vault.entry(number)? {
                    return Ok(snapshot);
                }
            }
            return Err(none());
        }
        let prefix = name.to_ascii_lowercase();
        if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(none());
        }
        let mut found: Option<Snapshot> = None;
        let mut more = false;
        let search = self.newest(vault, |snapshot| {
            if snapshot.id.to_string().starts_with(&prefix) {
                more |= found.is_some();
                found.get_or_insert_with(|| snapshot.clone());
            }
            // A whole id need not be looked for any further.
            more || (found.is_some() && prefix.len() == 64)
        });
        match found {
            Some(_) if more => Err(Error::invalid(name, "more than one snapshot begins so; give more digits")),
            Some(snapshot) => Ok(snapshot),
            None => search.and(Err(none())),
        }
    }

    fn snapshot(&self, vault: &Vault, id: Id) -> Result<Snapshot> {
        if let Some(snapshot) = vault.log.seen(id) {
            return Ok(snapshot);
        }
        let found = self.newest(vault, |snapshot| snapshot.id == id)?;
        found.ok_or_else(|| Error::NoSuchSnapshot { name: id.to_string() })
    }

    fn backup(
        &self,
        options: BackupOptions,
        progress: ProgressSender,
        cancel: &CancellationToken,
    ) -> Result<BackupReport> {
        options.compression.check()?;
        let roots = backup::roots(&options.paths)?;
        let time = Time::now();
        let course = Course::new(progress, cancel);
        let vault = self.current_vault(&course.stop)?;
        let host = or_this(options.host);
        let paths: Vec<Vec<u8>> = roots.iter().map(|root| path::bytes(root).into_owned()).collect();
        let parent = match self.newest(&vault, |snapshot| snapshot.host == host && snapshot.paths == paths) {
            Err(error @ Error::Damaged { .. }) => {
                tracing::warn!("reading all files because of a damaged snapshot: {error}");
                None
            }
            parent => parent?,
        };
        let source = Source { time, host, paths, tags: options.tags, parent: parent.as_ref().map(|parent| parent.id) };
        let start = backup::Start {
            roots,
            one_file_system: options.one_file_system,
            parent: parent.filter(|_| !options.paranoid),
            repository: store::local_folder(&self.url).and_then(|folder| backup::identity(&folder)),
            chunker: self.chunker.clone(),
            least_chunk: self.chunks.min,
        };
        let mut run = Run::new(vault, course, options.compression, self.budget.share()?, self.chunks.max)?;
        run.verify = options.verify;
        run.execute(|jobs| backup::read_paths(&run, &start, jobs), || Ok(()))?;
        backup::commit(&run, source)
    }
}

/// A name in a local folder that no repository has: the folder is used for something else.
fn foreign_file(url: &str) -> Option<String> {
    let folder: PathBuf = store::local_folder(url)?;
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        // What an interrupted init leaves.
        .filter(|name| !matches!(name.as_str(), "tmp" | keys::FOLDER | "lost+found"))
        .collect();
    names.sort();
    names.into_iter().next()
}
