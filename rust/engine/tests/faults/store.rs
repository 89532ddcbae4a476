//! A store that fails on command.

use bytes::Bytes;
use engine::store::{Store, StoreError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What happens at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before it: nothing is applied, and no operation follows.
    DeathBefore,
    /// The process dies after it: it is applied, the answer is not heard.
    DeathAfter,
    /// The process dies in the middle of a write. What the store has of it does not have its name.
    DeathWithin,
    /// The same in a store that gives a part of an object the object's name, which a store must not do.
    Torn,
    /// Not applied: 409, 429, 503, a connection that was refused.
    Refused,
    /// Applied, and the answer lost.
    Lost,
    /// Applied, and tried again by a layer in between, which meets its own object: 412.
    Taken,
    /// The disk is full.
    Full,
    Slow,
    /// A listing without the objects that came last.
    Stale,
    /// A bit of what is read is another one than what is kept.
    Flipped,
    /// A bit of what is kept of a pack is another one than what was written.
    Spoiled,
}

impl Fault {
    pub fn is_death(self) -> bool {
        matches!(self, Fault::DeathBefore | Fault::DeathAfter | Fault::DeathWithin | Fault::Torn)
    }
}

/// What the store keeps, whatever becomes of the processes that use it.
#[derive(Clone, Default)]
pub struct Disk {
    objects: BTreeMap<String, Bytes>,
    /// Names in the order of their creation.
    order: Vec<String>,
}

impl Disk {
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().map(String::as_str)
    }

    fn create(&mut self, name: &str, data: Bytes) -> Result<(), StoreError> {
        if self.objects.contains_key(name) {
            return Err(StoreError::Exists);
        }
        self.objects.insert(name.into(), data);
        self.order.push(name.into());
        Ok(())
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Bytes, StoreError> {
        let object = self.objects.get(name).ok_or(StoreError::Missing)?;
        let size = object.len() as u64;
        let range = range.unwrap_or(0..size);
        let start = range.start.min(size);
        Ok(object.slice(start as usize..range.end.clamp(start, size) as usize))
    }

    fn list(&self, folder: &str, last: &[String]) -> Vec<(String, u64)> {
        let is_in = |name: &str| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let objects = self.objects.iter().filter(|(name, _)| is_in(name) && !last.contains(name));
        objects.map(|(name, data)| (name.clone(), data.len() as u64)).collect()
    }
}

#[derive(Default)]
struct Plan {
    /// Operations so far.
    operations: usize,
    /// The operation that it happens at, counted from 0.
    fault: Option<(usize, Fault)>,
    /// What happened, at which call.
    happened: Option<String>,
    dead: bool,
}

/// One process's way to the [`Disk`].
#[derive(Clone)]
pub struct FaultStore {
    disk: Arc<Mutex<Disk>>,
    plan: Arc<Mutex<Plan>>,
}

/// Objects that a stale listing lacks, at most: more than a run here makes, so that it misses those of others.
const STALE: usize = 8;

impl FaultStore {
    pub fn new(disk: &Arc<Mutex<Disk>>) -> FaultStore {
        FaultStore { disk: Arc::clone(disk), plan: Arc::default() }
    }

    /// Lets something happen at one of the operations that follow, the next one being 0.
    pub fn arm(&self, at: usize, fault: Fault) {
        *self.plan.lock() = Plan { fault: Some((at, fault)), ..Plan::default() };
    }

    /// Lets nothing happen from now on. What happened, if anything did.
    pub fn disarm(&self) -> Option<String> {
        std::mem::take(&mut *self.plan.lock()).happened
    }

    /// What is to happen at this operation.
    fn next(&self, call: &str, name: &str, can: impl Fn(Fault) -> bool) -> Result<Option<Fault>, StoreError> {
        let mut plan = self.plan.lock();
        if plan.dead {
            return Err(gone());
        }
        let number = plan.operations;
        plan.operations += 1;
        // What cannot happen at this operation happens at the first one that it can happen at.
        let Some((_, fault)) = plan.fault.take_if(|(at, fault)| *at <= number && can(*fault)) else { return Ok(None) };
        plan.happened = Some(format!("{fault:?} at operation {number}, {call} {name}"));
        plan.dead = fault.is_death();
        Ok(Some(fault))
    }
}

fn gone() -> StoreError {
    StoreError::Failed("the process is dead".into())
}

fn flipped(data: &[u8]) -> Bytes {
    let mut bytes = data.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 4;
    }
    bytes.into()
}

impl Store for FaultStore {
    fn create(&self, name: &str, data: Bytes) -> Result<(), StoreError> {
        let can = |fault| match fault {
            Fault::Stale | Fault::Flipped => false,
            Fault::Spoiled => name.starts_with("packs/"),
            // Of the log's entries, a store gives all or nothing their name, or it is no place for a repository.
            Fault::Torn => !name.starts_with("log/"),
            _ => true,
        };
        let fault = self.next("create", name, can)?;
        let mut disk = self.disk.lock();
        match fault {
            None => disk.create(name, data),
            Some(Fault::DeathBefore) => Err(gone()),
            Some(Fault::DeathAfter) => disk.create(name, data).and(Err(gone())),
            Some(Fault::DeathWithin) => {
                let part = data.slice(..data.len() / 2);
                disk.create(&format!("tmp/{}", name.replace('/', "-")), part).and(Err(gone()))
            }
            Some(Fault::Torn) => disk.create(name, data.slice(..data.len() / 2)).and(Err(gone())),
            Some(Fault::Refused) => Err(StoreError::Failed("503 Slow Down".into())),
            Some(Fault::Lost) => disk.create(name, data).and(Err(StoreError::Failed("connection reset".into()))),
            Some(Fault::Taken) => disk.create(name, data).and(Err(StoreError::Exists)),
            Some(Fault::Full) => Err(StoreError::Full),
            Some(Fault::Slow) => {
                drop(disk);
                std::thread::sleep(Duration::from_millis(5));
                self.disk.lock().create(name, data)
            }
            Some(Fault::Spoiled) => disk.create(name, flipped(&data)),
            Some(Fault::Stale | Fault::Flipped) => unreachable!("only what is read is stale or flipped"),
        }
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Bytes, StoreError> {
        use Fault::{DeathAfter, DeathBefore, Flipped, Lost, Refused, Slow};
        let can = |fault| matches!(fault, DeathBefore | DeathAfter | Refused | Lost | Slow | Flipped);
        let fault = self.next("get", name, can)?;
        if fault == Some(Slow) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let answer = self.disk.lock().get(name, range);
        match fault {
            Some(Flipped) => answer.map(|data| flipped(&data)),
            Some(Refused | Lost) => Err(StoreError::Failed("503 Slow Down".into())),
            Some(DeathBefore | DeathAfter) => Err(gone()),
            _ => answer,
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, StoreError> {
        use Fault::{DeathAfter, DeathBefore, Lost, Refused, Slow, Stale};
        let can = |fault| match fault {
            DeathBefore | DeathAfter | Refused | Lost | Slow => true,
            // The key slot was there long before anybody worked with it.
            Stale => folder != "keys",
            _ => false,
        };
        let fault = self.next("list", folder, can)?;
        if fault == Some(Slow) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let disk = self.disk.lock();
        let newest = match fault {
            Some(Refused | Lost) => return Err(StoreError::Failed("503 Slow Down".into())),
            Some(DeathBefore | DeathAfter) => return Err(gone()),
            Some(Stale) => &disk.order[disk.order.len().saturating_sub(STALE)..],
            _ => &[],
        };
        Ok(disk.list(folder, newest))
    }

    fn parallelism(&self) -> usize {
        2
    }

    fn cancelled_by(&self, _cancel: CancellationToken) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }
}
