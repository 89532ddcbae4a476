//! What callers send while a request runs, streams and the answers of callbacks, through the C functions, with a service
//! made by hand.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rpc::client::{arguments, carrying, frame, Answer, Client};
use rpc::ffi::{AbiInfo, Functions, Method};
use rpc::service::{incoming, ready, reply, BUFFER_WINDOW, VALUE_WINDOW};
use rpc::{Buffer, Call, Callback, Context, Error, Final, Object, Reader, Service, Work};

const ASK: u32 = 16;
const HOLD: u32 = 17;
const OPEN: u32 = 18;
const KEEP: u32 = 19;
const IN_BACKGROUND: u32 = 20;
const PANIC_WITH_IT: u32 = 21;
const SWAP: u32 = 22;
const SUM: u32 = 23;
const LENGTHS: u32 = 24;
const NEVER_READS: u32 = 25;
const FIRST_ONLY: u32 = 26;
const NOTHING: u32 = 27;
const READS_ON: u32 = 28;
const READS_OUTSIDE: u32 = 29;

/// The method of the callbacks.
const HEAR: u32 = 99;

const CALL: u8 = 1;
const CANCEL: u8 = 2;
const CREDIT: u8 = 3;
const ITEM: u8 = 4;
const END: u8 = 5;
const REPLY: u8 = 6;
const PANIC: u8 = 8;
const RELEASE: u8 = 10;

const CANCELLED: u32 = 1;
const DEADLINE_EXCEEDED: u32 = 2;
const CLOSED: u32 = 3;
const MALFORMED: u32 = 4;
const BUSY: u32 = 6;
const CALLBACK: u32 = 10;

const STATUS_CLOSED: i32 = -6;

static METHODS: [Method; 1] = [Method::new(ASK, false, c"Test.ask")];
static ABI: AbiInfo = AbiInfo::new([7; 16], "method Test.ask(to:Hearer,what:u32)->u32\n", &METHODS);
static SERVICE: Service = Service { abi: &ABI, dispatch, immediate };

rpc::export!(SERVICE);

/// Tasks outside of requests that are over: at their end, or dropped with the runtime that they were on.
static OVER: AtomicU64 = AtomicU64::new(0);
/// Their calls that were answered, and not cancelled.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

/// Counts its task as over.
struct Over;

impl Drop for Over {
    fn drop(&mut self) {
        OVER.fetch_add(1, Ordering::SeqCst);
    }
}

/// How a stream ended whose request was over.
static READ_OUTSIDE: Mutex<Option<Result<u32, Error>>> = Mutex::new(None);

/// Keeps a callback.
#[derive(Default)]
struct Keeper(Mutex<Option<Callback>>);

fn immediate(call: &mut Call<'_>) -> Result<Final, Error> {
    Err(Error::UnknownMethod(call.method()))
}

/// Calls the callback's method with a number.
async fn hear(callback: &Callback, what: u32) -> Result<u32, Error> {
    callback.call(HEAR, |writer| writer.u32(what), |reader| reader.u32()).await
}

/// The work of a method that answers nothing.
fn done(cx: &Context, method: impl Future<Output = Result<(), Error>> + Send + 'static) -> Work {
    reply(cx, method, |(), _| {})
}

/// The work of a method that answers a number, where there is one.
fn perhaps(cx: &Context, method: impl Future<Output = Result<Option<u32>, Error>> + Send + 'static) -> Work {
    reply(cx, method, |number, writer| {
        writer.flag(number.is_some());
        number.into_iter().for_each(|number| writer.u32(number));
    })
}

fn dispatch(call: &mut Call<'_>, cx: Context) -> Result<Work, Error> {
    match call.method() {
        ASK => {
            let callback = call.arguments().callback()?;
            let what = call.arguments().u32()?;
            Ok(reply(&cx, async move { hear(&callback, what).await }, |heard, writer| writer.u32(heard)))
        }
        HOLD => {
            let callback = call.arguments().callback()?;
            Ok(done(&cx, async move {
                let _both = (callback.clone(), callback);
                std::future::pending::<()>().await;
                Ok::<_, Error>(())
            }))
        }
        OPEN => {
            let opened = async move { Ok::<_, Error>(Object::new(Keeper::default())) };
            Ok(reply(&cx, opened, |object, writer| writer.object(object)))
        }
        KEEP => {
            let callback = call.arguments().callback()?;
            let keeper = call.object::<Keeper>()?;
            Ok(done(&cx, async move {
                *keeper.0.lock().expect("nobody panics with it") = Some(callback);
                Ok::<_, Error>(())
            }))
        }
        IN_BACKGROUND => {
            let callback = call.arguments().callback()?;
            Ok(done(&cx, async move {
                tokio::spawn(async move {
                    let _over = Over;
                    // When the second one is made, the runtime has ended.
                    for what in [1, 2] {
                        if hear(&callback, what).await != Err(Error::Cancelled) {
                            ANSWERED.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
                Ok::<_, Error>(())
            }))
        }
        PANIC_WITH_IT => {
            let callback = call.arguments().callback()?;
            Ok(done(&cx, async move {
                let _callback: Callback = callback;
                tokio::task::yield_now().await;
                if true {
                    panic!("with a callback");
                }
                Ok::<_, Error>(())
            }))
        }
        SWAP => {
            let data = call.arguments().buffer()?;
            let callback = call.arguments().callback()?;
            let swapped = async move {
                callback.call::<Buffer, Error>(HEAR, |writer| writer.buffer(data), |reader| reader.buffer()).await
            };
            Ok(reply(&cx, swapped, |buffer, writer| writer.buffer(buffer)))
        }
        SUM => {
            let mut numbers = incoming(&cx, VALUE_WINDOW, |reader| reader.u32());
            let summed = async move {
                let mut sum = 0;
                while let Some(number) = numbers.next().await {
                    sum += u64::from(number?);
                }
                Ok::<_, Error>(sum)
            };
            Ok(reply(&cx, summed, |sum, writer| writer.u64(sum)))
        }
        LENGTHS => {
            let mut parts = incoming(&cx, BUFFER_WINDOW, |reader| reader.buffer());
            let measured = async move {
                let mut lengths = Vec::new();
                while let Some(part) = parts.next().await {
                    lengths.push(part?.len() as u32);
                }
                Ok::<_, Error>(lengths)
            };
            Ok(reply(&cx, measured, |lengths, writer| {
                writer.count(lengths.len());
                lengths.into_iter().for_each(|length| writer.u32(length));
            }))
        }
        NEVER_READS => {
            let parts = incoming(&cx, BUFFER_WINDOW, |reader| reader.buffer());
            Ok(done(&cx, async move {
                let _parts = parts;
                std::future::pending::<()>().await;
                Ok::<_, Error>(())
            }))
        }
        FIRST_ONLY => {
            let mut parts = incoming(&cx, BUFFER_WINDOW, |reader| reader.buffer());
            Ok(perhaps(&cx, async move {
                let first = parts.next().await;
                drop(parts);
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok::<_, Error>(first.transpose()?.map(|part| part.len() as u32))
            }))
        }
        NOTHING => Ok(done(&cx, async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, Error>(())
        })),
        READS_ON => {
            let mut numbers = incoming(&cx, VALUE_WINDOW, |reader| reader.u32());
            let read = async move {
                let mut refused = 0;
                while let Some(number) = numbers.next().await {
                    refused += u32::from(number.is_err());
                }
                Ok::<_, Error>(refused)
            };
            Ok(reply(&cx, read, |refused, writer| writer.u32(refused)))
        }
        READS_OUTSIDE => {
            let mut parts = incoming(&cx, BUFFER_WINDOW, |reader| reader.buffer());
            Ok(perhaps(&cx, async move {
                let first = parts.next().await;
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let end = parts.next().await.map(|part| part.map(|part| part.len() as u32));
                    *READ_OUTSIDE.lock().expect("nobody panics with it") = end;
                    std::future::pending::<()>().await;
                });
                Ok::<_, Error>(first.transpose()?.map(|part| part.len() as u32))
            }))
        }
        _ => immediate(call).map(ready),
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
    read(&mut Reader::new(&answer.payload)).expect("reads")
}

fn number(answer: &Answer) -> u64 {
    value(answer, |reader| reader.u64())
}

/// A buffer and a callback as arguments.
fn both(buffer: u64, callback: u64) -> Vec<u8> {
    arguments(|writer| {
        writer.u64(buffer);
        writer.u64(callback);
    })
}

/// Waits for what happens a moment later.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The next frame for a callback: its kind, and the handle.
fn expect(client: &mut Client, kind: u8, handle: u64) -> Answer {
    let frame = client.callback(Duration::from_secs(10)).expect("there is a frame");
    assert_eq!((frame.kind, frame.object), (kind, if kind == CANCEL { 0 } else { handle }));
    frame
}

/// The callback is released, once.
fn released(client: &mut Client, handle: u64) {
    expect(client, RELEASE, handle);
    assert_eq!(client.callback(Duration::from_millis(20)), None, "nothing comes after the release");
}

fn ask(handle: u64) -> Vec<u8> {
    arguments(|writer| {
        writer.u64(handle);
        writer.u32(5);
    })
}

fn ends_clean(client: &Client) {
    let statistics = client.statistics();
    assert_eq!((statistics.in_flight, statistics.buffers, statistics.buffer_bytes), (0, 0, 0));
}

#[test]
fn a_call_is_answered_and_the_callback_released() {
    let mut client = client();
    let id = client.start(ASK, 0, &ask(70), Duration::ZERO);
    let call = expect(&mut client, CALL, 70);
    assert_eq!((call.method, call.payload.as_slice()), (HEAR, &5u32.to_le_bytes()[..]));
    assert_eq!(client.callback(Duration::from_millis(20)), None, "it is not released while it is called");
    client.reply(&call, &9u32.to_le_bytes(), &[]);
    assert_eq!(value(&client.last(id), |reader| reader.u32()), 9);
    released(&mut client, 70);
    assert_eq!(client.statistics().stray, 0);
}

#[test]
fn errors_of_callbacks_become_those_of_the_request() {
    let mut client = client();
    for (domain, answered, expected, message) in [
        (0, CALLBACK, CALLBACK, "the callback failed: it broke"),
        (0, 77, CALLBACK, "the callback failed: it broke"),
        (0, CLOSED, CLOSED, "the callback is closed, or was never open"),
        (5, 1, MALFORMED, ""),
    ] {
        let id = client.start(ASK, 0, &ask(1), Duration::ZERO);
        let call = expect(&mut client, CALL, 1);
        client.fail(&call, domain, answered, "it broke", &[]);
        let error = client.last(id).error().expect("fails");
        assert_eq!((error.0, error.1), (0, expected));
        assert!(message.is_empty() || error.2 == message, "{}", error.2);
        released(&mut client, 1);
    }
    let id = client.start(ASK, 0, &ask(2), Duration::ZERO);
    let call = expect(&mut client, CALL, 2);
    client.reply(&call, &[1, 2], &[]);
    assert_eq!(variant(&client.last(id)), Some(MALFORMED));
    released(&mut client, 2);
}

#[test]
fn only_the_first_answer_counts() {
    let mut client = client();
    let id = client.start(ASK, 0, &ask(3), Duration::ZERO);
    let call = expect(&mut client, CALL, 3);
    let buffer = client.buffer(b"late").expect("fits");
    // Of another queue, of another generation, and of nobody.
    for forged in [(1, call.request), (0, call.request + (1 << 32)), (0, u64::MAX)] {
        assert_eq!(client.submit(&carrying(REPLY, forged.0, forged.1, &1u32.to_le_bytes(), &[])).0, 1);
    }
    client.reply(&call, &2u32.to_le_bytes(), &[]);
    client.reply(&call, &buffer.to_le_bytes(), &[buffer]);
    client.fail(&call, 0, CALLBACK, "late", &[]);
    assert_eq!(value(&client.last(id), |reader| reader.u32()), 2);
    released(&mut client, 3);
    assert_eq!(client.statistics().stray, 5);
    ends_clean(&client);
}

#[test]
fn a_cancelled_request_cancels_its_call_and_releases() {
    let mut client = client();
    for deadline in [Duration::ZERO, Duration::from_millis(50)] {
        let id = client.start(ASK, 0, &ask(4), deadline);
        let call = expect(&mut client, CALL, 4);
        if deadline.is_zero() {
            client.cancel(id);
        }
        let expected = if deadline.is_zero() { CANCELLED } else { DEADLINE_EXCEEDED };
        assert_eq!(variant(&client.last(id)), Some(expected));
        assert_eq!(expect(&mut client, CANCEL, 4).request, call.request);
        released(&mut client, 4);
        let buffer = client.buffer(b"late").expect("fits");
        let before = client.statistics().stray;
        client.reply(&call, &buffer.to_le_bytes(), &[buffer]);
        assert_eq!(client.statistics().stray, before + 1);
        ends_clean(&client);
    }
}

#[test]
fn a_refused_request_releases_too() {
    let mut client = client();
    // The object is looked up after the arguments.
    assert_eq!(variant(&client.call(KEEP, 12345, &5u64.to_le_bytes())), Some(CLOSED));
    released(&mut client, 5);
    // The callback comes after a buffer that cannot move.
    let buffer = client.buffer(b"seen").expect("fits");
    client.view(buffer).expect("is open");
    assert_eq!(variant(&client.call(SWAP, 0, &both(buffer, 6))), Some(BUSY));
    released(&mut client, 6);
    assert_eq!((client.unview(buffer), client.free(buffer)), (0, 0));
    assert_eq!(variant(&client.call(SWAP, 0, &both(buffer, 7))), Some(CLOSED));
    released(&mut client, 7);
    // What comes after the callback is malformed.
    let cut = arguments(|writer| {
        writer.u64(8);
        writer.u8(1);
    });
    assert_eq!(variant(&client.call(ASK, 0, &cut)), Some(MALFORMED));
    released(&mut client, 8);
    // There is no callback 0.
    assert_eq!(variant(&client.call(HOLD, 0, &0u64.to_le_bytes())), Some(CLOSED));
    assert_eq!(client.callback(Duration::from_millis(20)), None);
}

#[test]
fn clones_are_released_together() {
    let mut client = client();
    let id = client.start(HOLD, 0, &9u64.to_le_bytes(), Duration::ZERO);
    assert_eq!(client.callback(Duration::from_millis(50)), None);
    client.cancel(id);
    assert_eq!(variant(&client.last(id)), Some(CANCELLED));
    released(&mut client, 9);
}

#[test]
fn a_panic_releases() {
    let mut client = client();
    assert_eq!(client.call(PANIC_WITH_IT, 0, &10u64.to_le_bytes()).kind, PANIC);
    released(&mut client, 10);
}

#[test]
fn what_an_object_keeps_is_released_with_it() {
    let mut client = client();
    let object = number(&client.call(OPEN, 0, &[]));
    assert_eq!(client.call(KEEP, object, &11u64.to_le_bytes()).kind, REPLY);
    assert_eq!(client.call(KEEP, object, &12u64.to_le_bytes()).kind, REPLY);
    released(&mut client, 11);
    assert_eq!(client.close(object), 0);
    released(&mut client, 12);
}

#[test]
fn buffers_move_both_ways() {
    let mut client = client();
    let buffer = client.buffer(b"there").expect("fits");
    let id = client.start(SWAP, 0, &both(buffer, 13), Duration::ZERO);
    let call = expect(&mut client, CALL, 13);
    let there = number(&call);
    assert_eq!(call.handles, [there]);
    assert_eq!(client.read(there).expect("is open"), b"there");
    assert_eq!(client.free(there), 0);
    let back = client.buffer(b"back").expect("fits");
    client.reply(&call, &back.to_le_bytes(), &[back]);
    assert_ne!(client.free(back), 0, "it has moved");
    let answer = client.last(id);
    assert_eq!(client.read(number(&answer)).expect("is open"), b"back");
    assert_eq!(client.free(number(&answer)), 0);
    released(&mut client, 13);

    // One that the caller looks at cannot come back.
    let id = client.start(SWAP, 0, &both(0, 14), Duration::ZERO);
    assert_eq!(variant(&client.last(id)), Some(CLOSED));
    released(&mut client, 14);
    let buffer = client.buffer(b"there").expect("fits");
    let id = client.start(SWAP, 0, &both(buffer, 15), Duration::ZERO);
    let call = expect(&mut client, CALL, 15);
    let there = number(&call);
    client.view(there).expect("is open");
    client.reply(&call, &there.to_le_bytes(), &[there]);
    assert_eq!(variant(&client.last(id)), Some(BUSY));
    assert_eq!((client.unview(there), client.free(there)), (0, 0));
    released(&mut client, 15);
    ends_clean(&client);
}

/// Frees the runtime on a thread of its own.
fn free(client: &Client, wait: Duration) -> std::thread::JoinHandle<i32> {
    let runtime = client.runtime() as usize;
    // SAFETY: the runtime is freed once; the client's own attempt finds it closed.
    std::thread::spawn(move || unsafe { sr_runtime_free(runtime as *mut _, wait.as_nanos() as u64) })
}

#[test]
fn a_runtime_that_ends_cancels_calls_and_releases_everything() {
    let mut client = client();
    let object = number(&client.call(OPEN, 0, &[]));
    assert_eq!(client.call(KEEP, object, &20u64.to_le_bytes()).kind, REPLY);
    assert_eq!(client.call(IN_BACKGROUND, 0, &21u64.to_le_bytes()).kind, REPLY);
    expect(&mut client, CALL, 21);
    let id = client.start(ASK, 0, &ask(22), Duration::ZERO);
    let call = expect(&mut client, CALL, 22);
    let freeing = free(&client, Duration::ZERO);
    assert_eq!(variant(&client.last(id)), Some(CANCELLED));
    let mut released = Vec::new();
    // The call in the background may let its callback go when the queue was found at its end already.
    eventually("the queue is at its end", || {
        while let Some(frame) = client.callback(Duration::from_secs(10)) {
            match frame.kind {
                CANCEL => assert_eq!(frame.request, call.request),
                RELEASE => released.push(frame.object),
                kind => panic!("a frame of kind {kind}"),
            }
        }
        client.poll(Duration::from_secs(1)) == STATUS_CLOSED
    });
    released.sort_unstable();
    assert!(released == [20, 22] || released == [20, 21, 22], "{released:?}");
    assert_eq!(freeing.join().expect("does not panic"), 0);
    // Whether a thread still comes to it, or it is dropped with the others, is a race.
    eventually("a task outside of requests is over", || OVER.load(Ordering::SeqCst) == 1);
    assert_eq!(ANSWERED.load(Ordering::SeqCst), 0);
}

#[test]
fn a_runtime_that_waits_takes_answers_and_items() {
    let mut client = client();
    let asking = client.start(ASK, 0, &ask(30), Duration::ZERO);
    let call = expect(&mut client, CALL, 30);
    let summing = client.start(SUM, 0, &[], Duration::ZERO);
    assert_eq!(client.next(summing, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
    let freeing = free(&client, Duration::from_secs(30));
    eventually("new calls are refused", || {
        let id = client.fresh_id();
        client.submit(&frame(CALL, 0, id, 0, NOTHING, Duration::ZERO, &[])) == (STATUS_CLOSED, 0)
    });
    client.item(summing, &40u32.to_le_bytes(), &[]);
    client.end(summing);
    assert_eq!(number(&client.last(summing)), 40);
    client.reply(&call, &9u32.to_le_bytes(), &[]);
    assert_eq!(value(&client.last(asking), |reader| reader.u32()), 9);
    expect(&mut client, RELEASE, 30);
    assert_eq!(freeing.join().expect("does not panic"), 0);
}

/// Answers and cancels meet: whatever wins, each callback is released once and nothing is left.
#[test]
fn answers_and_cancels_may_meet() {
    const ROUNDS: u64 = 3000;
    let mut client = client();
    let (mut won, mut lost, mut calls) = (0, 0, 0u64);
    let mut released = vec![0u32; ROUNDS as usize + 1];
    for round in 1..=ROUNDS {
        let buffer = client.buffer(b"there").expect("fits");
        let id = client.start(SWAP, 0, &both(buffer, round), Duration::ZERO);
        let runtime = client.runtime() as usize;
        let cancelling = (round % 3 > 0).then(|| {
            std::thread::spawn(move || {
                if round % 3 == 2 {
                    std::thread::yield_now();
                }
                let cancel = frame(CANCEL, 0, id, 0, 0, Duration::ZERO, &[]);
                // SAFETY: the block is good for the call, and the runtime is freed after the thread has ended.
                unsafe { sr_submit(runtime as *mut _, cancel.as_ptr(), cancel.len(), std::ptr::null_mut()) };
            })
        });
        loop {
            while let Some(frame) = client.callback(Duration::ZERO) {
                match frame.kind {
                    CALL => {
                        calls += 1;
                        let there = number(&frame);
                        client.reply(&frame, &there.to_le_bytes(), &[there]);
                    }
                    RELEASE => released[frame.object as usize] += 1,
                    kind => assert_eq!(kind, CANCEL),
                }
            }
            match client.ready(id) {
                Some(answer) if answer.kind == REPLY => {
                    won += 1;
                    assert_eq!(client.free(number(&answer)), 0);
                    break;
                }
                Some(answer) => {
                    lost += 1;
                    assert_eq!(variant(&answer), Some(CANCELLED));
                    break;
                }
                None => assert!(client.poll(Duration::from_secs(10)) > 0),
            }
        }
        if let Some(thread) = cancelling {
            thread.join().expect("does not panic");
        }
    }
    while let Some(frame) = client.callback(Duration::from_millis(50)) {
        match frame.kind {
            CALL => assert_eq!(client.free(number(&frame)), 0),
            RELEASE => released[frame.object as usize] += 1,
            kind => assert_eq!(kind, CANCEL),
        }
    }
    assert!(released[1..].iter().all(|times| *times == 1), "each is released once");
    assert!(won >= ROUNDS / 3 && won + lost == ROUNDS && calls >= won, "{won} won, {lost} lost");
    ends_clean(&client);
}

#[test]
fn a_stream_gets_credit_as_it_is_read() {
    const WINDOW: u64 = 256 << 10;
    let mut client = client();
    let id = client.start(SUM, 0, &[], Duration::ZERO);
    let (mut granted, mut sent) = (0u64, 0u64);
    while sent < 10 * WINDOW {
        let answer = client.next(id, Duration::from_secs(10)).expect("credit comes");
        assert_eq!(answer.kind, CREDIT);
        granted += number(&answer);
        assert!(granted - sent <= WINDOW, "the caller is never further ahead than the window");
        while sent < granted {
            client.item(id, &2u32.to_le_bytes(), &[]);
            sent += 4;
        }
    }
    client.end(id);
    let answer = loop {
        let answer = client.next(id, Duration::from_secs(10)).expect("is answered");
        if answer.kind != CREDIT {
            break answer;
        }
    };
    assert_eq!(number(&answer), sent / 2);
    assert_eq!(client.statistics().stray, 0);
}

#[test]
fn buffers_count_with_their_bytes() {
    let mut client = client();
    let id = client.start(LENGTHS, 0, &[], Duration::ZERO);
    let first = client.next(id, Duration::from_secs(10)).expect("credit comes");
    assert_eq!((first.kind, number(&first)), (CREDIT, 8 << 20));
    for size in [0, 5 << 20, 5 << 20] {
        let buffer = client.buffer(&vec![1; size]).expect("fits");
        client.item(id, &buffer.to_le_bytes(), &[buffer]);
    }
    // What was read is given back, once it is half of the window, or nothing is left to read.
    let mut back = 0;
    while back < 24 + (10 << 20) {
        let answer = client.next(id, Duration::from_secs(10)).expect("credit comes");
        assert_eq!(answer.kind, CREDIT);
        back += number(&answer);
    }
    assert_eq!(back, 24 + (10 << 20));
    client.end(id);
    assert_eq!(value(&client.last(id), |reader| reader.sequence(4, Reader::u32)), [0, 5 << 20, 5 << 20]);
    ends_clean(&client);
}

#[test]
fn items_that_may_not_be_sent_end_the_request() {
    let mut client = client();
    // Nobody has read yet.
    let id = client.start(NEVER_READS, 0, &[], Duration::ZERO);
    let buffer = client.buffer(b"early").expect("fits");
    client.item(id, &buffer.to_le_bytes(), &[buffer]);
    assert_eq!(variant(&client.last(id)), Some(MALFORMED));
    // The method takes no stream.
    let id = client.start(NOTHING, 0, &[], Duration::ZERO);
    client.item(id, &1u32.to_le_bytes(), &[]);
    assert_eq!(variant(&client.last(id)), Some(MALFORMED));
    // The stream has ended, before it was read.
    for again in [carrying(ITEM, 0, 0, &1u32.to_le_bytes(), &[]), frame(END, 0, 0, 0, 0, Duration::ZERO, &[])] {
        let id = client.start(NEVER_READS, 0, &[], Duration::ZERO);
        client.end(id);
        let mut again = again;
        again[8..16].copy_from_slice(&id.to_le_bytes());
        assert_eq!(client.submit(&again).0, 1);
        assert_eq!(variant(&client.last(id)), Some(MALFORMED));
    }
    // What the item is is wrong.
    let id = client.start(SUM, 0, &[], Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
    client.item(id, &[1, 2], &[]);
    assert_eq!(variant(&client.last(id)), Some(MALFORMED));
    ends_clean(&client);
}

#[test]
fn a_stream_ends_with_its_first_failure() {
    let mut client = client();
    let id = client.start(READS_ON, 0, &[], Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
    client.item(id, &1u32.to_le_bytes(), &[]);
    client.item(id, &[1], &[]);
    assert_eq!(value(&client.last(id), |reader| reader.u32()), 1);
}

#[test]
fn a_stream_may_end_in_the_batch_of_its_call() {
    let mut client = client();
    for _ in 0..200 {
        let id = client.fresh_id();
        let batch = [frame(CALL, 0, id, 0, SUM, Duration::ZERO, &[]), frame(END, 0, id, 0, 0, Duration::ZERO, &[])];
        assert_eq!(client.submit(&batch.concat()).0, 2);
        let answer = client.last(id);
        assert_eq!((answer.kind, number(&answer)), (REPLY, 0));
    }
}

#[test]
fn what_comes_after_the_request_is_stray_and_freed() {
    let mut client = client();
    let id = client.start(LENGTHS, 0, &[], Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
    client.cancel(id);
    assert_eq!(variant(&client.last(id)), Some(CANCELLED));
    let buffer = client.buffer(b"late").expect("fits");
    client.item(id, &buffer.to_le_bytes(), &[buffer]);
    client.end(id);
    assert_eq!(client.statistics().stray, 2);
    ends_clean(&client);
}

#[test]
fn what_nobody_reads_is_freed() {
    let mut client = client();
    let id = client.start(FIRST_ONLY, 0, &[], Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
    for size in [3, 4, 5] {
        let buffer = client.buffer(&vec![1; size]).expect("fits");
        client.item(id, &buffer.to_le_bytes(), &[buffer]);
    }
    assert_eq!(value(&client.last(id), |reader| reader.maybe(Reader::u32)), Some(3));
    ends_clean(&client);
}

#[test]
fn a_stream_ends_with_its_request_wherever_it_is_read() {
    let mut client = client();
    let id = client.start(READS_OUTSIDE, 0, &[], Duration::ZERO);
    assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
    for size in [3, 4, 5] {
        let buffer = client.buffer(&vec![1; size]).expect("fits");
        client.item(id, &buffer.to_le_bytes(), &[buffer]);
    }
    assert_eq!(value(&client.last(id), |reader| reader.maybe(Reader::u32)), Some(3));
    ends_clean(&client);
    let outside = || READ_OUTSIDE.lock().expect("nobody panics with it").clone();
    eventually("the reader is told", || outside().is_some());
    assert_eq!(outside(), Some(Err(Error::Closed("stream"))));
    assert_eq!(client.next(id, Duration::from_millis(20)), None, "no credit comes after the last frame");
}

#[test]
fn buffers_that_cannot_move_fail_the_stream() {
    let mut client = client();
    for (busy, expected) in [(true, BUSY), (false, CLOSED)] {
        let id = client.start(LENGTHS, 0, &[], Duration::ZERO);
        assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
        let buffer = client.buffer(b"seen").expect("fits");
        if busy {
            client.view(buffer).expect("is open");
        } else {
            assert_eq!(client.free(buffer), 0);
        }
        client.item(id, &buffer.to_le_bytes(), &[buffer]);
        assert_eq!(variant(&client.last(id)), Some(expected));
        if busy {
            assert_eq!((client.unview(buffer), client.free(buffer)), (0, 0));
        }
    }
    ends_clean(&client);
}

/// Items and cancels meet: whatever was on its way is freed.
#[test]
fn items_and_cancels_may_meet() {
    let mut client = client();
    for round in 0..1000u32 {
        let id = client.start(LENGTHS, 0, &[], Duration::ZERO);
        assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(CREDIT));
        let buffers: Vec<u64> = (0..4).map(|_| client.buffer(b"part").expect("fits")).collect();
        let items: Vec<u8> =
            buffers.iter().flat_map(|buffer| carrying(ITEM, 0, id, &buffer.to_le_bytes(), &[*buffer])).collect();
        let (runtime, started) = (client.runtime() as usize, Arc::new(std::sync::Barrier::new(2)));
        let starts = started.clone();
        let sending = std::thread::spawn(move || {
            starts.wait();
            // SAFETY: the block is good for the call, and the runtime is freed after the thread has ended.
            unsafe { sr_submit(runtime as *mut _, items.as_ptr(), items.len(), std::ptr::null_mut()) }
        });
        started.wait();
        if round % 2 == 0 {
            std::thread::yield_now();
        }
        client.cancel(id);
        assert_eq!(sending.join().expect("does not panic"), 4);
        loop {
            let answer = client.next(id, Duration::from_secs(10)).expect("is answered");
            if answer.is_last() {
                assert_eq!(variant(&answer), Some(CANCELLED));
                break;
            }
        }
        ends_clean(&client);
    }
}

#[test]
fn a_binding_can_ask_whether_it_fits() {
    let client = client();
    assert_eq!(client.check(b"method Test.ask(to:Hearer,what:u32)->u32\n"), (0, String::new()));
    let (status, message) = client.check(b"method Test.told()\n");
    assert_eq!((status, message.lines().nth(1)), (-1, Some("  method Test.told is missing in the library")));
    let (mut small, mut needed) = ([0; 10], 0);
    // SAFETY: all pointers are good for the call, also where they are null and the lengths are 0.
    unsafe {
        let text = b"junk".as_ptr().cast();
        assert_eq!(sr_check(text, 4, small.as_mut_ptr(), small.len(), &mut needed), -5);
        assert!(needed > 10 && small == [0; 10]);
        assert_eq!(sr_check(text, 4, std::ptr::null_mut(), 0, std::ptr::null_mut()), -5);
        assert_eq!(sr_check(std::ptr::null(), 4, std::ptr::null_mut(), 0, &mut needed), -1);
        assert_eq!(sr_check(text, 4, std::ptr::null_mut(), 10, &mut needed), -1);
    }
}
