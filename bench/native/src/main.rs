//! The engine without an agent: what the benchmark compares all others with. It opens a repository by its key file, does
//! one thing, and prints what that took as JSON.

mod null;

use bytes::Bytes;
use clap::{Parser, Subcommand};
use engine::{
    BackupOptions, BackupReport, CheckOptions, Compression, Credentials, FileIssue, IngestOptions, InitOptions,
    Location, NewFile, Repository, RestoreOptions, Roofline, StageSpeed, Statistics,
};
use serde_json::{json, Value};
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
        /// What `roofline` printed: says which share of it the backup reached.
        #[arg(long)]
        roofline: Option<PathBuf>,
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Backs the standard input up, as an agent does that moves buffers in.
    Ingest,
    /// Restores the latest snapshot.
    Restore { target: PathBuf },
    /// Reads and verifies every byte.
    Check,
    /// Measures each stage by itself, with the disk that the repository is on.
    Roofline,
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
        Command::Backup { compression, paranoid, roofline, paths } => {
            let mut roofline = roofline.as_deref().map(recorded).transpose()?;
            // The disk that was measured is not where these keep their packs.
            let is_elsewhere = location.url == NULL || location.url.contains("://");
            if let Some(roofline) = roofline.as_mut().filter(|_| is_elsewhere) {
                roofline.stages.retain(|speed| !speed.stage.starts_with("write/"));
            }
            let options = BackupOptions { paths: absolute(paths)?, compression, paranoid, ..Default::default() };
            backup(location, options, roofline).await
        }
        Command::Ingest => ingest(location).await,
        Command::Restore { target } => restore(location, &target).await,
        Command::Check => return check(location).await,
        Command::Roofline => {
            Roofline::measure(&location.url, CancellationToken::new()).await.map(|measured| record(&measured))
        }
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

async fn backup(location: Location, options: BackupOptions, roofline: Option<Roofline>) -> engine::Result<()> {
    let compression = options.compression;
    let report = open(location).await?.backup(options, None, CancellationToken::new()).await?;
    let BackupReport { snapshot, issues, busy } = report;
    let explained = roofline.map(|roofline| engine::explain(&snapshot.statistics, &busy, compression, &roofline));
    let reached = explained.and_then(|explained| explained.reached);
    tell(&snapshot.statistics, &issues, json!({ "busy": busy, "reached": reached }));
    Ok(())
}

fn record(roofline: &Roofline) {
    let stages = roofline
        .stages
        .iter()
        .map(|speed| json!({ "stage": speed.stage, "one_core": speed.one_core, "all_cores": speed.all_cores }));
    println!("{}", json!({ "cores": roofline.cores, "stages": stages.collect::<Vec<_>>() }));
}

/// What [`record`] printed.
fn recorded(file: &Path) -> Result<Roofline, String> {
    let unreadable = |why: String| format!("{}: {why}", file.display());
    let text = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    let told: Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
    let stage = |told: &Value| {
        let speed = |name| told[name].as_f64();
        Some(StageSpeed {
            stage: told["stage"].as_str()?.into(),
            one_core: speed("one_core")?,
            all_cores: speed("all_cores")?,
        })
    };
    let stages = told["stages"].as_array().and_then(|stages| stages.iter().map(stage).collect());
    let cores = told["cores"].as_u64().and_then(|cores| cores.try_into().ok());
    match (cores, stages) {
        (Some(cores), Some(stages)) => Ok(Roofline { cores, stages }),
        _ => Err(unreadable("this is not what `engine-bench roofline` prints".into())),
    }
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
    tell(&report.snapshot.statistics, &report.issues, json!({ "busy": report.busy }));
    Ok(())
}

async fn restore(location: Location, target: &Path) -> engine::Result<()> {
    let repository = open(location).await?;
    let snapshot = repository.resolve("latest").await?.id;
    let options = RestoreOptions { snapshot, target: target.to_owned(), only: Vec::new() };
    let report = repository.restore(options, None, CancellationToken::new()).await?;
    tell(&report.statistics, &report.issues, json!({ "busy": report.busy }));
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
    let told = json!({ "packs": report.packs, "chunks": report.chunks, "bytes_read": report.bytes_read });
    println!("{told}");
    Ok(())
}

fn tell(statistics: &Statistics, issues: &[FileIssue], mut more: Value) {
    for issue in issues {
        eprintln!("{}: {}", String::from_utf8_lossy(&issue.path), issue.message);
    }
    more["files"] = statistics.files.into();
    more["bytes"] = statistics.bytes.into();
    more["bytes_stored"] = statistics.bytes_stored.into();
    more["chunks"] = statistics.chunks.into();
    more["seconds"] = statistics.duration.as_secs_f64().into();
    more["issues"] = issues.len().into();
    println!("{more}");
}
