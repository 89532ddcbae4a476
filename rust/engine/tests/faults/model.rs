//! Several agents at work on one repository at once, at random, against a model: what each run committed, by its tag.
//!
//! `STRONGROOM_MODEL_SEED` plays one seed again, `STRONGROOM_MODEL_ROUNDS` plays so many rounds of each instead of a few.
//! The plan of an agent follows from the seed alone; how the agents interleave is the machine's affair.

use super::*;
use crate::source::noise;
use crate::store::{Disk, Fault};
use engine::{chunk, generate_key_file, InitOptions};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs;

const AGENTS: usize = 3;
const ROUNDS: usize = 12;
const SEEDS: u64 = 3;

/// SplitMix64, the usual way to many numbers from one.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A run that was to commit a snapshot.
struct Run {
    source: PathBuf,
    content: Items,
    /// `None`: it failed, and may have committed all the same.
    snapshot: Option<Id>,
}

#[derive(Default)]
struct Model {
    /// By tag.
    runs: Mutex<BTreeMap<String, Run>>,
    /// What the agents did, for who looks into a failure.
    deeds: Mutex<Vec<String>>,
}

impl Model {
    /// A committed snapshot, if there is one.
    fn any(&self, random: &mut Random) -> Option<(Id, PathBuf, Items)> {
        let runs = self.runs.lock();
        let committed: Vec<_> = runs.values().filter(|run| run.snapshot.is_some()).collect();
        let run = committed.get(random.below(committed.len().max(1)))?;
        Some((run.snapshot?, run.source.clone(), run.content.clone()))
    }
}

struct Agent {
    name: String,
    model: Arc<Model>,
    folder: PathBuf,
    disk: Arc<Mutex<Disk>>,
    store: FaultStore,
    /// `None` after a crash.
    repository: Option<Repository>,
    random: Random,
    runs: usize,
}

impl Agent {
    fn source(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn tells(&self, deed: String) {
        self.model.deeds.lock().push(format!("{}: {deed}", self.name));
    }

    async fn act(&mut self) {
        match self.random.below(10) {
            0..=4 => self.back_up().await,
            5 | 6 => self.restore().await,
            7 => self.check().await,
            8 => self.restart(),
            _ => {}
        }
    }

    fn restart(&mut self) {
        self.tells("restarts".into());
        self.store = FaultStore::new(&self.disk);
        self.repository = None;
    }

    async fn repository(&mut self) -> Result<Repository, Error> {
        if self.repository.is_none() {
            self.repository = Some(open(&self.folder, &self.store).await?);
        }
        Ok(self.repository.clone().expect("it was opened"))
    }

    /// Arms the store with something, or nothing.
    fn arm(&mut self, faults: &[Fault]) {
        if self.random.below(2) == 0 {
            let at = self.random.below(20);
            let fault = self.random.of(faults);
            self.store.arm(at, fault);
        }
    }

    /// Notes what happened; a process that died starts again.
    fn settle(&mut self) -> Option<String> {
        let happened = self.store.disarm();
        if let Some(happened) = &happened {
            self.tells(happened.clone());
            if happened.starts_with("Death") {
                self.restart();
            }
        }
        happened
    }

    fn edit(&mut self) {
        let source = self.source();
        for _ in 0..self.random.below(6) {
            // Few names and few contents, so that agents have much in common and files come and go.
            let path = source.join(format!("{}/{}", self.random.below(2), self.random.below(6)));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let seed = self.random.below(8) as u64;
            match self.random.below(4) {
                0 => drop(fs::remove_file(&path)),
                1 => fs::write(&path, noise(seed, 100 + 500 * seed as usize)).unwrap(),
                2 => fs::write(&path, noise(seed, 120_000)).unwrap(),
                _ => {
                    let mut bytes = fs::read(&path).unwrap_or_default();
                    let at = self.random.below(bytes.len() + 1);
                    bytes.splice(at..at, noise(seed, 50));
                    fs::write(&path, bytes).unwrap();
                }
            }
        }
    }

    async fn back_up(&mut self) {
        self.edit();
        let source = self.source();
        self.runs += 1;
        let tag = format!("{}-{}", self.name, self.runs);
        // Before it begins, because it may have committed when others look.
        let run = Run { source: source.clone(), content: items(&source), snapshot: None };
        self.model.runs.lock().insert(tag.clone(), run);
        self.arm(&[
            Fault::DeathBefore,
            Fault::DeathAfter,
            Fault::DeathWithin,
            Fault::Refused,
            Fault::Lost,
            Fault::Taken,
            Fault::Full,
            Fault::Slow,
            Fault::Stale,
            Fault::Flipped,
        ]);
        let outcome = match self.repository().await {
            Ok(repository) => backup(&repository, &source, &self.name, &tag).await,
            Err(error) => Err(error),
        };
        self.tells(format!("backup {tag}: {:?}", outcome.as_ref().map(|report| report.snapshot.id)));
        let happened = self.settle();
        match outcome {
            Ok(report) => {
                assert_eq!(report.issues, []);
                self.model.runs.lock().get_mut(&tag).unwrap().snapshot = Some(report.snapshot.id);
            }
            Err(error) => assert!(happened.is_some(), "{tag}: {error}"),
        }
    }

    async fn restore(&mut self) {
        let Some((snapshot, source, content)) = self.model.any(&mut self.random) else { return };
        self.arm(&[Fault::DeathBefore, Fault::Refused, Fault::Slow, Fault::Flipped]);
        let target = tempfile::tempdir_in(&self.folder).unwrap();
        let options = RestoreOptions { snapshot, target: target.path().into(), only: Vec::new() };
        let outcome = match self.repository().await {
            Ok(repository) => repository.restore(options, None, CancellationToken::new()).await,
            Err(error) => Err(error),
        };
        let happened = self.settle();
        self.tells(format!("restore {snapshot}: {:?}", outcome.as_ref().map(|report| &report.issues)));
        let there = restored(target.path(), &source);
        let found = if there.exists() { items(&there) } else { Items::new() };
        match outcome {
            Ok(report) if report.issues.is_empty() => assert!(found == content, "{snapshot}"),
            Err(error) if happened.is_none() => panic!("restore of {snapshot}: {error}"),
            Ok(report) if happened.is_none() => panic!("restore of {snapshot}: {:?}", report.issues),
            // Less than all, and nothing wrong.
            _ => {
                for (name, item) in found.iter().filter(|(_, item)| !item.is_folder()) {
                    assert_eq!(content.get(name), Some(item), "{snapshot}: {}", name.display());
                }
            }
        }
    }

    /// While others write: none of what they are about is damage.
    async fn check(&mut self) {
        self.tells("check".into());
        let repository = self.repository().await.unwrap();
        is_clean(&repository, &self.name).await;
    }
}

async fn play(seed: u64, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    generate_key_file(&path.join("key")).unwrap();
    let disk = Arc::default();
    let chunks = chunk::Params { min: 4 << 10, average: 16 << 10, max: 64 << 10 };
    let options = InitOptions { create_key: false, chunks };
    Repository::init_in(Arc::new(FaultStore::new(&disk)), location(path), options).await.unwrap();
    let model = Arc::new(Model::default());
    let mut agents = Vec::new();
    for number in 0..AGENTS {
        let name = format!("agent-{number}");
        fs::create_dir(path.join(&name)).unwrap();
        let (disk, store) = (Arc::clone(&disk), FaultStore::new(&disk));
        let random = Random(seed << 8 | number as u64);
        let folder = path.to_path_buf();
        agents.push(Agent { name, model: Arc::clone(&model), folder, disk, store, repository: None, random, runs: 0 });
    }
    for _ in 0..rounds {
        // Each does one thing, all at once.
        let acting = agents.into_iter().map(|mut agent| {
            tokio::spawn(async move {
                agent.act().await;
                agent
            })
        });
        let acted = futures::future::join_all(acting).await;
        let deeds = || panic!("with seed {seed}, {:#?}", model.deeds.lock());
        agents = acted.into_iter().collect::<Result<_, _>>().unwrap_or_else(|_| deeds());
    }
    let repository = open(path, &FaultStore::new(&disk)).await.unwrap();
    is_clean(&repository, "at the end").await;
    let found = snapshots(&repository).await;
    let runs = std::mem::take(&mut *model.runs.lock());
    for (tag, run) in &runs {
        let is_there = run.snapshot.is_none_or(|id| found.iter().any(|snapshot| snapshot.id == id));
        assert!(is_there, "{tag} was committed and is lost");
    }
    let mut tags: Vec<_> = found.iter().map(|snapshot| &snapshot.tags[0]).collect();
    for snapshot in &found {
        let run = runs.get(&snapshot.tags[0]).expect("a snapshot that somebody made");
        let back = bring_back(&repository, snapshot.id, path, &run.source).await;
        assert!(back == run.content, "{:?} came back otherwise; {:#?}", snapshot.tags, model.deeds.lock());
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), found.len(), "a run committed twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_at_random_get_back_what_they_saved() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let rounds = number("STRONGROOM_MODEL_ROUNDS").map_or(ROUNDS, |rounds| rounds as usize);
    let first = number("STRONGROOM_MODEL_SEED");
    let drawn =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as u64 % 1_000_000;
    let seeds = match first {
        Some(seed) => seed..seed + 1,
        None => drawn..drawn + SEEDS,
    };
    for seed in seeds {
        println!("STRONGROOM_MODEL_SEED={seed} STRONGROOM_MODEL_ROUNDS={rounds} plays it again");
        play(seed, rounds).await;
    }
}
