//! The engine without an agent: what the benchmark compares all others with. It opens a repository by its key file, does
//! one thing, and prints what that took as JSON.

mod null;

use bytes::Bytes;
use clap::{Parser, Subcommand};
use engine::{
    BackupOptions, CheckOptions, Compression, Credentials, IngestOptions, InitOptions, Location, NewFile, Repository,
    RestoreOptions,
};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The repository that is no folder: it is made anew, takes packs and drops them.
const NULL: &str = "null:";

/// As much as the agents have in one buffer.
const BLOCK: u64 = 1 << 20;

#[derive(Parser)]
#[command(name = "engine-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Folder of the repository, or null: for one that keeps nothing.
    #[arg(long, global = true, default_value = "repo")]
    repo: String,
    #[arg(long, global = true, default_value = "key")]
    key_file: PathBuf,
    /// Bytes of memory that the pipeline may use.
    #[arg(long, global = true)]
    memory: Option<u64>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the key file and the repository.
    Init,
    Backup {
        /// auto, off, lz4 or a level of zstd.
        #[arg(long, default_value = "auto", value_parser = compression)]
        compression: Compression,
        /// Reads all files, also those that look unchanged.
        #[arg(long)]
        paranoid: bool,
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Backs the standard input up, as an agent does that moves buffers in.
    Ingest,
    /// Restores the latest snapshot.
    Restore { target: PathBuf },
    /// Reads and verifies every byte.
    Check,
}

fn compression(text: &str) -> Result<Compression, String> {
    match text {
        "auto" => Ok(Compression::Auto),
        "off" => Ok(Compression::Off),
        "lz4" => Ok(Compression::Lz4),
        level => level.parse().map(Compression::Zstd).map_err(|_| "it is auto, off, lz4 or a level of zstd".into()),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("engine-bench: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments { command, repo, key_file, memory } = arguments;
    let location = Location { url: repo, credentials: Credentials::KeyFile(key_file), memory };
    let done = match command {
        Command::Init => {
            let options = InitOptions { create_key: true, ..Default::default() };
            Repository::init(location, options).await.map(drop)
        }
        Command::Backup { compression, paranoid, paths } => {
            let options = BackupOptions { paths: absolute(paths)?, compression, paranoid, ..Default::default() };
            backup(location, options).await
        }
        Command::Ingest => ingest(location).await,
        Command::Restore { target } => restore(location, &target).await,
        Command::Check => return check(location).await,
    };
    done.map_err(|error| error.to_string())
}

fn absolute(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, String> {
    let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()));
    paths.into_iter().map(absolute).collect()
}

async fn open(location: Location) -> engine::Result<Repository> {
    if location.url == NULL {
        let options = InitOptions { create_key: true, ..Default::default() };
        return Repository::init_in(Arc::new(null::NullStore::default()), location, options).await;
    }
    Repository::open(location).await
}

async fn backup(location: Location, options: BackupOptions) -> engine::Result<()> {
    let report = open(location).await?.backup(options, None, CancellationToken::new()).await?;
    tell(&report.snapshot.statistics, &report.issues, &report.busy);
    Ok(())
}

async fn ingest(location: Location) -> engine::Result<()> {
    let repository = open(location).await?;
    let ingest = repository.ingest(IngestOptions::default(), CancellationToken::new()).await?;
    let file = ingest.add(NewFile { path: b"stdin".to_vec(), mode: 0o600, modified: None }).await?;
    // The next blocks are read while the pipeline takes this one, as the agents do it.
    let (blocks, mut filled) = tokio::sync::mpsc::channel(8);
    let reader = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        loop {
            let mut block = Vec::with_capacity(BLOCK as usize);
            std::io::stdin().lock().take(BLOCK).read_to_end(&mut block)?;
            if block.is_empty() || blocks.blocking_send(Bytes::from(block)).is_err() {
                return Ok(());
            }
        }
    });
    while let Some(block) = filled.recv().await {
        ingest.write(file, block).await?;
    }
    let read = reader.await.map_err(std::io::Error::other).and_then(|read| read);
    read.map_err(|error| engine::Error::Invalid { what: "the standard input".into(), why: error.to_string() })?;
    let report = ingest.commit().await?;
    tell(&report.snapshot.statistics, &report.issues, &report.busy);
    Ok(())
}

async fn restore(location: Location, target: &Path) -> engine::Result<()> {
    let repository = open(location).await?;
    let snapshot = repository.resolve("latest").await?.id;
    let options = RestoreOptions { snapshot, target: target.to_owned(), only: Vec::new() };
    let report = repository.restore(options, None, CancellationToken::new()).await?;
    tell(&report.statistics, &report.issues, &report.busy);
    Ok(())
}

async fn check(location: Location) -> Result<(), String> {
    let check = async {
        let repository = open(location).await?;
        repository.check(CheckOptions { read_data: true }, None, CancellationToken::new()).await
    };
    let report = check.await.map_err(|error: engine::Error| error.to_string())?;
    if let Some(damage) = report.damage.first() {
        return Err(format!("{} is damaged: {}", damage.object, damage.why));
    }
    let told = serde_json::json!({ "packs": report.packs, "chunks": report.chunks, "bytes_read": report.bytes_read });
    println!("{told}");
    Ok(())
}

fn tell(statistics: &engine::Statistics, issues: &[engine::FileIssue], busy: &BTreeMap<String, f64>) {
    for issue in issues {
        eprintln!("{}: {}", String::from_utf8_lossy(&issue.path), issue.message);
    }
    let seconds = statistics.duration.as_secs_f64();
    let told = serde_json::json!({
        "files": statistics.files, "bytes": statistics.bytes, "bytes_stored": statistics.bytes_stored,
        "chunks": statistics.chunks, "seconds": seconds, "issues": issues.len(), "busy": busy,
    });
    println!("{told}");
}
