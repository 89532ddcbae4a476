//! The engine without an agent: what the benchmark compares all others with. It opens a repository by its key file, does
//! one thing, and prints what that took as JSON.

use clap::{Parser, Subcommand};
use engine::{BackupOptions, Credentials, InitOptions, Location, Repository, RestoreOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
#[command(name = "engine-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Folder of the repository.
    #[arg(long, global = true, default_value = "repo")]
    repo: PathBuf,
    #[arg(long, global = true, default_value = "key")]
    key_file: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the key file and the repository.
    Init,
    Backup {
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Restores the latest snapshot.
    Restore { target: PathBuf },
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
    let url = arguments.repo.to_str().ok_or("--repo is not UTF-8")?.to_owned();
    let location = Location { url, credentials: Credentials::KeyFile(arguments.key_file), memory: None };
    let done = match arguments.command {
        Command::Init => {
            let options = InitOptions { create_key: true, ..Default::default() };
            Repository::init(location, options).await.map(drop)
        }
        Command::Backup { paths } => backup(location, absolute(paths)?).await,
        Command::Restore { target } => restore(location, &target).await,
    };
    done.map_err(|error| error.to_string())
}

fn absolute(paths: Vec<PathBuf>) -> Result<Vec<PathBuf>, String> {
    let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()));
    paths.into_iter().map(absolute).collect()
}

async fn backup(location: Location, paths: Vec<PathBuf>) -> engine::Result<()> {
    let repository = Repository::open(location).await?;
    let options = BackupOptions { paths, ..Default::default() };
    let report = repository.backup(options, None, CancellationToken::new()).await?;
    tell(&report.snapshot.statistics, &report.issues, &report.busy);
    Ok(())
}

async fn restore(location: Location, target: &Path) -> engine::Result<()> {
    let repository = Repository::open(location).await?;
    let snapshot = repository.resolve("latest").await?.id;
    let options = RestoreOptions { snapshot, target: target.to_owned(), only: Vec::new() };
    let report = repository.restore(options, None, CancellationToken::new()).await?;
    tell(&report.statistics, &report.issues, &report.busy);
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
