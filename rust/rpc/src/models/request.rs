//! A request's end against its work, a cancellation and a shield. A wake-up that is lost leaves the request's task waiting
//! for ever, which loom reports as a deadlock.

use std::mem::MaybeUninit;
use std::time::Duration;

use loom::future::block_on;
use loom::thread::spawn;
use tokio::runtime::Runtime;

use super::*;
use crate::ffi::AbiInfo;
use crate::frame::HEADER;
use crate::queue::Polled;
use crate::service::Service;
use crate::sync::{model, AtomicBool};

static SERVICE: Service = Service {
    abi: &AbiInfo::new([0; 16], "", &[]),
    dispatch: |_, _| Err(Error::UnknownMethod(0)),
    immediate: |_| Err(Error::UnknownMethod(0)),
};

/// Runs a model with a core that has one queue and no threads.
fn model_of_core(body: impl Fn(Arc<Core>) + Send + Sync + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("makes a runtime");
    let handle = Runtime::handle(&runtime).clone();
    model(move || {
        let core = Core::new(&SERVICE, 1, 1, 1 << 20, handle.clone(), Arc::default()).expect("makes a core");
        body(core);
    });
}

fn request(core: &Arc<Core>) -> Arc<Request> {
    request_until(core, None)
}

fn request_until(core: &Arc<Core>, deadline: Option<Instant>) -> Arc<Request> {
    let draft = Draft { queue: 0, id: 1, deadline, trace: [0; 24], arguments: &[] };
    Arc::new(Request::new(core.clone(), &draft))
}

/// Something that happens once, outside.
struct Event {
    happened: AtomicBool,
    waker: AtomicWaker,
}

impl Event {
    fn new() -> Arc<Self> {
        Arc::new(Event { happened: AtomicBool::new(false), waker: AtomicWaker::new() })
    }

    fn happen(&self) {
        self.happened.store(true, Ordering::Release);
        self.waker.wake();
    }

    async fn wait(&self) {
        std::future::poll_fn(|cx| {
            self.waker.register(cx.waker());
            match self.happened.load(Ordering::Acquire) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

/// The kind of the one frame in the queue, which must be a last one.
fn only_answer(core: &Core) -> u8 {
    let mut room = vec![MaybeUninit::new(0); 4 * HEADER];
    let polled = core.queues[0].poll(&mut room, Some(Duration::ZERO), || ());
    assert!(matches!(polled, Polled::Frames { count: 1, finals: 1, .. }), "{polled:?}");
    // SAFETY: the room was made of zeros.
    unsafe { room[6].assume_init() }
}

#[test]
fn cancelled_or_done_it_answers_once() {
    model_of_core(|core| {
        let (request, event) = (request(&core), Event::new());
        let canceller = {
            let request = request.clone();
            spawn(move || request.cancel())
        };
        let finisher = {
            let event = event.clone();
            spawn(move || event.happen())
        };
        let work: Work = Box::pin(async move {
            event.wait().await;
            Final { kind: REPLY, payload: Vec::new(), handles: Vec::new() }
        });
        block_on(Running::new(request, work));
        assert!(matches!(only_answer(&core), REPLY | ERROR));
        canceller.join().expect("does not panic");
        finisher.join().expect("does not panic");
    });
}

/// The work never ends, so the cancellation must reach it wherever it is.
#[test]
fn a_cancellation_is_not_slept_over() {
    model_of_core(|core| {
        let request = request(&core);
        let canceller = {
            let request = request.clone();
            spawn(move || request.cancel())
        };
        block_on(Running::new(request, Box::pin(std::future::pending())));
        assert_eq!(only_answer(&core), ERROR);
        canceller.join().expect("does not panic");
    });
}

/// A shield that another thread takes away, as blocking work does: no cancellation drops the work while it stands, and the
/// one that it held off acts afterwards.
#[test]
fn a_shield_holds_a_cancellation_off_and_no_longer() {
    model_of_core(|core| {
        let request = request(&core);
        request.shield(true);
        let lifted = Arc::new(AtomicBool::new(false));
        let lifter = {
            let (request, lifted) = (request.clone(), lifted.clone());
            spawn(move || {
                lifted.store(true, Ordering::SeqCst);
                request.shield(false);
            })
        };
        let canceller = {
            let request = request.clone();
            spawn(move || request.cancel())
        };
        struct Dropped(Arc<AtomicBool>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                assert!(self.0.load(Ordering::SeqCst), "dropped behind its shield");
            }
        }
        let dropped = Dropped(lifted);
        let work: Work = Box::pin(async move {
            let _dropped = dropped;
            std::future::pending().await
        });
        block_on(Running::new(request, work));
        // A drop that panicked would have answered PANIC.
        assert_eq!(only_answer(&core), ERROR);
        lifter.join().expect("does not panic");
        canceller.join().expect("does not panic");
    });
}

/// Who asks for the token and who cancels may come at the same time, in the first use of the token.
#[test]
fn the_token_learns_of_every_cancellation() {
    model_of_core(|core| {
        let request = request(&core);
        let canceller = {
            let request = request.clone();
            spawn(move || request.cancel())
        };
        let token = request.token().clone();
        canceller.join().expect("does not panic");
        assert!(token.is_cancelled());
    });
}

/// A deadline that has passed against a caller that cancels: the answer is one of the two, and the token is cancelled.
#[test]
fn the_deadline_and_a_cancellation_agree_on_one_end() {
    model_of_core(|core| {
        let request = request_until(&core, Some(Instant::now()));
        let canceller = {
            let request = request.clone();
            spawn(move || request.cancel())
        };
        let token = request.token().clone();
        let mut work: Option<Work> = Some(Box::pin(std::future::pending()));
        let result = request.poll_work(&mut work, &mut TaskContext::from_waker(std::task::Waker::noop()));
        assert_eq!(result.expect("it is over").kind, ERROR);
        assert!(work.is_none() && token.is_cancelled());
        canceller.join().expect("does not panic");
    });
}

/// Nothing is emitted once the last frame is on its way.
#[test]
fn no_emit_comes_after_the_end() {
    model_of_core(|core| {
        let request = request(&core);
        let emitter = {
            let (core, request) = (core.clone(), request.clone());
            spawn(move || {
                let _ = request.input.unless_over(|| core.queues[0].emit(request.id, Vec::new()));
            })
        };
        core.complete(&request, &Final::end());
        let mut room = vec![MaybeUninit::new(0); 4 * HEADER];
        let mut kinds = Vec::new();
        while let Polled::Frames { count, .. } = core.queues[0].poll(&mut room, Some(Duration::ZERO), || ()) {
            // SAFETY: the room was made of zeros.
            kinds.extend(room.chunks(HEADER).take(count).map(|frame| unsafe { frame[6].assume_init() }));
        }
        emitter.join().expect("does not panic");
        assert_eq!(kinds.last(), Some(&END), "{kinds:?}");
        assert!(core.queues[0].is_empty(), "something came after the end");
    });
}

/// Credit that comes while a stream looks for it, or has just found none.
#[test]
fn no_credit_is_slept_over() {
    model_of_core(|core| {
        let request = request(&core);
        let reader = {
            let request = request.clone();
            spawn(move || request.add_credit(1))
        };
        block_on(std::future::poll_fn(|cx| request.poll_credit(cx)));
        reader.join().expect("does not panic");
    });
}
