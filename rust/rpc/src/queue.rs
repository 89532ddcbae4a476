//! A completion queue: frames from many workers, taken by any number of pollers.
//!
//! Workers append to the inbox; a poller swaps the whole inbox for its empty outbox and copies from that, so that
//! workers never wait for a copy. Locks are taken in the order outbox, emits, inbox.
//!
//! No wake-up is lost: a poller arms the bell, or goes to sleep, under the inbox's lock and only while nothing is
//! pending; a worker adds to what is pending under the same lock, and looks afterwards whether it has to wake somebody.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::bell::Bell;
use crate::error::Error;
use crate::frame::{append, padded, EMIT, END, ERROR, HEADER, PANIC, REPLY};
use crate::sync::{looks, spin_loop, AtomicBool, AtomicU64, Condvar, Mutex};

/// How often a poller looks again before it sleeps: a few microseconds, far less than a wake-up costs.
const SPINS: u32 = looks(100);

/// Blocks that grew beyond this in a burst are given back.
const KEPT_CAPACITY: usize = 4 << 20;

pub(crate) struct Queue {
    inbox: Mutex<Inbox>,
    outbox: Mutex<Outbox>,
    /// Bytes that were pushed and not yet polled. It grows only under the inbox's lock.
    pending: AtomicU64,
    sleepers: Condvar,
    bell: Bell,
    /// Whether the bell may have to be cleared. It is set after the bell was rung, so that a ring is never forgotten:
    /// at worst, one is seen twice.
    rung: AtomicBool,
    /// The newest emit of each request, where it has not been polled; a frame without payload marks its place.
    emits: Mutex<HashMap<u64, Vec<u8>>>,
    number: u16,
}

struct Inbox {
    frames: Vec<u8>,
    armed: bool,
    closed: bool,
}

struct Outbox {
    frames: Vec<u8>,
    at: usize,
}

/// What one poll brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    Frames {
        count: usize,
        bytes: usize,
        /// How many of them were the last of their request.
        finals: usize,
    },
    /// The next frame needs so much room.
    TooSmall(usize),
    Empty,
    Closed,
}

impl Queue {
    pub(crate) fn new(number: u16) -> Result<Self, Error> {
        Ok(Queue {
            inbox: Mutex::new(Inbox { frames: Vec::new(), armed: false, closed: false }),
            outbox: Mutex::new(Outbox { frames: Vec::new(), at: 0 }),
            pending: AtomicU64::new(0),
            sleepers: Condvar::new(),
            bell: Bell::new()?,
            rung: AtomicBool::new(false),
            emits: Mutex::new(HashMap::new()),
            number,
        })
    }

    pub(crate) fn descriptor(&self) -> i32 {
        self.bell.descriptor()
    }

    /// Where [`sr_wake`](crate::ffi::Wake) tells callers to look.
    pub(crate) fn pending(&self) -> *const u64 {
        self.pending.as_ptr()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.load(Ordering::Acquire) == 0
    }

    /// Appends whole frames.
    pub(crate) fn push(&self, frames: &[u8]) {
        if frames.is_empty() {
            return;
        }
        let armed = {
            let mut inbox = self.inbox.lock();
            inbox.frames.extend_from_slice(frames);
            self.pending.fetch_add(frames.len() as u64, Ordering::Release);
            std::mem::take(&mut inbox.armed)
        };
        self.sleepers.notify_one();
        if armed {
            self.ring();
        }
    }

    fn ring(&self) {
        self.bell.ring();
        self.rung.store(true, Ordering::Release);
    }

    /// Puts an emit in the place of the request's one that has not been polled, or at the end.
    pub(crate) fn emit(&self, request: u64, payload: Vec<u8>) {
        let mut emits = self.emits.lock();
        if emits.insert(request, payload).is_none() {
            let mut mark = Vec::with_capacity(HEADER);
            append(&mut mark, self.number, request, EMIT, &[], &[]);
            self.push(&mark);
        }
    }

    /// Lets pollers go: they get what is there, and then `Closed`.
    pub(crate) fn close(&self) {
        self.inbox.lock().closed = true;
        self.sleepers.notify_all();
        self.ring();
    }

    /// Copies frames into `block`, waiting at most `wait` for the first (`None`: for ever). `going_idle` is called
    /// where nothing is there.
    pub(crate) fn poll(&self, block: &mut [MaybeUninit<u8>], wait: Option<Duration>, going_idle: impl Fn()) -> Polled {
        let mut until = None;
        loop {
            match self.take(block) {
                Polled::Empty => {}
                polled => return polled,
            }
            if wait != Some(Duration::ZERO) && self.spin() {
                continue;
            }
            if self.rung.swap(false, Ordering::AcqRel) {
                self.bell.clear();
            }
            let mut inbox = self.inbox.lock();
            if !self.is_empty() {
                continue;
            }
            if inbox.closed {
                // It stays readable, so that everybody who waits on it comes and learns the same.
                self.ring();
                return Polled::Closed;
            }
            let until = match wait {
                None => None,
                // A wait that reaches beyond the clock is one for ever.
                Some(wait) => *until.get_or_insert_with(|| Instant::now().checked_add(wait)),
            };
            going_idle();
            match until {
                None => {
                    self.sleepers.wait(&mut inbox);
                }
                Some(until) if until <= Instant::now() => {
                    inbox.armed = true;
                    return Polled::Empty;
                }
                Some(until) => {
                    self.sleepers.wait_until(&mut inbox, until);
                }
            }
        }
    }

    fn spin(&self) -> bool {
        for _ in 0..SPINS {
            if !self.is_empty() {
                return true;
            }
            spin_loop();
        }
        false
    }

    fn take(&self, block: &mut [MaybeUninit<u8>]) -> Polled {
        if self.is_empty() {
            return Polled::Empty;
        }
        let mut guard = self.outbox.lock();
        let outbox = &mut *guard;
        if outbox.at == outbox.frames.len() {
            if outbox.frames.capacity() > KEPT_CAPACITY {
                outbox.frames = Vec::new();
            }
            outbox.frames.clear();
            outbox.at = 0;
            std::mem::swap(&mut self.inbox.lock().frames, &mut outbox.frames);
        }
        let (mut count, mut bytes, mut finals, mut taken) = (0, 0, 0, 0);
        let mut too_small = None;
        while let Some(header) = outbox.frames[outbox.at..].first_chunk::<HEADER>() {
            let kind = header[6];
            let stride = padded(u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize);
            let room = &mut block[bytes..];
            let copied = if kind == EMIT {
                self.take_emit(header, room)
            } else if stride <= room.len() {
                room[..stride].write_copy_of_slice(&outbox.frames[outbox.at..outbox.at + stride]);
                Ok(stride)
            } else {
                Err(stride)
            };
            match copied {
                Ok(copied) => {
                    bytes += copied;
                    count += 1;
                    finals += usize::from(matches!(kind, END | REPLY | ERROR | PANIC));
                    outbox.at += stride;
                    taken += stride;
                }
                Err(needed) => {
                    too_small = Some(needed);
                    break;
                }
            }
        }
        // Under the lock: what is pending is there, so that nobody looks for it in vain, again and again.
        self.pending.fetch_sub(taken as u64, Ordering::Release);
        drop(guard);
        match too_small {
            Some(needed) if count == 0 => Polled::TooSmall(needed),
            // Who comes next must not sleep over what did not fit here.
            Some(_) => {
                self.sleepers.notify_one();
                Polled::Frames { count, bytes, finals }
            }
            None if count == 0 => Polled::Empty,
            None => Polled::Frames { count, bytes, finals },
        }
    }

    /// Copies the newest emit of the marked request; answers its bytes, or what it needs.
    fn take_emit(&self, mark: &[u8; HEADER], room: &mut [MaybeUninit<u8>]) -> Result<usize, usize> {
        let mut id = [0; 8];
        id.copy_from_slice(&mark[8..16]);
        let request = u64::from_le_bytes(id);
        let mut emits = self.emits.lock();
        let payload = emits.get(&request).map_or(&[][..], Vec::as_slice);
        let needed = padded(HEADER + payload.len());
        if needed > room.len() {
            return Err(needed);
        }
        let mut frame = Vec::with_capacity(needed);
        append(&mut frame, self.number, request, EMIT, payload, &[]);
        room[..needed].write_copy_of_slice(&frame);
        emits.remove(&request);
        Ok(needed)
    }
}

#[cfg(all(test, feature = "loom"))]
#[path = "models/queue.rs"]
mod model;

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use super::*;
    use rustix::event::{poll, PollFd, PollFlags, Timespec};
    use std::sync::Arc;

    fn frame(request: u64, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        append(&mut frame, 0, request, REPLY, payload, &[]);
        frame
    }

    fn poll_into(queue: &Queue, block: &mut [u8], wait: Option<Duration>) -> Polled {
        let mut room = vec![MaybeUninit::new(0); block.len()];
        let polled = queue.poll(&mut room, wait, || ());
        if let Polled::Frames { bytes, .. } = polled {
            for (to, from) in block.iter_mut().zip(&room[..bytes]) {
                // SAFETY: the room was made of zeros.
                *to = unsafe { from.assume_init() };
            }
        }
        polled
    }

    fn readable(queue: &Queue, milliseconds: i64) -> bool {
        let mut descriptors = [PollFd::new(&queue.bell.descriptor, PollFlags::IN)];
        let wait = Timespec { tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000 };
        poll(&mut descriptors, Some(&wait)).expect("polls") > 0
    }

    #[test]
    fn the_bell_rings_only_when_armed() {
        let queue = Queue::new(0).expect("makes a queue");
        let mut block = [0; 4096];
        queue.push(&frame(1, b""));
        assert!(!readable(&queue, 0), "nobody armed it");
        assert_eq!(
            poll_into(&queue, &mut block, Some(Duration::ZERO)),
            Polled::Frames { count: 1, bytes: 64, finals: 1 }
        );
        assert_eq!(poll_into(&queue, &mut block, Some(Duration::ZERO)), Polled::Empty);
        queue.push(&frame(2, b"x"));
        queue.push(&frame(3, b""));
        assert!(readable(&queue, 0));
        assert_eq!(
            poll_into(&queue, &mut block, Some(Duration::ZERO)),
            Polled::Frames { count: 2, bytes: 136, finals: 2 }
        );
        assert_eq!(poll_into(&queue, &mut block, Some(Duration::ZERO)), Polled::Empty);
        assert!(!readable(&queue, 0), "an empty poll clears it");
    }

    #[test]
    fn a_frame_that_does_not_fit_stays() {
        let queue = Queue::new(0).expect("makes a queue");
        queue.push(&frame(1, &[1; 100]));
        let mut small = [0; 100];
        assert_eq!(poll_into(&queue, &mut small, Some(Duration::ZERO)), Polled::TooSmall(168));
        let mut block = [0; 168];
        assert_eq!(poll_into(&queue, &mut block, None), Polled::Frames { count: 1, bytes: 168, finals: 1 });
        assert_eq!(block[64..164], [1; 100]);
    }

    #[test]
    fn the_newest_emit_replaces_the_one_before() {
        let queue = Queue::new(0).expect("makes a queue");
        queue.emit(5, vec![1; 8]);
        queue.emit(5, vec![2; 16]);
        queue.push(&frame(5, b""));
        let mut block = [0; 1024];
        assert_eq!(poll_into(&queue, &mut block, None), Polled::Frames { count: 2, bytes: 80 + 64, finals: 1 });
        assert_eq!(block[64..80], [2; 16]);
        queue.emit(6, vec![3; 8]);
        assert_eq!(poll_into(&queue, &mut [0; 64], None), Polled::TooSmall(72));
        assert_eq!(poll_into(&queue, &mut block, None), Polled::Frames { count: 1, bytes: 72, finals: 0 });
    }

    #[test]
    fn closing_wakes_sleepers_after_the_last_frame() {
        let queue = Arc::new(Queue::new(0).expect("makes a queue"));
        let sleeper = {
            let queue = queue.clone();
            std::thread::spawn(move || poll_into(&queue, &mut [0; 64], None))
        };
        std::thread::sleep(Duration::from_millis(20));
        queue.close();
        assert_eq!(sleeper.join().expect("does not panic"), Polled::Closed);
        queue.push(&frame(1, b""));
        assert!(matches!(poll_into(&queue, &mut [0; 64], None), Polled::Frames { .. }));
        assert_eq!(poll_into(&queue, &mut [0; 64], None), Polled::Closed);
        assert!(readable(&queue, 0));
    }

    /// Many writers against sleepers and against a poller that waits on the descriptor: every frame arrives, and nobody
    /// sleeps for ever (the test would hang, or see the descriptor silent while frames are pending).
    #[test]
    fn no_wake_up_is_lost() {
        const WRITERS: u64 = 3;
        const EACH: u64 = 20_000;
        for by_descriptor in [false, true] {
            let queue = Arc::new(Queue::new(0).expect("makes a queue"));
            let pollers: Vec<_> = (0..2)
                .map(|_| {
                    let queue = queue.clone();
                    std::thread::spawn(move || {
                        let mut seen = Vec::new();
                        let mut block = [0; 64 * 7];
                        loop {
                            let wait = if by_descriptor { Some(Duration::ZERO) } else { None };
                            match poll_into(&queue, &mut block, wait) {
                                Polled::Frames { count, .. } => seen.extend((0..count).map(|number| {
                                    let mut id = [0; 8];
                                    id.copy_from_slice(&block[number * 64 + 8..number * 64 + 16]);
                                    u64::from_le_bytes(id)
                                })),
                                Polled::Closed => return seen,
                                Polled::Empty => {
                                    assert!(by_descriptor);
                                    // Another poller may have cleared the bell and taken what it rang for, so silence
                                    // is wrong only while frames are pending and nobody is at work on them.
                                    if !readable(&queue, 10_000) {
                                        assert!(queue.is_empty(), "the bell was lost");
                                    }
                                }
                                Polled::TooSmall(_) => panic!("every frame fits"),
                            }
                        }
                    })
                })
                .collect();
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let queue = queue.clone();
                    std::thread::spawn(move || {
                        for number in 0..EACH {
                            queue.push(&frame(1 + writer * EACH + number, b""));
                            if number % 64 == 0 {
                                std::thread::sleep(Duration::from_micros(30));
                            }
                        }
                    })
                })
                .collect();
            for writer in writers {
                writer.join().expect("does not panic");
            }
            let patience = Instant::now() + Duration::from_secs(20);
            while !queue.is_empty() {
                assert!(Instant::now() < patience, "frames are left and nobody comes");
                std::thread::sleep(Duration::from_millis(1));
            }
            queue.close();
            let mut seen: Vec<u64> = pollers.into_iter().flat_map(|p| p.join().expect("does not panic")).collect();
            seen.sort_unstable();
            assert!(seen.iter().copied().eq(1..=WRITERS * EACH));
        }
    }
}
