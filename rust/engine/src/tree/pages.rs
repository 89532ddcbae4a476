//! Writing a file past the page cache, in pieces that begin and end anywhere.
//!
//! What fills whole pages is written as it comes. The pages at the two ends of a piece are shared with its neighbours: the
//! piece that comes first leaves its part, and the one that completes the page writes it along with its own.

use crate::direct::{self, Page, PageBuffer, PAGE};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Incomplete pages that are kept, at most.
const MOST_EDGES: usize = 1024;

/// The pages of one file, which is open for reading as well.
pub(super) struct Pages {
    /// Of the file, in bytes.
    size: u64,
    /// By the number of the page.
    edges: Mutex<HashMap<u64, Edge>>,
}

/// An incomplete page.
struct Edge {
    page: Box<Page>,
    /// What of it is there; ranges that touch neither overlap nor repeat.
    filled: Vec<Range<usize>>,
}

impl Pages {
    pub fn new(size: u64) -> Pages {
        Pages { size, edges: Mutex::default() }
    }

    /// Writes a piece; no two pieces overlap. `room` is where its pages come together.
    pub fn write_at(&self, file: &File, offset: u64, data: &[u8], room: &mut PageBuffer) -> io::Result<()> {
        let page = PAGE as u64;
        let first = offset / page;
        let before = (offset % page) as usize;
        let end = before + data.len();
        let pages = end.div_ceil(PAGE);
        let room = &mut room.room(pages * PAGE)[..pages * PAGE];
        room[before..end].copy_from_slice(data);
        // Pages of the room that are complete.
        let (mut from, mut to) = (0, pages);
        let last = pages - 1;
        let ends = end == pages * PAGE || first * page + end as u64 == self.size;
        if ends {
            room[end..].fill(0);
        }
        if before > 0 || (last == 0 && !ends) {
            let part = before..end.min(PAGE);
            if !self.complete(file, first, part, &mut room[..PAGE])? {
                from = 1;
            }
        }
        if last > 0 && !ends {
            let start = last * PAGE;
            if !self.complete(file, first + last as u64, 0..end - start, &mut room[start..])? {
                to = last;
            }
        }
        if from < to {
            direct::write_all_at(file, &room[from * PAGE..to * PAGE], (first + from as u64) * page)?;
        }
        Ok(())
    }

    /// Completes a page, of which `part` is here, with what others have left of it; or leaves the part for them.
    fn complete(&self, file: &File, number: u64, part: Range<usize>, page: &mut [u8]) -> io::Result<bool> {
        let whole = (self.size - number * PAGE as u64).min(PAGE as u64) as usize;
        let mut edges = self.edges.lock();
        let edge = edges.entry(number).or_insert_with(|| Edge { page: Box::new(Page::EMPTY), filled: Vec::new() });
        let there: usize = edge.filled.iter().map(Range::len).sum();
        if there + part.len() == whole {
            edge.page.0[part.clone()].copy_from_slice(&page[part]);
            page.copy_from_slice(&edge.page.0);
            edges.remove(&number);
            return Ok(true);
        }
        edge.page.0[part.clone()].copy_from_slice(&page[part.clone()]);
        edge.filled.push(part);
        if edges.len() > MOST_EDGES {
            edges.drain().try_for_each(|(number, edge)| merge(file, number, &edge))?;
        }
        Ok(false)
    }

    /// Writes what no piece has completed: a page that a hole begins or ends in. The file may be longer now than it is to be.
    pub fn finish(&mut self, file: &File) -> io::Result<()> {
        let edges = std::mem::take(self.edges.get_mut());
        edges.into_iter().try_for_each(|(number, edge)| merge(file, number, &edge))
    }
}

/// Writes what is there of an incomplete page.
fn merge(file: &File, number: u64, edge: &Edge) -> io::Result<()> {
    let offset = number * PAGE as u64;
    let mut page = Box::new(Page::EMPTY);
    // Nothing, or less than a page, where the file is still shorter.
    direct::read_page_at(file, &mut page.0, offset)?;
    for part in &edge.filled {
        page.0[part.clone()].copy_from_slice(&edge.page.0[part.clone()]);
    }
    direct::write_all_at(file, &page.0, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes pieces that end at `cuts`, those of them that `kept` names, in the order of `order`.
    fn write(size: usize, cuts: &[usize], kept: &[bool], order: &[u64]) -> (Vec<u8>, Vec<u8>) {
        let data: Vec<u8> = (0..size).map(|n| (n * 7 / 3 + 1) as u8).collect();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (size + 1)).chain([size]).collect();
        ends.sort_unstable();
        let starts = [0].into_iter().chain(ends.iter().copied());
        let mut pieces: Vec<_> =
            starts.zip(ends.iter().copied()).filter(|(start, end)| start < end).enumerate().collect();
        pieces.retain(|(at, _)| *kept.get(*at).unwrap_or(&true));
        pieces.sort_by_key(|(at, _)| order.get(*at).copied().unwrap_or_default());
        let space = tempfile::NamedTempFile::new().unwrap();
        let file = space.as_file();
        direct::engage(file);
        let mut pages = Pages::new(size as u64);
        let mut room = PageBuffer::default();
        let mut expected = vec![0; size];
        for (_, (start, end)) in pieces {
            expected[start..end].copy_from_slice(&data[start..end]);
            pages.write_at(file, start as u64, &data[start..end], &mut room).unwrap();
        }
        pages.finish(file).unwrap();
        file.set_len(size as u64).unwrap();
        (std::fs::read(space.path()).unwrap(), expected)
    }

    proptest! {
        #[test]
        fn pieces_may_come_in_any_order(
            size in 1usize..40_000,
            cuts in prop::collection::vec(0usize..40_000, 0..30),
            kept: [bool; 8],
            order: Vec<u64>,
        ) {
            let (written, expected) = write(size, &cuts, &kept, &order);
            prop_assert!(written == expected);
        }
    }

    #[test]
    fn more_edges_than_are_kept_are_written_before_they_are_complete() {
        let size = 3 * MOST_EDGES * PAGE;
        let cuts: Vec<usize> = (0..3 * MOST_EDGES).map(|n| n * PAGE + 100).collect();
        let order: Vec<u64> = (0..cuts.len() as u64).map(|n| n % 2 * 1_000_000 + n).collect();
        let (written, expected) = write(size, &cuts, &[], &order);
        assert!(written == expected);
    }
}
