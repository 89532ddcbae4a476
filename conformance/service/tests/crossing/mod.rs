//! The kinds of rows about the crossing itself: what is counted, held, waited for, stray and at an end.

use std::ffi::{c_char, c_void};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rpc::client::{arguments, frame, Client};
use serde_json::Value;

use super::{
    bytes, json, number, number_in, text, value, Listener, Suite, CALL, CANCEL, CANCELLED, CLOSED, CREDIT,
    DEADLINE_EXCEEDED, EMIT, END, ERROR, ITEM, PANIC, REPLY, STATUS_BUSY, STATUS_HANDLE,
};

const BUSY: u32 = 6;
const MALFORMED: u32 = 4;
const NO_MEMORY: u32 = 7;

const STATUS_INVALID: i32 = -1;
const STATUS_CLOSED: i32 = -6;
const STATUS_FORKED: i32 = -8;

/// `SR_METHOD_ALLOC`.
const ALLOC: u32 = 1;

/// Longer than any test takes.
const FOR_EVER: [u8; 4] = 3_600_000u32.to_le_bytes();

/// Long enough for what has to come, on a machine with other work to do too.
const PATIENCE: Duration = Duration::from_secs(120);

/// The status of a function that refuses for the reason that a row names.
fn status_of(name: &str) -> i32 {
    match name {
        "closed" => STATUS_HANDLE,
        "busy" => STATUS_BUSY,
        "malformed" => STATUS_INVALID,
        other => panic!("no failure {other}"),
    }
}

fn done(status: i32) -> Result<(), i32> {
    if status == 0 {
        Ok(())
    } else {
        Err(status)
    }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a log sink was told: level, target and line.
static LINES: Mutex<Vec<(u32, String, String)>> = Mutex::new(Vec::new());

unsafe extern "C" fn keep_line(
    _: *mut c_void,
    level: u32,
    target: *const c_char,
    target_length: usize,
    message: *const c_char,
    message_length: usize,
) {
    // SAFETY: the library gives texts of these lengths, which live until this returns.
    let [target, message] = [(target, target_length), (message, message_length)].map(|(text, length)| {
        String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(text.cast(), length) }).into_owned()
    });
    LINES.lock().expect("no sink panics").push((level, target, message));
}

/// `sr_abi_info`, as sr.h has it.
#[repr(C)]
struct Abi {
    version: u32,
    method_count: u32,
    schema: [u8; 16],
    methods: *const c_void,
    text: *const u8,
    text_length: usize,
}

impl Suite {
    /// Another library with one open object, whose callers may hold so many bytes.
    fn with_memory(limit: u64) -> Self {
        // SAFETY: the table is constant data of the library.
        let functions = unsafe { &*conformance::sr_table() };
        let mut suite = Suite { client: Client::new(functions, 2, 1, limit), ..Suite::new() };
        let answer = suite.client.call(suite.method("open"), 0, &arguments(|writer| writer.text("table")));
        suite.echo = number_in(&answer);
        suite
    }

    /// Starts a call that carries the trace of a row.
    fn start_traced(&mut self, name: &str, payload: &[u8], case: &Value) -> u64 {
        let id = self.client.fresh_id();
        let mut call = frame(CALL, 0, id, self.echo, self.method(name), Duration::ZERO, payload);
        if case.get("trace").is_some() {
            call[40..64].copy_from_slice(&[bytes(case, "trace"), bytes(case, "span")].concat());
        }
        assert_eq!(self.client.submit(&call).0, 1, "the call is taken");
        id
    }

    fn is_cancelled(&mut self, id: u64) {
        assert_eq!(self.client.last(id).error().map(|error| (error.0, error.1)), Some((0, CANCELLED)));
    }

    pub(super) fn trace(&mut self, case: &Value) {
        let id = self.start_traced("trace", &[], case);
        assert_eq!(self.client.last(id).payload, [bytes(case, "trace"), bytes(case, "span")].concat());
    }

    pub(super) fn log(&mut self, case: &Value) {
        let payload = arguments(|writer| writer.text(text(case, "message")));
        let mut say = || {
            let id = self.start_traced("log", &payload, case);
            assert_eq!(self.client.last(id).kind, REPLY);
        };
        let count = || LINES.lock().expect("no sink panics").len();
        LINES.lock().expect("no sink panics").clear();
        // SAFETY: the sink is a function, and needs no context.
        assert_eq!(unsafe { conformance::sr_log_set(3, Some(keep_line), std::ptr::null_mut()) }, 0);
        say();
        eventually("the line comes", || count() > 0);
        // SAFETY: null unsets it.
        assert_eq!(unsafe { conformance::sr_log_set(3, None, std::ptr::null_mut()) }, 0);
        say();
        let expected = (3, "conformance".to_owned(), text(case, "line").to_owned());
        assert_eq!(*LINES.lock().expect("no sink panics"), [expected], "and none after the sink was unset");
    }

    pub(super) fn statistics(&mut self, case: &Value) {
        let before = self.client.statistics();
        assert_eq!((before.in_flight, before.buffers, before.buffer_bytes, before.objects), (0, 0, 0, 1));
        assert!(before.threads > 0);
        for _ in 0..number(case, "calls") {
            assert_eq!(self.call("nothing", &[]).kind, REPLY);
        }
        let mut requests = before.requests + number(case, "calls");
        assert_eq!(self.client.statistics().requests, requests);

        let sizes = <Vec<u64> as json::FromJson>::from_json(&case["sizes"]);
        let buffers: Vec<u64> =
            sizes.iter().map(|size| self.client.buffer(&vec![0; *size as usize]).expect("fits")).collect();
        let held = self.client.statistics();
        assert_eq!(held.buffers, sizes.len() as u64);
        assert!(held.buffer_bytes >= sizes.iter().sum());

        let children: Vec<u64> = (0..number(case, "children"))
            .map(|_| number_in(&self.call("child", &arguments(|writer| writer.text("child")))))
            .collect();
        let sleeping: Vec<u64> =
            (0..number(case, "sleeping")).map(|_| self.start("sleep", &FOR_EVER, Duration::ZERO)).collect();
        requests += (children.len() + sleeping.len()) as u64;
        let all = self.client.statistics();
        assert_eq!((all.requests, all.in_flight), (requests, sleeping.len() as u64));
        assert_eq!(all.objects, 1 + children.len() as u64);

        sleeping.iter().for_each(|id| self.client.cancel(*id));
        sleeping.iter().for_each(|id| self.is_cancelled(*id));
        children.iter().for_each(|child| assert_eq!(self.client.close(*child), 0));
        buffers.iter().for_each(|buffer| assert_eq!(self.client.free(*buffer), 0));
        let after = self.client.statistics();
        assert_eq!((after.in_flight, after.buffers, after.buffer_bytes, after.objects), (0, 0, 0, 1));
        assert_eq!((after.requests, after.stray), (requests, before.stray));
    }

    pub(super) fn buffer(&mut self, case: &Value) {
        let buffer = self.client.buffer(&bytes(case, "data")).expect("fits");
        let mut open = true;
        for step in case["script"].as_array().expect("is a list") {
            let happened = match text(step, "do") {
                "view" => self.client.view(buffer).map(drop),
                "unview" => done(self.client.unview(buffer)),
                "read" => self.client.read(buffer).map(|read| assert_eq!(read, bytes(step, "data"))),
                // SAFETY: the runtime is alive.
                "shrink" => done(unsafe {
                    conformance::sr_buffer_shrink(self.client.runtime(), buffer, number(step, "length"))
                }),
                "close" => done(self.client.free(buffer)).inspect(|()| open = false),
                "close again" => {
                    assert_eq!(self.client.free(buffer), STATUS_HANDLE);
                    Ok(())
                }
                "move" => {
                    let answer = self.call("sum", &buffer.to_le_bytes());
                    match answer.error() {
                        None => {
                            assert_eq!(number_in(&answer), number(step, "sum"));
                            open = false;
                            Ok(())
                        }
                        Some((0, CLOSED, _)) => Err(STATUS_HANDLE),
                        Some((0, BUSY, _)) => Err(STATUS_BUSY),
                        Some((0, MALFORMED, _)) => Err(STATUS_INVALID),
                        Some(error) => panic!("{step}: {error:?}"),
                    }
                }
                other => panic!("no step {other}"),
            };
            let expected = if step.get("fails").is_some() { Err(status_of(text(step, "fails"))) } else { Ok(()) };
            assert_eq!(happened, expected, "{step}");
        }
        assert!(!open, "the row ends with the buffer");
    }

    pub(super) fn memory(&mut self, case: &Value) {
        let mut suite = Suite::with_memory(number(case, "limit"));
        let client = &mut suite.client;
        let held = client.buffer(&vec![0; number(case, "held") as usize]).expect("fits");
        let left = match text(case, "then") {
            "deadline" => Duration::from_millis(number(case, "milliseconds")),
            _ => Duration::ZERO,
        };
        let asked = number(case, "asked");
        let id = client.start(ALLOC, 0, &asked.to_le_bytes(), left);
        let error = match text(case, "then") {
            "refused" => Some(NO_MEMORY),
            "deadline" => Some(DEADLINE_EXCEEDED),
            "cancelled" => {
                assert_eq!(client.next(id, Duration::from_millis(20)), None, "it waits");
                client.cancel(id);
                Some(CANCELLED)
            }
            "freed" => {
                assert_eq!(client.next(id, Duration::from_millis(20)), None, "it waits");
                assert_eq!(client.statistics().buffers, 1);
                assert_eq!(client.free(held), 0);
                None
            }
            "given" => None,
            other => panic!("nothing happens that is called {other}"),
        };
        let answer = client.last(id);
        assert_eq!(answer.error().map(|error| (error.0, error.1)), error.map(|variant| (0, variant)));
        match error {
            None => {
                let given = number_in(&answer);
                assert_eq!(client.read(given).expect("is open").len() as u64, asked);
                assert_eq!(client.free(given), 0);
            }
            // Who gave up stands in nobody's way.
            Some(_) => assert_eq!(client.free(held), 0),
        }
        if text(case, "then") != "freed" && error.is_none() {
            assert_eq!(client.free(held), 0);
        }
        let whole = number_in(&client.call(ALLOC, 0, &number(case, "limit").to_le_bytes()));
        assert_eq!(client.free(whole), 0);
        let after = client.statistics();
        assert_eq!((after.buffers, after.buffer_bytes, after.in_flight), (0, 0, 0));
    }

    pub(super) fn memory_stream(&mut self, case: &Value) {
        let mut suite = Suite::with_memory(number(case, "limit"));
        let held = suite.client.buffer(&vec![0; number(case, "limit") as usize]).expect("fits");
        let payload = [number(case, "count") as u32, number(case, "size") as u32].map(u32::to_le_bytes).concat();
        let id = suite.start("blocks", &payload, Duration::ZERO);
        suite.client.credit(id, u64::MAX >> 1);
        assert_eq!(suite.client.next(id, Duration::from_millis(number(case, "wait"))), None);
        assert_eq!(suite.produced(), 0, "there is no room for a block");
        assert_eq!(suite.client.free(held), 0);
        for _ in 0..number(case, "count") {
            let block = suite.client.next(id, PATIENCE).expect("there is an item");
            assert_eq!(block.kind, ITEM);
            assert_eq!(suite.client.free(number_in(&block)), 0);
        }
        assert_eq!(suite.client.last(id).kind, END);
    }

    pub(super) fn won(&mut self, case: &Value) {
        let id = self.start("commit", &[], Duration::ZERO);
        assert_eq!(self.client.next(id, PATIENCE).map(|answer| answer.kind), Some(EMIT), "it has won");
        self.client.cancel(id);
        self.client.cancel(id);
        let answer = self.client.last(id);
        assert_eq!((answer.kind, u64::from(value(&answer, |reader| reader.u32()))), (REPLY, number(case, "result")));
    }

    pub(super) fn forged(&mut self, case: &Value) {
        let to_caller = text(case, "to") == "caller";
        let kind = match text(case, "frame") {
            "cancel" => CANCEL,
            "credit" => CREDIT,
            "item" => ITEM,
            "end" => END,
            "reply" => REPLY,
            "error" => ERROR,
            "panic" => PANIC,
            "emit" => EMIT,
            other => panic!("no kind of frame {other}"),
        };
        let (variant, carries) = (text(case, "request"), case["carries"].as_bool().expect("is a bool"));
        let which = ["own", "before", "after", "nowhere"].iter().position(|name| *name == variant).expect("is known");
        let payload = arguments(|writer| {
            writer.flag(to_caller);
            writer.u8(kind);
            writer.u32(which as u32);
            writer.u32(0);
            writer.flag(carries);
        });
        let before = self.client.statistics();
        let id = self.start("forge", &payload, Duration::ZERO);
        let (slot, generation) = (id & u64::from(u32::MAX), id >> 32);
        let forged = match variant {
            "own" => {
                // This caller has no table of requests: it sees both.
                for _ in 0..2 {
                    assert_eq!(self.client.next(id, PATIENCE).map(|answer| answer.kind), Some(kind));
                }
                assert_eq!(self.client.next(id, Duration::ZERO), None);
                assert_eq!(self.call("nothing", &[]).kind, REPLY);
                return;
            }
            "before" => u64::from(u32::MAX) << 32 | slot,
            "after" => (generation + 1) << 32 | slot,
            _ => generation << 32 | 0x7fff_ffff,
        };
        let answer = self.client.last(id);
        assert!(value(&answer, |reader| reader.flag()), "the frame was taken");
        if to_caller {
            let came = self.client.next(forged, PATIENCE).expect("the forged frame comes under its own id");
            assert_eq!((came.kind, came.handles.len()), (kind, usize::from(carries)));
            came.handles.iter().for_each(|handle| assert_eq!(self.client.free(*handle), 0, "it carries its buffer"));
            assert_eq!(self.client.statistics().stray, before.stray);
        } else {
            assert_eq!(self.client.statistics().stray, before.stray + 1);
        }
        let after = self.client.statistics();
        assert_eq!((after.buffers, after.objects, after.in_flight), (before.buffers, before.objects, 0));
        assert_eq!(self.call("nothing", &[]).kind, REPLY);
    }

    pub(super) fn close_in_flight(&mut self, case: &Value) {
        let child = number_in(&self.call("child", &arguments(|writer| writer.text("child"))));
        let mut listener = Listener::new(17);
        let kept = self.client.call(self.method("keep"), child, &listener.handle.to_le_bytes());
        assert_eq!(kept.kind, REPLY);
        let id = self.client.start(self.method("commit"), child, &[], Duration::ZERO);
        assert_eq!(self.client.next(id, PATIENCE).map(|answer| answer.kind), Some(EMIT));
        assert_eq!(self.client.close(child), 0);
        let refused = self.client.call(self.method("nothing"), child, &[]);
        assert_eq!(refused.error().map(|error| (error.0, error.1)), Some((0, CLOSED)));
        assert_eq!(self.client.callback(Duration::from_millis(20)), None, "the object is there as long as its call");
        self.client.cancel(id);
        let answer = self.client.last(id);
        assert_eq!(u64::from(value(&answer, |reader| reader.u32())), number(case, "result"));
        self.released(&mut listener);
    }

    pub(super) fn full(&mut self, case: &Value) {
        let mut suite = Suite::new();
        let before = suite.client.statistics().requests;
        let most = number(case, "requests");
        let ids: Vec<u64> = (0..most).map(|_| suite.start("sleep", &FOR_EVER, Duration::ZERO)).collect();
        let method = suite.method("nothing");
        let waiting: Vec<(u64, Vec<u8>)> = (0..number(case, "waiting"))
            .map(|_| {
                let id = suite.client.fresh_id();
                (id, frame(CALL, 0, id, suite.echo, method, Duration::ZERO, &[]))
            })
            .collect();
        for (_, call) in &waiting {
            assert_eq!(suite.client.submit(call), (0, 0), "the library is full");
        }
        let full = suite.client.statistics();
        assert_eq!((full.requests - before, full.in_flight), (most, most), "it keeps nothing of what it refused");
        // Frames of requests in flight are taken, and what is polled makes room.
        for (id, (waiting, call)) in ids.iter().zip(&waiting) {
            suite.client.cancel(*id);
            suite.is_cancelled(*id);
            assert_eq!(suite.client.submit(call), (1, call.len()));
            assert_eq!(suite.client.last(*waiting).kind, REPLY);
        }
    }

    pub(super) fn shutdown(&mut self, case: &Value) {
        let mut suite = Suite::new();
        let mut listener = Listener::new(3);
        assert_eq!(suite.call("keep", &listener.handle.to_le_bytes()).kind, REPLY);
        let buffers: Vec<u64> =
            (0..number(case, "buffers")).map(|_| suite.client.buffer(b"held").expect("fits")).collect();
        let children: Vec<u64> = (0..number(case, "children"))
            .map(|_| number_in(&suite.call("child", &arguments(|writer| writer.text("child")))))
            .collect();
        let mut ids: Vec<u64> =
            (0..number(case, "sleeping")).map(|_| suite.start("sleep", &FOR_EVER, Duration::ZERO)).collect();
        for _ in 0..number(case, "streams") {
            let payload = arguments(|writer| {
                writer.u32(1_000_000);
                writer.flag(false);
            });
            let id = suite.start("count", &payload, Duration::ZERO);
            suite.client.credit(id, 1);
            assert_eq!(suite.client.next(id, PATIENCE).map(|answer| answer.kind), Some(ITEM));
            ids.push(id);
        }
        assert_eq!(suite.client.statistics().in_flight, ids.len() as u64);
        let runtime = suite.client.runtime() as usize;
        // SAFETY: the runtime is freed once; the client's own attempt finds it closed.
        let freeing = std::thread::spawn(move || unsafe { conformance::sr_runtime_free(runtime as *mut _, 0) });
        for id in &ids {
            suite.is_cancelled(*id);
        }
        while !listener.released {
            let frame = suite.client.callback(PATIENCE).expect("the listener is released");
            listener.frame(&suite.client, &frame);
        }
        eventually("pollers are told", || suite.client.poll(Duration::from_secs(1)) == STATUS_CLOSED);
        assert_eq!(freeing.join().expect("does not panic"), 0);
        for id in ids {
            assert_eq!(suite.client.ready(id), None, "nothing comes after the last frame");
        }
        for buffer in buffers {
            assert_eq!(suite.client.view(buffer).map(drop), Err(STATUS_CLOSED));
            assert_eq!(suite.client.free(buffer), STATUS_CLOSED);
        }
        for child in children {
            assert_eq!(suite.client.close(child), STATUS_CLOSED);
        }
        let call = frame(CALL, 0, 1 << 32, suite.echo, suite.method("nothing"), Duration::ZERO, &[]);
        assert_eq!(suite.client.submit(&call), (STATUS_CLOSED, 0));
    }

    pub(super) fn fork(&mut self, case: &Value) {
        let payload = (number(case, "milliseconds") as u32).to_le_bytes();
        let ids: Vec<u64> =
            (0..number(case, "sleeping")).map(|_| self.start("sleep", &payload, Duration::ZERO)).collect();
        let buffer = self.client.buffer(b"inherited").expect("fits");
        let runtime = self.client.runtime();
        let call = frame(CALL, 0, 99 << 32, self.echo, self.method("nothing"), Duration::ZERO, &[]);
        // SAFETY: the child calls functions that take no lock there, which is what is tested, and ends; it makes no memory.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "{}", std::io::Error::last_os_error());
        if child == 0 {
            // SAFETY: as above; what is null is not looked at. A function that hangs ends the child by a signal.
            unsafe {
                libc::alarm(60);
                let none = std::ptr::null_mut();
                let (mut used, mut needed, mut made) = (0, 0, std::ptr::null_mut());
                let statuses = [
                    conformance::sr_submit(runtime, call.as_ptr(), call.len(), &mut used),
                    conformance::sr_poll(runtime, 0, none, 0, u64::MAX, &mut used, &mut needed),
                    conformance::sr_buffer_free(runtime, buffer),
                    conformance::sr_log_set(3, None, std::ptr::null_mut()),
                    conformance::sr_runtime_new(std::ptr::null(), &mut made),
                    conformance::sr_runtime_free(runtime, 1_000_000_000),
                ];
                libc::_exit(i32::from(statuses.iter().any(|status| *status != STATUS_FORKED)));
            }
        }
        let mut status = 0;
        // SAFETY: the call writes the number, and the child is this process's.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the child was told at once");
        ids.iter().for_each(|id| assert_eq!(self.client.last(*id).kind, REPLY, "the parent goes on"));
        assert_eq!(self.client.free(buffer), 0);
    }

    pub(super) fn exec(&mut self, case: &Value) {
        let payload = (number(case, "milliseconds") as u32).to_le_bytes();
        let ids: Vec<u64> =
            (0..number(case, "sleeping")).map(|_| self.start("sleep", &payload, Duration::ZERO)).collect();
        let program = <Vec<String> as json::FromJson>::from_json(&case["program"]);
        let said = Command::new(&program[0]).args(&program[1..]).output().expect("the program starts");
        assert!(said.status.success());
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        for absent in <Vec<String> as json::FromJson>::from_json(&case["absent"]) {
            assert!(!said.contains(&absent), "{said}");
        }
        ids.iter().for_each(|id| assert_eq!(self.client.last(*id).kind, REPLY));
    }

    pub(super) fn schema(&mut self, case: &Value) {
        // SAFETY: it is constant data of the library, of this layout, and so is what it names.
        let mut schema = unsafe {
            let abi = &*conformance::sr_abi().cast::<Abi>();
            String::from_utf8_lossy(std::slice::from_raw_parts(abi.text, abi.text_length)).into_owned()
        };
        let list = |field: &str| case.get(field).map(<Vec<String> as json::FromJson>::from_json).unwrap_or_default();
        if let [from, to] = &list("replace")[..] {
            assert!(schema.contains(from.as_str()));
            schema = schema.replace(from, to);
        }
        for line in list("remove") {
            assert!(schema.contains(&line));
            schema = schema.replace(&line, "");
        }
        if case.get("add").is_some() {
            schema.insert_str(0, text(case, "add"));
        }
        let (status, message) = self.client.check(schema.as_bytes());
        let names = list("names");
        assert_eq!(status, if names.is_empty() { 0 } else { STATUS_INVALID }, "{message}");
        names.iter().for_each(|name| assert!(message.contains(name), "{message}"));
        list("spares").iter().for_each(|name| assert!(!message.contains(name), "{message}"));
    }
}
