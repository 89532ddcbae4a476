//! Panics at every place where the library runs a service's code: each becomes the answer of its request, or of nobody, and
//! the runtime goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rpc::client::{arguments, Client};
use rpc::ffi::{AbiInfo, Functions, Method};
use rpc::service::{emitter, incoming, ready, reply, sink, stream, VALUE_WINDOW};
use rpc::{Buffer, Call, Context, Error, Final, Object, Service, Work};

const HELLO: u32 = 16;
const OPEN: u32 = 17;
const KEEP: u32 = 18;
const AFTER_ITEMS: u32 = 19;
const IN_AN_ITEM: u32 = 20;
const IN_AN_EMIT: u32 = 21;
const IN_WHAT_COMES: u32 = 22;
const WITH_A_BUFFER: u32 = 23;
const AT_ONCE: u32 = 24;
const RESULT_IS_DROPPED: u32 = 25;

const ITEM: u8 = 4;
const REPLY: u8 = 6;
const PANIC: u8 = 8;

static METHODS: [Method; 1] = [Method::new(HELLO, false, c"Test.hello")];
static ABI: AbiInfo = AbiInfo::new([8; 16], "method Test.hello()\n", &METHODS);
static SERVICE: Service = Service { abi: &ABI, dispatch, immediate };

rpc::export!(SERVICE);

static DROPPED: AtomicUsize = AtomicUsize::new(0);
static KEEPING: AtomicUsize = AtomicUsize::new(0);

/// What cannot be dropped quietly.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::SeqCst);
        panic!("in the destructor");
    }
}

fn dispatch(call: &mut Call<'_>, cx: Context) -> Result<Work, Error> {
    match call.method() {
        HELLO => Ok(reply(&cx, async { Ok::<_, Error>(()) }, |(), _| {})),
        OPEN => {
            let opened = async { Ok::<_, Error>(Object::new(Fragile)) };
            Ok(reply(&cx, opened, |object, writer| writer.object(object)))
        }
        KEEP => {
            let object = call.object::<Fragile>()?;
            KEEPING.fetch_add(1, Ordering::SeqCst);
            Ok(reply(
                &cx,
                async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    drop(object); // the last one, where the caller has closed it
                    Ok::<_, Error>(())
                },
                |(), _| {},
            ))
        }
        AFTER_ITEMS => {
            let mut sink = sink::<u32>(&cx, |number, writer| writer.u32(number));
            Ok(stream(&cx, async move {
                for number in 0..3 {
                    sink.send(number).await?;
                }
                if DROPPED.load(Ordering::SeqCst) < usize::MAX {
                    panic!("after items");
                }
                Ok::<_, Error>(())
            }))
        }
        IN_AN_ITEM => {
            let mut sink = sink::<Buffer>(&cx, |buffer, writer| {
                writer.buffer(buffer);
                panic!("in an item");
            });
            let context = cx.clone();
            Ok(stream(&cx, async move {
                sink.send(context.allocate(10).await?).await?;
                Ok::<_, Error>(())
            }))
        }
        IN_AN_EMIT => {
            let emitter = emitter::<u32>(&cx, |_, _| panic!("in an emit"));
            Ok(reply(
                &cx,
                async move {
                    emitter.emit(1);
                    Ok::<_, Error>(())
                },
                |(), _| {},
            ))
        }
        IN_WHAT_COMES => {
            let mut numbers = incoming::<u32>(&cx, VALUE_WINDOW, |_| panic!("in what comes"));
            Ok(reply(
                &cx,
                async move {
                    numbers.next().await.transpose()?;
                    Ok::<_, Error>(())
                },
                |(), _| {},
            ))
        }
        WITH_A_BUFFER => {
            let buffer = call.arguments().buffer()?;
            panic!("with a buffer of {}", buffer.len());
        }
        RESULT_IS_DROPPED => Ok(reply(&cx, async { Ok::<_, Error>(Fragile) }, |_, _| {})),
        _ => immediate(call).map(ready),
    }
}

fn immediate(call: &mut Call<'_>) -> Result<Final, Error> {
    match call.method() {
        AT_ONCE => panic!("at once"),
        method => Err(Error::UnknownMethod(method)),
    }
}

fn functions() -> &'static Functions {
    // SAFETY: the table is constant data.
    unsafe { &*sr_table() }
}

fn client() -> Client {
    Client::new(functions(), 2, 1, 1 << 20)
}

/// The runtime answers still, and nothing of what panicked is left.
fn goes_on(client: &mut Client) {
    assert_eq!(client.call(HELLO, 0, &[]).kind, REPLY);
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let left = client.statistics();
        if (left.in_flight, left.buffers, left.buffer_bytes, left.objects) == (0, 0, 0, 0) {
            return;
        }
        assert!(Instant::now() < until, "{left:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn handle(payload: &[u8]) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().expect("a handle"))
}

fn counted_since(before: usize, count: &AtomicUsize) {
    let until = Instant::now() + Duration::from_secs(10);
    while count.load(Ordering::SeqCst) == before {
        assert!(Instant::now() < until, "it happens");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Destructors run where an object is closed, where its last call ends, where a result is written, and where a runtime ends.
#[test]
fn in_a_destructor() {
    let mut client = client();
    let object = handle(&client.call(OPEN, 0, &[]).payload);
    let before = DROPPED.load(Ordering::SeqCst);
    let _ = client.close(object); // on this thread, which it must not unwind
    counted_since(before, &DROPPED);
    goes_on(&mut client);

    let object = handle(&client.call(OPEN, 0, &[]).payload);
    let keeps = client.start(KEEP, object, &[], Duration::ZERO);
    counted_since(0, &KEEPING);
    let before = DROPPED.load(Ordering::SeqCst);
    let _ = client.close(object);
    assert_eq!(client.last(keeps).kind, PANIC);
    counted_since(before, &DROPPED);
    goes_on(&mut client);

    let answer = client.call(RESULT_IS_DROPPED, 0, &[]);
    assert_eq!(answer.kind, PANIC);
    goes_on(&mut client);

    let _ = client.call(OPEN, 0, &[]);
    let before = DROPPED.load(Ordering::SeqCst);
    drop(client);
    counted_since(before, &DROPPED);
}

#[test]
fn in_a_stream() {
    let mut client = client();
    let id = client.start(AFTER_ITEMS, 0, &[], Duration::ZERO);
    client.credit(id, 100);
    for _ in 0..3 {
        assert_eq!(client.next(id, Duration::from_secs(10)).map(|answer| answer.kind), Some(ITEM));
    }
    let last = client.last(id);
    assert_eq!((last.kind, &last.payload[4..]), (PANIC, &b"after items"[..]));

    let id = client.start(IN_AN_ITEM, 0, &[], Duration::ZERO);
    client.credit(id, 100);
    let last = client.last(id);
    assert_eq!((last.kind, &last.payload[4..], last.handles.len()), (PANIC, &b"in an item"[..], 0));

    let id = client.start(IN_WHAT_COMES, 0, &[], Duration::ZERO);
    let credit = client.next(id, Duration::from_secs(10));
    assert!(credit.is_some_and(|frame| !frame.is_last()));
    client.item(id, &[1, 0, 0, 0], &[]);
    let last = client.last(id);
    assert_eq!((last.kind, &last.payload[4..]), (PANIC, &b"in what comes"[..]));
    goes_on(&mut client);
}

#[test]
fn in_an_encoder() {
    let mut client = client();
    let answer = client.call(IN_AN_EMIT, 0, &[]);
    assert_eq!((answer.kind, &answer.payload[4..]), (PANIC, &b"in an emit"[..]));
    goes_on(&mut client);
}

#[test]
fn before_there_is_a_future() {
    let mut client = client();
    let buffer = client.buffer(b"12345").expect("fits");
    let answer = client.call(WITH_A_BUFFER, 0, &arguments(|writer| writer.u64(buffer)));
    assert_eq!((answer.kind, &answer.payload[4..]), (PANIC, &b"with a buffer of 5"[..]));
    match client.immediate(AT_ONCE, 0, &[]) {
        Ok(answer) => assert_eq!((answer.kind, &answer.payload[4..]), (PANIC, &b"at once"[..])),
        Err(status) => panic!("the status is {status}"),
    }
    goes_on(&mut client);
}
