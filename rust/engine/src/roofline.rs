//! The roofline: what each stage of the pipeline does on this machine when nothing else runs.
//!
//! It calls the very functions that a run calls, on data that a run meets: blocks of [`BLOCK`] bytes, chunks and packs of the
//! sizes that they have. All data lies in memory, and none of it in the nearest cache.

use crate::budget::{Block, Pool, BLOCK};
use crate::chunk::{Chunker, Params};
use crate::compress::{Compression, Encoder};
use crate::direct::{self, read_at};
use crate::error::{Error, Result};
use crate::id::{hex, Id};
use crate::pack::object_name;
use crate::seal::{self, Keys, Role, SALT, TAG};
use crate::store::{self, LocalStore, Store};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How fast one stage is, in bytes of its input a second.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSpeed {
    pub stage: String,
    pub one_core: f64,
    pub all_cores: f64,
}

/// What the stages do on this machine, each alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roofline {
    pub cores: u32,
    pub stages: Vec<StageSpeed>,
}

/// How long a stage that costs CPU time is measured, and how often: the best time is the one that others disturbed least.
const TIME: Duration = Duration::from_millis(20);
const TIMES: usize = 4;
/// Data of either kind: more than the nearest caches have.
const DATA: usize = 32 << 20;
/// What is written to the disk for each way to do it, in objects of the size of a pack.
const WRITTEN: usize = 128 << 20;
const PACK: usize = 32 << 20;
/// Written at a time past the page cache.
const DIRECT: usize = 8 << 20;

/// Something that does a part of a stage's work each time, and tells how many bytes that were.
type Work<'d> = Box<dyn FnMut() -> Result<usize> + Send + 'd>;

impl Roofline {
    /// Measures. `url` names a repository, or where one will be: where that is a folder, its disk is written to.
    pub async fn measure(url: &str, cancel: CancellationToken) -> Result<Roofline> {
        let folder = store::local_folder(url).filter(|_| !url.is_empty());
        crate::repository::on_thread(&cancel, move |cancel| Roofline::of(folder.as_deref(), cancel)).await
    }

    fn of(folder: Option<&Path>, cancel: &CancellationToken) -> Result<Roofline> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut roofline = Roofline { cores: cores as u32, stages: Vec::new() };
        let mut add = |stage: &str, measure: &dyn Fn(usize) -> Result<f64>| -> Result<()> {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let one_core = measure(1)?;
            let all_cores = if cores > 1 { measure(cores)? } else { one_core };
            roofline.stages.push(StageSpeed { stage: stage.into(), one_core, all_cores });
            Ok(())
        };
        let (noise, halves) = (noise(), halves());
        let keys = Keys::new(Id([1; 32]), [2; 32].into());

        let cached = cached_file(&noise)?;
        add("read", &|threads| busy(threads, |at| Ok(read(&cached, at))))?;
        add("chunk", &|threads| busy(threads, |at| chunk(&noise, at, &keys)))?;
        add("identify/64KiB", &|threads| busy(threads, |at| Ok(identify(&noise, at, 64 << 10, &keys))))?;
        add("identify/4KiB", &|threads| busy(threads, |at| Ok(identify(&noise, at, 4 << 10, &keys))))?;
        add("probe", &|threads| busy(threads, |at| probe(&noise, at)))?;
        for level in [-5, -1, 1, 3] {
            let compression = Compression::Zstd(level);
            add(&stage_of(compression), &|threads| busy(threads, |at| compress(&halves, at, compression)))?;
        }
        add(&stage_of(Compression::Lz4), &|threads| busy(threads, |at| compress(&halves, at, Compression::Lz4)))?;
        add("seal", &|threads| busy(threads, |at| sealed(&noise, at, &keys)))?;

        if let Some(folder) = folder {
            let place = Place::new(folder)?;
            add("write/store", &|threads| place.write(threads, &noise, Way::Store))?;
            add("write/buffered", &|threads| place.write(threads, &noise, Way::Buffered))?;
            // Not every file system can do without the page cache.
            if place.takes_direct() {
                add("write/direct", &|threads| place.write(threads, &noise, Way::Direct))?;
            }
        }
        Ok(roofline)
    }

    pub(crate) fn speed(&self, stage: &str) -> Option<f64> {
        self.stages.iter().find(|speed| speed.stage == stage).map(|speed| speed.all_cores).filter(|speed| *speed > 0.0)
    }

    /// The fastest of the ways to write.
    pub(crate) fn disk(&self) -> Option<f64> {
        let ways = self.stages.iter().filter(|speed| speed.stage.starts_with("write/"));
        ways.map(|speed| speed.one_core.max(speed.all_cores)).reduce(f64::max)
    }
}

/// What compressing so is called.
pub(crate) fn stage_of(compression: Compression) -> String {
    match compression {
        Compression::Lz4 => "compress/lz4".into(),
        Compression::Zstd(level) => format!("compress/zstd:{level}"),
        Compression::Auto | Compression::Off => "compress/zstd:1".into(),
    }
}

/// Bytes a second that so many threads do together of the work that `make` makes for each; it is given where in the data a
/// thread begins.
fn busy<'d>(threads: usize, make: impl Fn(usize) -> Result<Work<'d>>) -> Result<f64> {
    let works: Vec<Work<'d>> = (0..threads).map(|n| make(DATA / threads * n / BLOCK * BLOCK)).collect::<Result<_>>()?;
    let start = Barrier::new(threads);
    let rates = std::thread::scope(|scope| {
        let threads: Vec<_> = works
            .into_iter()
            .map(|mut work| {
                let start = &start;
                scope.spawn(move || {
                    // What is only done once must not count.
                    let ready = work();
                    start.wait();
                    ready?;
                    let mut best = 0.0;
                    for _ in 0..TIMES {
                        let (began, mut bytes) = (Instant::now(), 0);
                        while began.elapsed() < TIME {
                            bytes += work()?;
                        }
                        best = f64::max(best, bytes as f64 / began.elapsed().as_secs_f64());
                    }
                    Ok(best)
                })
            })
            .collect();
        threads.into_iter().map(join).collect::<Result<Vec<f64>>>()
    })?;
    Ok(rates.into_iter().sum())
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().unwrap_or_else(|_| Err(Error::invalid("engine", "a measurement panicked; this is a bug")))
}

/// The block of the data that comes next, round and round.
fn blocks<'d>(data: &'d [u8], mut at: usize) -> impl FnMut() -> &'d [u8] + Send {
    move || {
        let block = &data[at..at + BLOCK];
        at = (at + BLOCK) % DATA;
        block
    }
}

fn read(file: &File, mut at: usize) -> Work<'_> {
    let mut block = vec![0; BLOCK];
    Box::new(move || {
        let length = read_at(file, &mut block, at as u64).map_err(|error| in_folder(&std::env::temp_dir(), &error))?;
        at = (at + BLOCK) % DATA;
        Ok(length)
    })
}

fn chunk<'d>(data: &'d [u8], at: usize, keys: &Keys) -> Result<Work<'d>> {
    let chunker = Chunker::new(&keys.cuts, Params::DEFAULT);
    let mut chunker = chunker.map_err(|error| Error::invalid("chunks", error.to_string()))?;
    let mut next = blocks(data, at);
    Ok(Box::new(move || {
        let mut rest = next();
        while let Some(cut) = chunker.next_cut(rest, false) {
            rest = &rest[cut..];
        }
        Ok(BLOCK)
    }))
}

fn identify<'d>(data: &'d [u8], at: usize, chunk: usize, keys: &'d Keys) -> Work<'d> {
    let mut next = blocks(data, at);
    Box::new(move || {
        for chunk in next().chunks(chunk) {
            std::hint::black_box(keys.data_id([chunk]));
        }
        Ok(BLOCK)
    })
}

fn probe(data: &[u8], at: usize) -> Result<Work<'_>> {
    let encoder = Encoder::new(Compression::Auto)?;
    let mut next = blocks(data, at);
    Ok(Box::new(move || {
        std::hint::black_box(encoder.worth_trying(next()));
        Ok(BLOCK)
    }))
}

fn compress(data: &[u8], at: usize, compression: Compression) -> Result<Work<'_>> {
    let mut encoder = Encoder::new(compression)?;
    let mut next = blocks(data, at);
    let mut out = vec![0; BLOCK];
    Ok(Box::new(move || {
        std::hint::black_box(encoder.compress(next(), &mut out));
        Ok(BLOCK)
    }))
}

/// Sealing is in place, so the data is copied once, to where packs would be.
fn sealed<'d>(data: &[u8], at: usize, keys: &Keys) -> Result<Work<'d>> {
    let salt: [u8; SALT] = seal::random_array()?;
    let key = keys.object(&salt, &object_name(&seal::random_array()?));
    let mut pack = data[at / 2..at / 2 + DATA / 2].to_vec();
    let (mut place, mut number) = (0, 0u32);
    Ok(Box::new(move || {
        key.seal(Role::Segment, number, &mut pack[place..place + BLOCK], BLOCK - TAG);
        (place, number) = ((place + BLOCK) % (DATA / 2), number.wrapping_add(1));
        Ok(BLOCK - TAG)
    }))
}

/// Random bytes: what does not shrink.
fn noise() -> Vec<u8> {
    let mut out = vec![0; DATA];
    blake3::Hasher::new().update(b"strongroom roofline").finalize_xof().fill(&mut out);
    out
}

/// Data of which zstd leaves about half: words that come again, and random bytes between them.
fn halves() -> Vec<u8> {
    const WORDS: usize = 1024;
    const WORD: usize = 8;
    let mut random = blake3::Hasher::new().update(b"strongroom words").finalize_xof();
    let mut words = vec![0; WORDS * WORD];
    random.fill(&mut words);
    words.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
    let mut out = Vec::with_capacity(DATA);
    let mut record = [0; 32];
    while out.len() < DATA {
        random.fill(&mut record);
        for pick in record[..16].chunks_exact(2) {
            let word = usize::from(u16::from_le_bytes([pick[0], pick[1]])) % WORDS * WORD;
            out.extend_from_slice(&words[word..word + WORD]);
        }
        out.extend_from_slice(&record);
    }
    out.truncate(DATA);
    out
}

/// A file without a name, which lies in the page cache.
fn cached_file(data: &[u8]) -> Result<File> {
    let made = tempfile::tempfile().and_then(|mut file| file.write_all(data).map(|()| file));
    made.map_err(|error| in_folder(&std::env::temp_dir(), &error))
}

fn in_folder(folder: &Path, error: &std::io::Error) -> Error {
    Error::file(folder, error)
}

/// A way to write to the disk; all of them end when the bytes are durable.
#[derive(Clone, Copy)]
enum Way {
    /// As packs are written.
    Store,
    /// Through the page cache.
    Buffered,
    /// Past it.
    Direct,
}

/// A folder for what is written, removed when it is dropped.
struct Place {
    folder: PathBuf,
    serial: AtomicU32,
}

impl Place {
    /// In the folder of a repository, or the nearest one above that is there.
    fn new(repository: &Path) -> Result<Place> {
        let above = std::path::absolute(repository).map_err(|error| in_folder(repository, &error))?;
        let mut above = above.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_path_buf();
        if above.join(crate::config::NAME).is_file() && above.join("tmp").is_dir() {
            // Where a repository has what is not finished.
            above = above.join("tmp");
        }
        let folder = above.join(format!("roofline-{}", hex(&seal::random_array::<8>()?)));
        std::fs::create_dir(&folder).map_err(|error| in_folder(&folder, &error))?;
        Ok(Place { folder, serial: AtomicU32::new(0) })
    }

    fn next(&self) -> PathBuf {
        self.folder.join(self.serial.fetch_add(1, Relaxed).to_string())
    }

    fn takes_direct(&self) -> bool {
        self.file().is_ok_and(|file| direct::engage(&file))
    }

    fn file(&self) -> std::io::Result<File> {
        File::options().write(true).create_new(true).open(self.next())
    }

    /// Bytes a second that so many writers write together, of [`WRITTEN`] bytes.
    fn write(&self, writers: usize, data: &[u8], way: Way) -> Result<f64> {
        let objects = (WRITTEN / PACK).div_ceil(writers).max(1);
        let pool = Pool::new(PACK, writers)?;
        let store = LocalStore::new(self.next());
        let never = CancellationToken::new();
        let buffers = (0..writers).map(|_| filled(&pool, data, &never)).collect::<Result<Vec<Block>>>()?;
        let began = Instant::now();
        std::thread::scope(|scope| {
            let threads: Vec<_> = buffers
                .into_iter()
                .map(|buffer| {
                    let store = &store;
                    scope.spawn(move || -> Result<()> {
                        let bytes = buffer.freeze(PACK);
                        (0..objects).try_for_each(|_| match way {
                            Way::Store => {
                                let name = object_name(&seal::random_array()?);
                                let made = store.create(&name, bytes.clone());
                                made.map_err(|error| store::failed("cannot measure writing", error))
                            }
                            Way::Buffered => self.write_file(|mut file| file.write_all(&bytes)),
                            Way::Direct => self.write_file(|file| past_the_cache(file, &bytes)),
                        })
                    })
                })
                .collect();
            threads.into_iter().try_for_each(join)
        })?;
        Ok((writers * objects * PACK) as f64 / began.elapsed().as_secs_f64())
    }

    fn write_file(&self, write: impl Fn(&File) -> std::io::Result<()>) -> Result<()> {
        let written = self.file().and_then(|file| {
            write(&file)?;
            file.sync_data()
        });
        written.map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull => Error::NoSpace { what: "what the roofline is measured with".into() },
            _ => in_folder(&self.folder, &error),
        })
    }
}

fn past_the_cache(file: &File, data: &[u8]) -> std::io::Result<()> {
    direct::engage(file);
    let mut steps = data.chunks(DIRECT).enumerate();
    steps.try_for_each(|(n, step)| direct::write_all_at(file, step, (n * DIRECT) as u64))
}

/// A buffer of a pool with a pack's worth of the data.
fn filled(pool: &Arc<Pool>, data: &[u8], stop: &CancellationToken) -> Result<Block> {
    let mut block = pool.take(stop)?;
    let length = block.len().min(data.len());
    block[..length].copy_from_slice(&data[..length]);
    Ok(block)
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_stages_are_measured_and_nothing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("not/there/yet");
        let roofline = Roofline::of(Some(&repository), &CancellationToken::new()).unwrap();
        let names: Vec<&str> = roofline.stages.iter().map(|speed| speed.stage.as_str()).collect();
        let always = [
            "read",
            "chunk",
            "identify/64KiB",
            "identify/4KiB",
            "probe",
            "compress/zstd:-5",
            "compress/zstd:-1",
            "compress/zstd:1",
            "compress/zstd:3",
            "compress/lz4",
            "seal",
            "write/store",
            "write/buffered",
        ];
        assert_eq!(names[..always.len()], always);
        for speed in &roofline.stages {
            assert!(speed.one_core > 0.0 && speed.all_cores > 0.0, "{speed:?}");
        }
        assert!(roofline.disk().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn without_a_folder_nothing_is_written() {
        let roofline = Roofline::of(None, &CancellationToken::new()).unwrap();
        assert_eq!(roofline.disk(), None);
        assert!(roofline.speed("seal").is_some());
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        assert_eq!(Roofline::of(None, &cancelled), Err(Error::Cancelled));
    }

    #[test]
    fn the_data_is_what_it_is_to_be() {
        for (data, least, most) in [(noise(), 1.0, 1.01), (halves(), 0.40, 0.60)] {
            assert_eq!(data.len(), DATA);
            let part = &data[..BLOCK];
            let shrunk = zstd::bulk::compress(part, 1).unwrap().len() as f64 / part.len() as f64;
            assert!(shrunk >= least && shrunk <= most, "{shrunk}");
        }
    }
}
