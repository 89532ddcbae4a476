//! What a backup with the least memory takes: many files, and one that is nearly all hole.
//!
//! `STRONGROOM_MEMORY_FILES=1000000 cargo test --release -p strongroom-engine --test memory` takes a million files. The peak was
//! 30 MiB with 50,000 files, 55 MiB with a million.

use engine::{BackupOptions, Credentials, InitOptions, Location, Repository};
use std::fs;
use std::os::unix::fs::FileExt;
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;
const MEMORY: u64 = 64 * MIB;
/// The most memory that this process has had, in bytes. It has one test, so that nothing else is in it.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_memory_is_enough_for_many_files_and_a_sparse_one() {
    let files = std::env::var("STRONGROOM_MEMORY_FILES").map_or(50_000, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    for number in 0..files {
        let within = source.join(format!("{}", number / 1000));
        if number % 1000 == 0 {
            fs::create_dir_all(&within).unwrap();
        }
        fs::write(within.join(number.to_string()), format!("file {number}")).unwrap();
    }
    let sparse = fs::File::create(source.join("sparse")).unwrap();
    sparse.set_len(100 << 30).unwrap();
    sparse.write_all_at(b"in the middle", 50 << 30).unwrap();
    let location = Location {
        url: folder.path().join("repository").to_string_lossy().into_owned(),
        credentials: Credentials::KeyFile(folder.path().join("key")),
        memory: Some(MEMORY),
    };
    let options = InitOptions { create_key: true, ..Default::default() };
    let repository = Repository::init(location, options).await.unwrap();
    let options = BackupOptions { paths: vec![source], ..Default::default() };
    for run in ["first", "unchanged"] {
        let report = repository.backup(options.clone(), None, CancellationToken::new()).await.unwrap();
        assert_eq!(report.issues, []);
        assert_eq!(report.snapshot.statistics.files, files + 1);
        assert!(report.snapshot.statistics.bytes_read < 64 * MIB + 32 * files, "holes are not read");
        println!("{run}: a peak of {} MiB", peak() / MIB);
        // With all that is beside the pipeline's half of it: the program itself and its threads, the index (a table of 12 bytes a
        // chunk, and a sixteenth of the memory for its newest records), and the names of the folder that is being read, of
        // which here none has more than 1000.
        assert!(peak() <= MEMORY, "{} MiB after {run}", peak() / MIB);
    }
}
