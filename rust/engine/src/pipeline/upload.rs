//! Writing finished packs to the store.

use super::{Counters, Run, Stage};
use crate::error::{Error, Result};
use crate::index::{segments, PackInfo};
use crate::pack::{self, object_name, PackRecord, SegmentReader};
use crate::store;
use bytes::Bytes;
use crossbeam_channel::Receiver;

pub(super) fn run(run: &Run, finished: &Receiver<(Bytes, PackRecord)>) -> Result<()> {
    let mut shift = run.busy.enter(Stage::Upload);
    let mut reader = if run.verify { Some(SegmentReader::new()?) } else { None };
    while let Ok((data, record)) = shift.wait(|| finished.recv()) {
        run.course.check()?;
        let name = object_name(&record.name);
        if !store::create(&*run.vault.store, &name, data)? {
            let why = "another object has this name".into();
            return Err(Error::Store { what: format!("cannot write {name}"), why });
        }
        if let Some(reader) = &mut reader {
            verify(run, reader, &record)?;
        }
        let counters = &run.course.counters;
        Counters::add(&counters.bytes_packed, record.contents.plain());
        Counters::add(&counters.bytes_stored, record.size);
        run.uploaded(record)?;
    }
    Ok(())
}

/// Reads a pack back: its table of contents and every blob must be what was written.
fn verify(run: &Run, reader: &mut SegmentReader, record: &PackRecord) -> Result<()> {
    let (store, keys) = (&*run.vault.store, &run.vault.keys);
    let otherwise = || {
        let why =
            "it does not read back as it was written; see to the disk or the server, then back up again: no snapshot \
                   names it";
        Error::damaged(object_name(&record.name), why)
    };
    let told = |error| match error {
        Error::Damaged { .. } => otherwise(),
        error => error,
    };
    if pack::read_contents(store, keys, &record.name, record.size).map_err(told)? != *record {
        return Err(otherwise());
    }
    let pack = PackInfo::of(record);
    let segments: Vec<_> = segments(record).zip(&record.contents.0).collect();
    let mut rest = &segments[..];
    while !rest.is_empty() {
        let (at_once, after) = rest.split_at(pack::run_length(rest.iter().map(|(segment, _)| segment)));
        rest = after;
        run.course.check()?;
        reader.each(store, keys, &pack, at_once, |_, contents, plain| {
            match pack::verify_all(keys, &contents.blobs, plain.map_err(told)?) {
                true => Ok(()),
                false => Err(otherwise()),
            }
        })?;
    }
    Ok(())
}
