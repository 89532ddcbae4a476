//! Workers that push, and pollers that take, sleep, or wait for the bell. A wake-up that is lost leaves a thread waiting
//! for ever, which loom reports as a deadlock.

use std::sync::Arc;

use loom::thread::{spawn, JoinHandle};

use super::*;
use crate::sync::model;

fn queue() -> Arc<Queue> {
    Arc::new(Queue::new(0).expect("makes a queue"))
}

fn frame(request: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    append(&mut frame, 0, request, REPLY, payload, &[]);
    frame
}

fn pusher(queue: &Arc<Queue>, requests: impl IntoIterator<Item = u64> + Send + 'static) -> JoinHandle<()> {
    let queue = queue.clone();
    spawn(move || requests.into_iter().for_each(|request| queue.push(&frame(request, b""))))
}

/// Polls once, into room for so many frames without payload, and adds their requests to `seen`.
fn poll(queue: &Queue, frames: usize, wait: Option<Duration>, seen: &mut Vec<u64>) -> Polled {
    let mut room = vec![MaybeUninit::new(0); frames * HEADER];
    let polled = queue.poll(&mut room, wait, || ());
    if let Polled::Frames { count, .. } = polled {
        for header in room.chunks(HEADER).take(count) {
            // SAFETY: the room was made of zeros.
            let id = std::array::from_fn(|at| unsafe { header[8 + at].assume_init() });
            seen.push(u64::from_le_bytes(id));
        }
    }
    polled
}

fn sorted(mut seen: Vec<u64>) -> Vec<u64> {
    seen.sort_unstable();
    seen
}

#[test]
fn no_push_is_slept_over() {
    model(|| {
        let queue = queue();
        let pushers = [pusher(&queue, [1]), pusher(&queue, [2])];
        let mut seen = Vec::new();
        while seen.len() < 2 {
            assert!(matches!(poll(&queue, 2, None, &mut seen), Polled::Frames { .. }));
        }
        pushers.into_iter().for_each(|pusher| pusher.join().expect("does not panic"));
        assert_eq!(sorted(seen), [1, 2]);
    });
}

/// As Go does: polls until nothing is left, then waits for an edge.
#[test]
fn no_push_comes_without_an_edge() {
    model(|| {
        let queue = queue();
        let pushers = [pusher(&queue, [1]), pusher(&queue, [2])];
        let (mut seen, mut edges) = (Vec::new(), 0);
        loop {
            while poll(&queue, 2, Some(Duration::ZERO), &mut seen) != Polled::Empty {}
            if seen.len() == 2 {
                break;
            }
            queue.bell.wait_edge(&mut edges);
        }
        pushers.into_iter().for_each(|pusher| pusher.join().expect("does not panic"));
        assert_eq!(sorted(seen), [1, 2]);
    });
}

/// As asyncio does: polls until nothing is left, then waits until the bell is readable.
#[test]
fn the_bell_stays_readable_while_there_is_something() {
    model(|| {
        let queue = queue();
        let pushers = [pusher(&queue, [1]), pusher(&queue, [2])];
        let mut seen = Vec::new();
        loop {
            while poll(&queue, 2, Some(Duration::ZERO), &mut seen) != Polled::Empty {}
            if seen.len() == 2 {
                break;
            }
            queue.bell.wait_readable();
            // It may be readable a moment longer than there is something, until the worker has noted that it rang.
            loom::thread::yield_now();
        }
        pushers.into_iter().for_each(|pusher| pusher.join().expect("does not panic"));
        assert_eq!(sorted(seen), [1, 2]);
    });
}

/// Two pollers share what is pushed, and both learn that the queue was closed.
#[test]
fn each_frame_is_taken_once_and_closing_wakes_everybody() {
    model(|| {
        let queue = queue();
        let drain = |queue: Arc<Queue>| {
            let mut seen = Vec::new();
            while poll(&queue, 2, None, &mut seen) != Polled::Closed {}
            seen
        };
        let other = {
            let queue = queue.clone();
            spawn(move || drain(queue))
        };
        let closer = {
            let queue = queue.clone();
            spawn(move || {
                queue.push(&[frame(1, b""), frame(2, b"")].concat());
                queue.close();
            })
        };
        let mut seen = drain(queue.clone());
        closer.join().expect("does not panic");
        seen.extend(other.join().expect("does not panic"));
        assert_eq!(sorted(seen), [1, 2]);
    });
}

/// Two frames come at once, with one wake-up, and each poller has room for one.
#[test]
fn what_does_not_fit_wakes_who_comes_next() {
    model(|| {
        let queue = queue();
        let take_one = |queue: Arc<Queue>| {
            let mut seen = Vec::new();
            assert!(matches!(poll(&queue, 1, None, &mut seen), Polled::Frames { count: 1, .. }));
            seen
        };
        let other = {
            let queue = queue.clone();
            spawn(move || take_one(queue))
        };
        let pusher = {
            let queue = queue.clone();
            spawn(move || queue.push(&[frame(1, b""), frame(2, b"")].concat()))
        };
        let mut seen = take_one(queue.clone());
        pusher.join().expect("does not panic");
        seen.extend(other.join().expect("does not panic"));
        assert_eq!(sorted(seen), [1, 2]);
    });
}

/// A value that replaces another may come in its place or after it, but the newest one comes.
#[test]
fn the_newest_emit_arrives() {
    model(|| {
        let queue = queue();
        let emitter = {
            let queue = queue.clone();
            spawn(move || {
                queue.emit(1, vec![1; 8]);
                queue.emit(1, vec![2; 8]);
                queue.push(&frame(1, b""));
            })
        };
        let mut values = Vec::new();
        let mut room = vec![MaybeUninit::new(0); 8 * HEADER];
        loop {
            let Polled::Frames { bytes, finals, .. } = queue.poll(&mut room, None, || ()) else { continue };
            // SAFETY: the room was made of zeros.
            let bytes: Vec<u8> = room[..bytes].iter().map(|byte| unsafe { byte.assume_init() }).collect();
            let emits = bytes.len() - finals * HEADER;
            values.extend(bytes[..emits].chunks(HEADER + 8).map(|frame| frame[HEADER]));
            if finals == 1 {
                break;
            }
        }
        emitter.join().expect("does not panic");
        assert!(values == [2] || values == [1, 2], "{values:?}");
    });
}
