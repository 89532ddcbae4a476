//! The runtime's promises, through the C functions, with a service made by hand.

use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rpc::client::{arguments, frame, parse, Answer, Client};
use rpc::ffi::{AbiInfo, Functions, Method};
use rpc::service::{emitter, ready, reply, sink, stream};
use rpc::{Buffer, Call, Context, Error, Final, Object, Reader, Service, Work};

const ECHO: u32 = 16;
const SLEEP: u32 = 17;
const PANIC_IN_CALL: u32 = 18;
const PANIC_IN_DISPATCH: u32 = 19;
const COUNT: u32 = 20;
const TICKS: u32 = 21;
const OPEN: u32 = 22;
const NUMBER: u32 = 23;
const COMMIT: u32 = 24;
const PANIC_ON_A_BLOCKING_THREAD: u32 = 25;
const SHARED: u32 = 26;
const FOR_EVER: u32 = 27;
const PANIC_IN_DROP: u32 = 28;
const LENGTH: u32 = 29;
const OTHER: u32 = 30;
const MANY_OBJECTS: u32 = 31;
const KEEP: u32 = 32;
const LATE_ITEM: u32 = 33;
const TWO_SHIELDS: u32 = 34;
const PANIC_IN_ENCODE: u32 = 35;
const MANY_SHARED: u32 = 36;

const ALLOC: u32 = 1;
const FILL: u32 = 2;

const CALL: u8 = 1;
const CANCEL: u8 = 2;
const CREDIT: u8 = 3;
const ITEM: u8 = 4;
const END: u8 = 5;
const REPLY: u8 = 6;
const PANIC: u8 = 8;
const EMIT: u8 = 9;
const RELEASE: u8 = 10;

const INVALID: i32 = -1;
const HANDLE: i32 = -2;
const NO_MEMORY: i32 = -4;
const TOO_SMALL: i32 = -5;
const CLOSED: i32 = -6;

static METHODS: [Method; 1] = [Method::new(ECHO, false, c"Test.echo")];
static ABI: AbiInfo = AbiInfo::new([7; 16], "method Test.echo(data:bytes)->bytes\n", &METHODS);
static SERVICE: Service = Service { abi: &ABI, dispatch, immediate };

rpc::export!(SERVICE);

/// How many futures of `FOR_EVER` were dropped, by their number.
static DROPPED: AtomicUsize = AtomicUsize::new(0);
static KEPT: AtomicUsize = AtomicUsize::new(0);
/// What sending an item after the end came to: 1 refused, 2 sent.
static LATE: AtomicUsize = AtomicUsize::new(0);

struct Number(u32);

struct CountsItsDrop;

impl Drop for CountsItsDrop {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
    }
}

struct PanicsInDrop;

impl Future for PanicsInDrop {
    type Output = Result<(), Error>;
    fn poll(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// The work of a method that answers nothing.
fn done(cx: &Context, method: impl Future<Output = Result<(), Error>> + Send + 'static) -> Work {
    reply(cx, method, |(), _| {})
}

fn counted(cx: &Context, method: impl Future<Output = Result<u64, Error>> + Send + 'static) -> Work {
    reply(cx, method, |number, writer| writer.u64(number))
}

fn told(cx: &Context, method: impl Future<Output = Result<String, Error>> + Send + 'static) -> Work {
    reply(cx, method, |text, writer| writer.text(&text))
}

fn dispatch(call: &mut Call<'_>, cx: Context) -> Result<Work, Error> {
    let context = cx.clone();
    match call.method() {
        ECHO => {
            let bytes = call.arguments().blob()?;
            Ok(reply(&cx, async move { Ok::<_, Error>(bytes) }, |bytes, writer| writer.blob(&bytes)))
        }
        SLEEP => {
            let milliseconds = call.arguments().u64()?;
            Ok(counted(&cx, async move {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                Ok::<_, Error>(milliseconds)
            }))
        }
        PANIC_IN_CALL => Ok(done(&cx, async move {
            tokio::task::yield_now().await;
            if context.in_flight() < u64::MAX {
                panic!("in the call");
            }
            Ok::<_, Error>(())
        })),
        PANIC_IN_DISPATCH => panic!("in the dispatch"),
        PANIC_ON_A_BLOCKING_THREAD => Ok(done(&cx, async move {
            context.blocking(|| panic!("on a blocking thread")).await;
            Ok::<_, Error>(())
        })),
        COUNT => {
            let count = call.arguments().u32()?;
            let mut sink = sink(&cx, |number, writer| writer.u32(number));
            Ok(stream(&cx, async move {
                for number in 0..count {
                    sink.send(number).await?;
                }
                Ok::<_, Error>(())
            }))
        }
        TICKS => {
            let emitter = emitter(&cx, |number, writer| writer.u32(number));
            Ok(done(&cx, async move {
                for number in 0..1000 {
                    emitter.emit(number);
                }
                let late = emitter.clone();
                tokio::task::spawn_blocking(move || {
                    std::thread::sleep(Duration::from_millis(50));
                    late.emit(u32::MAX);
                });
                Ok::<_, Error>(())
            }))
        }
        OPEN => {
            let number = call.arguments().u32()?;
            let opened = async move { Ok::<_, Error>(Object::new(Number(number))) };
            Ok(reply(&cx, opened, |object, writer| writer.object(object)))
        }
        OTHER => {
            let opened = async move { Ok::<_, Error>(Object::new("another type")) };
            Ok(reply(&cx, opened, |object, writer| writer.object(object)))
        }
        MANY_OBJECTS => {
            let count = call.arguments().u32()?;
            Ok(reply(&cx, async move { Ok::<_, Error>(count) }, |count, writer| {
                writer.count(count as usize);
                (0..count).for_each(|n| writer.object(Object::new(Number(n))));
            }))
        }
        COMMIT => {
            let lasts = Duration::from_millis(call.arguments().u64()?);
            Ok(told(&cx, async move {
                let _shield = context.shield();
                let token = context.cancellation();
                token.cancelled().await;
                tokio::time::sleep(lasts).await;
                match lasts.is_zero() {
                    true => Err(context.why_stopped()),
                    false => Ok("committed".to_owned()),
                }
            }))
        }
        SHARED => {
            let shared = async move { Ok::<_, Error>(Buffer::from(Bytes::from_static(b"shared"))) };
            Ok(reply(&cx, shared, |buffer, writer| writer.buffer(buffer)))
        }
        MANY_SHARED => {
            let mut sink = sink(&cx, |buffer, writer| writer.buffer(buffer));
            Ok(stream(&cx, async move {
                for _ in 0..3 {
                    sink.send(Buffer::from(Bytes::from_static(b"shared"))).await?;
                }
                Ok::<_, Error>(())
            }))
        }
        FOR_EVER => Ok(done(&cx, async move {
            let _counts = CountsItsDrop;
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        })),
        PANIC_IN_DROP => Ok(done(&cx, PanicsInDrop)),
        LENGTH => {
            let buffer = call.arguments().buffer()?;
            Ok(counted(&cx, async move { Ok::<_, Error>(buffer.len() as u64) }))
        }
        KEEP => {
            let buffer = call.arguments().buffer()?;
            let number = call.object::<Number>()?;
            KEPT.store(Bytes::from(buffer).as_ptr() as usize, Ordering::SeqCst);
            Ok(reply(&cx, async move { Ok::<_, Error>(number.0) }, |number, writer| writer.u32(number)))
        }
        LATE_ITEM => {
            let mut sink = sink(&cx, |buffer, writer| writer.buffer(buffer));
            Ok(stream(&cx, async move {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let sent = sink.send(Buffer::from(Bytes::from_static(b"late"))).await;
                    LATE.store(if sent.is_err() { 1 } else { 2 }, Ordering::SeqCst);
                });
                Ok::<_, Error>(())
            }))
        }
        TWO_SHIELDS => Ok(told(&cx, async move {
            let _outer = context.shield();
            drop(context.shield());
            context.cancellation().cancelled().await;
            tokio::task::yield_now().await;
            Ok::<_, Error>("committed".to_owned())
        })),
        PANIC_IN_ENCODE => {
            let buffer = call.arguments().buffer()?;
            Ok(reply(&cx, async move { Ok::<_, Error>(buffer) }, |buffer, writer| {
                writer.buffer(buffer);
                panic!("in the encoder");
            }))
        }
        _ => immediate(call).map(ready),
    }
}

fn immediate(call: &mut Call<'_>) -> Result<Final, Error> {
    match call.method() {
        NUMBER => {
            let number = call.object::<Number>()?;
            Ok(call.answer(Ok::<_, Error>(number.0), |number, writer| writer.u32(number)))
        }
        method => Err(Error::UnknownMethod(method)),
    }
}

fn functions() -> &'static Functions {
    // SAFETY: the table is constant data.
    unsafe { &*sr_table() }
}

fn client() -> Client {
    Client::new(functions(), 2, 2, 0)
}

fn variant(answer: &Answer) -> Option<u32> {
    answer.error().filter(|error| error.0 == 0).map(|error| error.1)
}

fn value<T>(answer: &Answer, read: fn(&mut Reader<'_>) -> Result<T, Error>) -> T {
    assert_eq!(answer.kind, REPLY, "{:?}", answer.error());
    read(&mut Reader::new(&answer.payload)).expect("reads")
}

fn number(answer: &Answer) -> u64 {
    value(answer, |reader| reader.u64())
}

/// Bytes as an argument.
fn blob(bytes: &[u8]) -> Vec<u8> {
    arguments(|writer| writer.blob(bytes))
}

/// Waits for what happens a moment later.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_call_is_answered() {
    let mut client = client();
    let answer = client.call(ECHO, 0, &blob(b"hello"));
    assert_eq!(value(&answer, |reader| reader.blob()), b"hello");
    assert_eq!(variant(&client.call(999, 0, &[])), Some(5), "unknown methods are an error of the request");
    assert_eq!(variant(&client.call(3, 0, &[])), Some(5), "unknown built-in ones too");
    assert_eq!(variant(&client.call(ECHO, 0, &[1, 2])), Some(4), "malformed arguments too");
    assert_eq!(client.statistics().requests, 4);
}

#[test]
fn the_schema_can_be_asked_for() {
    // SAFETY: what `sr_abi` points to lives for ever.
    let (first, second) = unsafe { (&*sr_abi() as *const AbiInfo, (functions().abi)()) };
    assert_eq!(first, second);
    assert_eq!(rpc::ffi::methods(&SERVICE).collect::<Vec<_>>(), [("Test.echo", ECHO)]);
    assert_eq!(functions().size as usize, std::mem::size_of::<Functions>());
}

#[test]
fn answers_go_to_the_queue_of_their_call() {
    let client = client();
    let batch = [
        frame(CALL, 1, 5, 0, ECHO, Duration::ZERO, &blob(&[1])),
        frame(CALL, 0, 5, 0, ECHO, Duration::ZERO, &blob(&[0])),
    ];
    assert_eq!(client.submit(&batch.concat()).0, 2, "the same id on two queues names two requests");
    for queue in [1, 0] {
        let mut block = [0; 256];
        let (mut used, mut needed) = (0, 0);
        // SAFETY: all pointers are good for the call.
        let count =
            unsafe { sr_poll(client.runtime(), queue, block.as_mut_ptr(), 256, u64::MAX, &mut used, &mut needed) };
        assert_eq!(count, 1);
        assert_eq!(parse(&block[..used])[0].payload, [1, 0, 0, 0, queue as u8]);
    }
}

#[test]
fn a_frame_that_does_not_fit_says_what_it_needs() {
    let mut client = client();
    client.start(ECHO, 0, &blob(&[7; 100]), Duration::ZERO);
    let mut block = [0; 512];
    let (mut used, mut needed) = (0, 0);
    let mut poll = |capacity: usize, needed: &mut usize, used: &mut usize| {
        // SAFETY: all pointers are good for the call.
        unsafe { sr_poll(client.runtime(), 0, block.as_mut_ptr(), capacity, u64::MAX, used, needed) }
    };
    assert_eq!(poll(160, &mut needed, &mut used), TOO_SMALL);
    assert_eq!((needed, used), (168, 0));
    assert_eq!(poll(needed, &mut needed.clone(), &mut used), 1);
    assert_eq!(used, 168);
}

#[test]
fn a_cancelled_request_is_dropped() {
    let mut client = client();
    let before = DROPPED.load(Ordering::SeqCst);
    let id = client.start(FOR_EVER, 0, &[], Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_millis(50)), None);
    client.cancel(id);
    assert_eq!(variant(&client.last(id)), Some(1));
    assert!(DROPPED.load(Ordering::SeqCst) > before);
    client.cancel(id);
    eventually("late cancels are counted", || client.statistics().stray == 1);
    assert_eq!(client.statistics().in_flight, 0);
}

#[test]
fn a_cancel_in_the_batch_of_its_call_is_not_lost() {
    let mut client = client();
    for _ in 0..200 {
        let id = client.fresh_id();
        let batch = [
            frame(CALL, 0, id, 0, SLEEP, Duration::ZERO, &60_000u64.to_le_bytes()),
            frame(CANCEL, 0, id, 0, 0, Duration::ZERO, &[]),
        ];
        assert_eq!(client.submit(&batch.concat()).0, 2);
        assert_eq!(variant(&client.last(id)), Some(1));
    }
}

#[test]
fn what_has_won_is_answered_in_spite_of_a_cancel() {
    let mut client = client();
    let id = client.start(COMMIT, 0, &50u64.to_le_bytes(), Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_millis(50)), None);
    client.cancel(id);
    assert_eq!(value(&client.last(id), |reader| reader.text()), "committed");
    let id = client.start(COMMIT, 0, &0u64.to_le_bytes(), Duration::ZERO);
    client.cancel(id);
    assert_eq!(variant(&client.last(id)), Some(1), "a shielded request that gives in says why");
    let id = client.start(COMMIT, 0, &0u64.to_le_bytes(), Duration::from_millis(20));
    assert_eq!(variant(&client.last(id)), Some(2));
}

#[test]
fn the_outer_shield_holds_when_an_inner_one_ends() {
    let mut client = client();
    let id = client.start(TWO_SHIELDS, 0, &[], Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_millis(20)), None);
    client.cancel(id);
    assert_eq!(value(&client.last(id), |reader| reader.text()), "committed");
}

#[test]
fn deadlines_pass() {
    let mut client = client();
    let began = Instant::now();
    let id = client.start(SLEEP, 0, &60_000u64.to_le_bytes(), Duration::from_millis(30));
    assert_eq!(variant(&client.last(id)), Some(2));
    assert!(began.elapsed() >= Duration::from_millis(30) && began.elapsed() < Duration::from_secs(10));
    let id = client.start(SLEEP, 0, &1u64.to_le_bytes(), Duration::from_secs(1 << 40));
    assert_eq!(number(&client.last(id)), 1, "one beyond the clock never passes");
    let id = client.start(COUNT, 0, &3u32.to_le_bytes(), Duration::from_millis(30));
    assert_eq!(variant(&client.last(id)), Some(2), "a stream that waits for credit has one too");
}

#[test]
fn credit_admits_items_by_their_bytes() {
    let mut client = client();
    let id = client.start(COUNT, 0, &10u32.to_le_bytes(), Duration::ZERO);
    let take = |client: &mut Client, most: usize| {
        let items: Vec<u32> = std::iter::from_fn(|| {
            let answer = client.next(id, Duration::from_millis(100))?;
            assert_eq!(answer.kind, ITEM);
            Some(u32::from_le_bytes(answer.payload.try_into().expect("has four bytes")))
        })
        .take(most)
        .collect();
        items
    };
    assert_eq!(take(&mut client, 10), [], "there is no credit at first");
    client.credit(id, 1);
    assert_eq!(take(&mut client, 10), [0], "any credit admits one item");
    client.credit(id, 3);
    assert_eq!(take(&mut client, 10), [], "which has to be paid for");
    client.credit(id, 8);
    assert_eq!(take(&mut client, 10), [1, 2]);
    client.credit(id, u64::MAX);
    client.credit(id, u64::MAX);
    assert_eq!(take(&mut client, 7), [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(client.last(id).kind, END);
}

#[test]
fn no_item_comes_after_the_end() {
    let mut client = client();
    let id = client.fresh_id();
    let batch = [
        frame(CALL, 0, id, 0, LATE_ITEM, Duration::ZERO, &[]),
        frame(CREDIT, 0, id, 0, 0, Duration::ZERO, &1000u64.to_le_bytes()),
    ];
    assert_eq!(client.submit(&batch.concat()).0, 2);
    assert_eq!(client.last(id).kind, END);
    eventually("the item is tried", || LATE.load(Ordering::SeqCst) != 0);
    assert_eq!(LATE.load(Ordering::SeqCst), 1, "the item is refused");
    assert_eq!(client.next(id, Duration::from_millis(50)), None);
    assert_eq!(client.statistics().buffers, 0);
}

#[test]
fn the_newest_emit_comes_before_the_answer_and_none_after() {
    let mut client = client();
    let id = client.start(TICKS, 0, &[], Duration::ZERO);
    std::thread::sleep(Duration::from_millis(200));
    let first = client.next(id, Duration::ZERO).expect("is there");
    assert_eq!((first.kind, first.payload.as_slice()), (EMIT, &999u32.to_le_bytes()[..]));
    assert_eq!(client.next(id, Duration::ZERO).map(|answer| answer.kind), Some(REPLY));
    assert_eq!(client.next(id, Duration::from_millis(50)), None);
}

#[test]
fn a_panic_ends_its_request_alone() {
    let mut client = client();
    let waits = client.start(SLEEP, 0, &100u64.to_le_bytes(), Duration::ZERO);
    for (method, message) in [
        (PANIC_IN_CALL, "in the call"),
        (PANIC_IN_DISPATCH, "in the dispatch"),
        (PANIC_ON_A_BLOCKING_THREAD, "on a blocking thread"),
    ] {
        let answer = client.call(method, 0, &[]);
        assert_eq!(answer.kind, PANIC);
        assert_eq!(answer.payload[4..], *message.as_bytes());
    }
    let id = client.start(PANIC_IN_DROP, 0, &[], Duration::ZERO);
    client.cancel(id);
    assert_eq!(client.last(id).kind, PANIC);
    assert_eq!(number(&client.last(waits)), 100);
    assert_eq!(client.statistics().in_flight, 0);
}

#[test]
fn what_was_written_before_a_panic_is_freed() {
    let mut client = client();
    let buffer = client.buffer(b"12345").expect("fits");
    let answer = client.call(PANIC_IN_ENCODE, 0, &buffer.to_le_bytes());
    assert_eq!((answer.kind, answer.handles.len()), (PANIC, 0));
    assert_eq!((client.statistics().buffers, client.statistics().buffer_bytes), (0, 0));
}

#[test]
fn an_id_is_free_again_after_its_last_frame() {
    let mut client = client();
    let id = client.start(SLEEP, 0, &50u64.to_le_bytes(), Duration::ZERO);
    let again = frame(CALL, 0, id, 0, ECHO, Duration::ZERO, &blob(&[1]));
    assert_eq!(client.submit(&again), (INVALID, 0), "it is in use");
    client.last(id);
    assert_eq!(client.submit(&again).0, 1);
    assert_eq!(client.last(id).kind, REPLY);
}

#[test]
fn a_malformed_frame_stops_the_batch() {
    let mut client = client();
    let id = client.fresh_id();
    let good = frame(CALL, 0, id, 0, ECHO, Duration::ZERO, &blob(&[1]));
    let spoil = |at: usize, byte: u8| {
        let mut bad = frame(CALL, 0, id + 1, 0, ECHO, Duration::ZERO, &[]);
        bad[at] = byte;
        bad
    };
    let no_credit = frame(CREDIT, 0, id, 0, 0, Duration::ZERO, &[1, 2, 3]);
    let no_id = frame(CALL, 0, 0, 0, ECHO, Duration::ZERO, &[]);
    // Length, queue, kind (0, one of the library's), flags, reserved.
    let spoilt = [
        spoil(0, 63),
        spoil(0, 65),
        spoil(4, 2),
        spoil(6, 0),
        spoil(6, PANIC),
        spoil(7, 1),
        spoil(28, 1),
        no_credit,
        no_id,
    ];
    for bad in &spoilt {
        assert_eq!(client.submit(bad), (INVALID, 0), "{bad:?}");
    }
    assert_eq!(client.submit(&good[..68]), (INVALID, 0), "a frame is cut");
    let batch = [good.clone(), spoil(6, 77), good.clone()].concat();
    assert_eq!(client.submit(&batch), (1, good.len()));
    assert_eq!(client.last(id).kind, REPLY);
    assert_eq!(client.submit(&[]), (0, 0));
}

/// Frames as a caller makes them, of few ids so that they meet, with some of their bytes spoilt.
fn nearly_frames() -> impl Strategy<Value = Vec<u8>> {
    // Not those that wait for their cancellation and then for long, or that make as much as they are told.
    let methods =
        vec![ECHO, PANIC_IN_CALL, PANIC_IN_DISPATCH, COUNT, OPEN, NUMBER, SHARED, FOR_EVER, LENGTH, OTHER, KEEP];
    let payload = prop_oneof![
        Just(Vec::new()),
        any::<u8>().prop_map(|byte| vec![byte]),
        any::<u16>().prop_map(|number| u32::from(number).to_le_bytes().to_vec()),
        (1u64..3, 0u64..64).prop_map(|(generation, slot)| (generation << 32 | slot).to_le_bytes().to_vec()),
    ];
    let call = (0u16..3, 0u64..9, 0u64..4, prop::sample::select(methods), payload).prop_map(
        |(queue, id, object, method, payload)| frame(CALL, queue, id, object, method, Duration::ZERO, &payload),
    );
    let number = prop_oneof![0u64..1000, (1u64..3, 0u64..64).prop_map(|(generation, slot)| generation << 32 | slot)];
    let other = (0u16..3, 0u64..9, CANCEL..=RELEASE, number, prop::bool::weighted(0.2)).prop_map(
        |(queue, id, kind, number, repeated)| {
            let mut frame = frame(kind, queue, id, 0, 0, Duration::ZERO, &number.to_le_bytes());
            // The payload is a handle that the frame carries.
            frame[7] = u8::from(repeated);
            frame
        },
    );
    let spoilt = prop::option::weighted(0.1, (any::<prop::sample::Index>(), any::<u8>()));
    let any_frame = (prop_oneof![3 => call, 2 => other], spoilt).prop_map(|(mut frame, spoilt)| {
        if let Some((at, byte)) = spoilt {
            let at = at.index(frame.len());
            // Another method could be the one that reads from any descriptor.
            if !(24..28).contains(&at) {
                frame[at] = byte;
            }
        }
        frame
    });
    prop::collection::vec(any_frame, 1..12).prop_map(|frames| frames.concat())
}

#[test]
fn any_block_is_taken_or_refused() {
    let client = std::cell::RefCell::new(client());
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&nearly_frames(), |block| {
        let mut client = client.borrow_mut();
        let (status, taken) = client.submit(&block);
        prop_assert!(taken <= block.len());
        prop_assert!(status > 0 || taken == 0);
        prop_assert!(status >= 0 || status == INVALID, "{status}");
        while client.poll(Duration::ZERO) > 0 {}
        Ok(())
    });
    ran.expect("holds");
    let mut client = client.into_inner();
    assert_eq!(value(&client.call(ECHO, 0, &blob(&[5])), |reader| reader.blob()), [5]);
}

#[test]
fn a_caller_that_never_polls_is_held_back() {
    let mut client = client();
    let payload = blob(&[]);
    let mut accepted = 0u64;
    loop {
        let batch: Vec<u8> = (0..1000)
            .flat_map(|number| frame(CALL, 0, 1 << 32 | (accepted + number + 1), 0, ECHO, Duration::ZERO, &payload))
            .collect();
        let (taken, bytes) = client.submit(&batch);
        assert!(taken >= 0);
        assert_eq!(bytes, taken as usize * 72);
        accepted += taken as u64;
        if taken < 1000 {
            break;
        }
        assert!(accepted < 1 << 20, "there is a limit");
    }
    let refused = frame(CALL, 0, 1, 0, ECHO, Duration::ZERO, &payload);
    assert_eq!(client.submit(&refused), (0, 0), "full is no error");
    let mut answered = 0;
    while answered < accepted {
        let count = client.poll(Duration::from_secs(30));
        assert!(count > 0);
        answered += count as u64;
    }
    assert_eq!(client.submit(&refused).0, 1);
    assert_eq!(client.last(1).kind, REPLY);
}

#[test]
fn objects_end_with_their_handle() {
    let mut client = client();
    let answer = client.call(OPEN, 0, &5u32.to_le_bytes());
    let object = number(&answer);
    assert_eq!(answer.handles, [object | 1 << 63]);
    assert_eq!(client.immediate(NUMBER, object, &[]).map(|answer| value(&answer, |reader| reader.u32())), Ok(5));
    assert_eq!(
        value(&client.call(NUMBER, object, &[]), |reader| reader.u32()),
        5,
        "an immediate method may be submitted too"
    );
    let other = number(&client.call(OTHER, 0, &[]));
    assert_eq!(variant(&client.call(NUMBER, other, &[])), Some(9));
    assert_eq!(variant(&client.immediate(ECHO, object, &[]).expect("answers")), Some(5));
    assert_eq!(client.statistics().objects, 2);
    assert_eq!((client.close(object), client.close(object), client.close(object ^ 1 << 40)), (0, HANDLE, HANDLE));
    assert_eq!(variant(&client.call(NUMBER, object, &[])), Some(3));
    let many = client.call(MANY_OBJECTS, 0, &255u32.to_le_bytes());
    assert_eq!(many.handles.len(), 255);
    assert_eq!(variant(&client.call(MANY_OBJECTS, 0, &256u32.to_le_bytes())), Some(8));
    assert_eq!(client.statistics().objects, 256, "those that could not be sent are gone");
}

#[test]
fn buffers_move_also_where_the_call_fails() {
    let mut client = client();
    let buffer = client.buffer(b"12345").expect("fits");
    assert_eq!(number(&client.call(LENGTH, 0, &buffer.to_le_bytes())), 5);
    assert_eq!(client.free(buffer), HANDLE);
    let buffer = client.buffer(b"12345").expect("fits");
    let address = client.view(buffer).expect("is open").data as usize;
    assert_eq!(client.unview(buffer), 0);
    assert_eq!(variant(&client.call(KEEP, 99, &buffer.to_le_bytes())), Some(3));
    assert_eq!(client.free(buffer), HANDLE, "it has moved though the object was closed");
    let object = number(&client.call(OPEN, 0, &1u32.to_le_bytes()));
    let buffer = client.buffer(b"12345").expect("fits");
    assert_eq!(client.view(buffer).expect("is open").data as usize, address, "freed memory is used again");
    assert_eq!(client.unview(buffer), 0);
    assert_eq!(value(&client.call(KEEP, object, &buffer.to_le_bytes()), |reader| reader.u32()), 1);
    assert_eq!(KEPT.load(Ordering::SeqCst), address, "and moves without a copy");
    let shared = number(&client.call(SHARED, 0, &[]));
    assert_eq!(client.read(shared).expect("is open"), b"shared");
    assert_eq!(client.free(shared), 0);
    assert_eq!((client.statistics().buffers, client.statistics().buffer_bytes), (0, 0));
}

#[test]
fn an_allocation_waits_for_room() {
    let mut client = Client::new(functions(), 2, 1, 1 << 20);
    let first = number(&client.call(ALLOC, 0, &(1u64 << 20).to_le_bytes()));
    assert_eq!(client.buffer(b"x"), Err(NO_MEMORY));
    let waits = client.start(ALLOC, 0, &4096u64.to_le_bytes(), Duration::ZERO);
    let shared = client.start(SHARED, 0, &[], Duration::ZERO);
    assert_eq!(client.next(waits, Duration::from_millis(50)), None);
    assert_eq!(client.next(shared, Duration::from_millis(50)), None, "an answer with a buffer waits too");
    let cancelled = client.start(ALLOC, 0, &4096u64.to_le_bytes(), Duration::ZERO);
    client.cancel(cancelled);
    assert_eq!(variant(&client.last(cancelled)), Some(1));
    let given_up = client.start(SHARED, 0, &[], Duration::ZERO);
    assert_eq!(client.next(given_up, Duration::from_millis(50)), None);
    client.cancel(given_up);
    assert_eq!(variant(&client.last(given_up)), Some(1));
    assert_eq!(client.free(first), 0);
    let second = number(&client.last(waits));
    assert_eq!((client.view(second).map(|view| view.length), client.unview(second)), (Ok(4096), 0));
    let shared = number(&client.last(shared));
    assert_eq!(client.statistics().buffers, 2, "what nobody waits for is freed");
    assert_eq!((client.free(second), client.free(shared)), (0, 0));
    let answer = client.call(ALLOC, 0, &((1u64 << 20) + 1).to_le_bytes());
    assert_eq!(variant(&answer), Some(7));
    assert_eq!(variant(&client.call(ALLOC, 0, &u64::MAX.to_le_bytes())), Some(7));
    assert_eq!(number(&client.call(ALLOC, 0, &0u64.to_le_bytes())) >> 63, 0);
}

#[test]
fn items_with_buffers_wait_for_room() {
    // Room for one page.
    let mut client = Client::new(functions(), 2, 1, 1);
    let id = client.start(MANY_SHARED, 0, &[], Duration::ZERO);
    client.credit(id, u64::MAX >> 1);
    for _ in 0..3 {
        let item = client.next(id, Duration::from_secs(10)).expect("an item comes");
        assert_eq!(item.kind, ITEM);
        assert_eq!(
            client.next(id, Duration::from_millis(50)).map(|answer| answer.kind).filter(|kind| *kind != END),
            None
        );
        let buffer = Reader::new(&item.payload).u64().expect("reads");
        assert_eq!(item.handles, [buffer]);
        assert_eq!((client.read(buffer).as_deref(), client.free(buffer)), (Ok(&b"shared"[..]), 0));
    }
    eventually("nothing is left", || client.statistics().buffers == 0 && client.statistics().in_flight == 0);
}

#[test]
fn fill_reads_to_the_size_or_the_end() {
    let mut client = client();
    let fill = |descriptor: i32, size: u64| {
        arguments(|writer| {
            writer.i32(descriptor);
            writer.u64(size);
        })
    };
    let (reader, mut writer) = std::io::pipe().expect("makes a pipe");
    let filling = client.start(FILL, 0, &fill(reader.as_raw_fd(), 6), Duration::ZERO);
    writer.write_all(b"abc").expect("writes");
    assert_eq!(client.next(filling, Duration::from_millis(100)), None, "it waits for the rest");
    writer.write_all(b"defgh").expect("writes");
    let buffer = number(&client.last(filling));
    assert_eq!(client.read(buffer).expect("is open"), b"abcdef");
    drop(writer);
    let rest = number(&client.call(FILL, 0, &fill(reader.as_raw_fd(), 100)));
    assert_eq!(client.read(rest).expect("is open"), b"gh");
    let end = number(&client.call(FILL, 0, &fill(reader.as_raw_fd(), 100)));
    assert_eq!(client.read(end).expect("is open"), b"");
    let answer = client.call(FILL, 0, &fill(-1, 10));
    assert_eq!(variant(&answer), Some(8));
    assert!(answer.error().expect("fails").2.starts_with("reading from the descriptor: Bad file descriptor"));
    let (silent, _writer) = std::io::pipe().expect("makes a pipe");
    let waits = client.start(FILL, 0, &fill(silent.as_raw_fd(), 10), Duration::ZERO);
    assert_eq!(client.next(waits, Duration::from_millis(50)), None);
    client.cancel(waits);
    assert_eq!(variant(&client.last(waits)), Some(1));
}

#[test]
fn a_cancelled_fill_reads_no_more() {
    let mut client = client();
    let (mut reader, mut writer) = std::io::pipe().expect("makes a pipe");
    let payload = arguments(|writer| {
        writer.i32(reader.as_raw_fd());
        writer.u64(10);
    });
    for round in 0..20 {
        let filling = client.start(FILL, 0, &payload, Duration::ZERO);
        assert_eq!(client.next(filling, Duration::from_millis(round % 4)), None);
        client.cancel(filling);
        assert_eq!(variant(&client.last(filling)), Some(1));
        writer.write_all(b"after").expect("writes");
        std::thread::sleep(Duration::from_millis(5));
        let mut read = [0; 5];
        reader.read_exact(&mut read).expect("nobody else has read it");
        assert_eq!(read, *b"after");
    }
}

#[test]
fn a_fill_keeps_its_file_when_the_caller_closes_the_descriptor() {
    let mut client = client();
    let (reader, mut writer) = std::io::pipe().expect("makes a pipe");
    let payload = arguments(|writer| {
        writer.i32(reader.as_raw_fd());
        writer.u64(5);
    });
    let filling = client.start(FILL, 0, &payload, Duration::ZERO);
    assert_eq!(client.next(filling, Duration::from_millis(50)), None);
    drop(reader);
    writer.write_all(b"whole").expect("the library still has the other end");
    let buffer = number(&client.last(filling));
    assert_eq!(client.read(buffer).expect("is open"), b"whole");
}

/// An answer and the end of its runtime at the same moment: the answer is there before pollers are told of the end.
#[test]
fn a_runtime_that_waits_loses_no_answer() {
    for round in 0..200u64 {
        let mut client = client();
        let ids: Vec<u64> = (0..20)
            .map(|number| client.start(SLEEP, 0, &((round + number) % 3).to_le_bytes(), Duration::ZERO))
            .collect();
        let runtime = client.runtime() as usize;
        // SAFETY: the runtime is freed once; the client's own attempt finds it closed.
        let freeing = std::thread::spawn(move || unsafe { sr_runtime_free(runtime as *mut _, 10_000_000_000) });
        for id in ids {
            assert_eq!(client.last(id).kind, REPLY);
        }
        assert_eq!(freeing.join().expect("does not panic"), 0);
    }
}

/// Calls that the library took while it was told to end are answered too.
#[test]
fn a_runtime_that_ends_answers_what_it_took() {
    for _ in 0..100 {
        let client = Client::new(functions(), 2, 1, 0);
        let runtime = client.runtime() as usize;
        let submitting = std::thread::spawn(move || {
            let mut taken = 0u64;
            loop {
                let call = frame(CALL, 0, taken + 1, 0, ECHO, Duration::ZERO, &blob(&[1]));
                // SAFETY: the block is good for the call, and what is left of a freed runtime says that it is closed.
                match unsafe { sr_submit(runtime as *mut _, call.as_ptr(), call.len(), std::ptr::null_mut()) } {
                    CLOSED => return taken,
                    status => taken += u64::try_from(status).expect("the frame is good"),
                }
            }
        });
        let polling = std::thread::spawn(move || {
            let (mut answered, mut block) = (0u64, vec![0; 1 << 16]);
            loop {
                let (mut used, mut needed) = (0, 0);
                // SAFETY: as above.
                let count = unsafe {
                    sr_poll(runtime as *mut _, 0, block.as_mut_ptr(), 1 << 16, u64::MAX, &mut used, &mut needed)
                };
                match count {
                    CLOSED => return answered,
                    count => answered += u64::try_from(count).expect("the block is large enough"),
                }
            }
        });
        std::thread::sleep(Duration::from_micros(300));
        // SAFETY: the runtime is freed once; the client's own attempt finds it closed.
        assert_eq!(unsafe { sr_runtime_free(client.runtime(), 10_000_000_000) }, 0);
        let taken = submitting.join().expect("does not panic");
        assert_eq!(polling.join().expect("does not panic"), taken);
    }
}

#[test]
fn a_runtime_ends_with_requests_in_flight() {
    let mut client = client();
    let slow = client.start(SLEEP, 0, &60_000u64.to_le_bytes(), Duration::ZERO);
    let quick = client.start(SLEEP, 0, &50u64.to_le_bytes(), Duration::ZERO);
    client.start(FOR_EVER, 0, &[], Duration::ZERO);
    let open = client.buffer(b"left open").expect("fits");
    client.view(open).expect("is open");
    let runtime = client.runtime() as usize;
    let freeing = std::thread::spawn(move || {
        let began = Instant::now();
        // SAFETY: the runtime is freed once; the client's own attempt finds it closed.
        let status = unsafe { sr_runtime_free(runtime as *mut _, 300_000_000) };
        (status, began.elapsed())
    });
    assert_eq!(number(&client.last(quick)), 50, "those that end in time are answered");
    assert_eq!(variant(&client.last(slow)), Some(1), "the others are cancelled");
    eventually("pollers are told", || client.poll(Duration::from_secs(1)) == CLOSED);
    let (status, lasted) = freeing.join().expect("does not panic");
    assert_eq!(status, 0);
    assert!(lasted >= Duration::from_millis(300) && lasted < Duration::from_secs(5), "{lasted:?}");
    assert_eq!(client.submit(&frame(CALL, 0, 99, 0, ECHO, Duration::ZERO, &[])), (CLOSED, 0));
    assert_eq!((client.unview(open), client.free(open), client.close(1)), (CLOSED, CLOSED, CLOSED));
}

#[test]
fn null_and_nonsense_are_refused() {
    let null = std::ptr::null_mut();
    let client = client();
    // SAFETY: null pointers are what is tested.
    unsafe {
        assert_eq!(sr_submit(null, std::ptr::null(), 0, std::ptr::null_mut()), INVALID);
        assert_eq!(sr_submit(client.runtime(), std::ptr::null(), 64, std::ptr::null_mut()), INVALID);
        assert_eq!(sr_runtime_new(std::ptr::null(), std::ptr::null_mut()), INVALID);
        assert_eq!(sr_runtime_free(null, 0), INVALID);
        let none = std::ptr::null_mut();
        assert_eq!(sr_poll(client.runtime(), 2, none, 0, 0, std::ptr::null_mut(), std::ptr::null_mut()), INVALID);
        assert_eq!(sr_poll(client.runtime(), 0, none, 0, 0, std::ptr::null_mut(), std::ptr::null_mut()), 0);
        assert_eq!(sr_queue_wake(client.runtime(), 0, std::ptr::null_mut()), INVALID);
        assert_eq!(sr_buffer_view(client.runtime(), 1, std::ptr::null_mut()), INVALID);
        assert_eq!(sr_log_set(3, None, std::ptr::null_mut()), 0);
        let options = rpc::ffi::Options { size: 24, queues: 65, workers: 0, reserved: 0, buffer_memory: 0 };
        let mut runtime = null;
        assert_eq!(sr_runtime_new(&options, &mut runtime), INVALID);
        let options = rpc::ffi::Options { size: 8, queues: 1, workers: 1 << 20, reserved: 1, buffer_memory: 1 };
        assert_eq!(sr_runtime_new(&options, &mut runtime), 0, "a shorter struct of an older caller is enough");
        assert_eq!(sr_runtime_free(runtime, 0), 0);
        assert_eq!(sr_runtime_free(runtime, 0), CLOSED);
    }
}

#[test]
fn many_threads_get_each_answer_once() {
    const THREADS: u64 = 4;
    const EACH: u64 = 20_000;
    const BATCH: u64 = 50;
    let client = client();
    let runtime = client.runtime() as usize;
    let answered = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let pollers: Vec<_> = (0..4u32)
        .map(|number| {
            let answered = answered.clone();
            std::thread::spawn(move || {
                let mut block = vec![0; 4096];
                loop {
                    let (mut used, mut needed) = (0, 0);
                    // SAFETY: all pointers are good for the call, and the runtime is freed after the threads have ended.
                    let count = unsafe {
                        sr_poll(
                            runtime as *mut _,
                            number % 2,
                            block.as_mut_ptr(),
                            4096,
                            20_000_000,
                            &mut used,
                            &mut needed,
                        )
                    };
                    assert!(count >= 0);
                    for answer in parse(&block[..used]) {
                        assert_eq!(answer.kind, REPLY);
                        let echoed = u64::from_le_bytes(answer.payload[4..12].try_into().expect("has eight bytes"));
                        assert_eq!(echoed, answer.request);
                        answered.1.fetch_add(echoed, Ordering::Relaxed);
                        answered.0.fetch_add(1, Ordering::Relaxed);
                    }
                    if answered.0.load(Ordering::Relaxed) == THREADS * EACH {
                        return;
                    }
                }
            })
        })
        .collect();
    let submitters: Vec<_> = (0..THREADS)
        .map(|thread| {
            std::thread::spawn(move || {
                for first in (0..EACH).step_by(BATCH as usize) {
                    let mut batch: Vec<u8> = (first..first + BATCH)
                        .flat_map(|number| {
                            let id = 1 + thread * EACH + number;
                            let payload = blob(&id.to_le_bytes());
                            frame(CALL, (id % 2) as u16, id, 0, ECHO, Duration::ZERO, &payload)
                        })
                        .collect();
                    while !batch.is_empty() {
                        let mut taken = 0;
                        // SAFETY: as above.
                        let count = unsafe { sr_submit(runtime as *mut _, batch.as_ptr(), batch.len(), &mut taken) };
                        assert!(count >= 0);
                        batch.drain(..taken);
                    }
                }
            })
        })
        .collect();
    for thread in submitters.into_iter().chain(pollers) {
        thread.join().expect("does not panic");
    }
    let total = THREADS * EACH;
    assert_eq!(answered.1.load(Ordering::Relaxed), total * (total + 1) / 2);
    assert_eq!(client.statistics().in_flight, 0);
}

/// Not a test of correctness: prints what a small request costs. `cargo test --release -p strongroom-rpc -- --ignored
/// --nocapture throughput`
#[test]
#[ignore = "a measurement"]
fn throughput() {
    for (batch, name) in [(1u64, "one at a time"), (64, "batches of 64"), (512, "batches of 512")] {
        let mut client = Client::new(functions(), 0, 1, 0);
        let total = if batch == 1 { 20_000 } else { 1_000_000 };
        let payload = blob(&[1; 8]);
        let frames: Vec<u8> =
            (1..=batch).flat_map(|id| frame(CALL, 0, id, 0, ECHO, Duration::ZERO, &payload)).collect();
        let mut block = vec![0u8; 1 << 16];
        let began = Instant::now();
        let mut done = 0;
        while done < total {
            assert_eq!(client.submit(&frames).0 as u64, batch);
            let mut answered = 0;
            while answered < batch {
                let (mut used, mut needed) = (0, 0);
                // SAFETY: all pointers are good for the call.
                let count = unsafe {
                    sr_poll(client.runtime(), 0, block.as_mut_ptr(), block.len(), u64::MAX, &mut used, &mut needed)
                };
                answered += count as u64;
            }
            done += batch;
        }
        let each = began.elapsed() / total as u32;
        println!("{name}: {each:?} a request, {:.0} a second", 1.0 / each.as_secs_f64());
        client.poll(Duration::ZERO);
    }
}
