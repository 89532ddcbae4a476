//! Writing finished packs to the store.

use super::{Counters, Run, Stage};
use crate::error::{Error, Result};
use crate::pack::{object_name, PackRecord};
use crate::store;
use bytes::Bytes;
use crossbeam_channel::Receiver;

pub(super) fn run(run: &Run, finished: &Receiver<(Bytes, PackRecord)>) -> Result<()> {
    let mut shift = run.busy.enter(Stage::Upload);
    while let Ok((data, record)) = shift.wait(|| finished.recv()) {
        run.course.check()?;
        let name = object_name(&record.name);
        if !store::create(&*run.vault.store, &name, data)? {
            let why = "another object has this name".into();
            return Err(Error::Store { what: format!("cannot write {name}"), why });
        }
        let counters = &run.course.counters;
        Counters::add(&counters.bytes_packed, record.contents.plain());
        Counters::add(&counters.bytes_stored, record.size);
        run.uploaded(record)?;
    }
    Ok(())
}
