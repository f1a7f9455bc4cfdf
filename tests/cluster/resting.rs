//! Who asks who is there in a runtime that is driven for no longer than that takes, or not at all, and shares the question with others.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use axum_socketio::{
    Broadcast, ServerId, SocketIo,
    adapter::{Adapter, AdapterError, Bus, Closing, Destination, Envelope, Incoming, Message},
};
use futures::{FutureExt, future::join_all};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
};

use crate::{
    questions::{Counts, knows, places, runtime, server},
    wire::within,
};

/// Two servers in a runtime that is always driven, and a namespace of the first.
struct Servers {
    bus: Bus,
    counts: Arc<Counts>,
    near: SocketIo,
    _far: SocketIo,
    _always: Runtime,
}

impl Servers {
    fn start() -> Self {
        let mut one = Builder::new_multi_thread();
        one.worker_threads(1);
        let always = runtime(one);
        let bus = Bus::new();
        let (place, counts) = places(&bus);
        let (near, far) = always.block_on(async {
            let (near, far) = (server(place()), server(place()));
            within(knows(&near, 2)).await;
            (near, far)
        });
        Self {
            bus,
            counts,
            near,
            _far: far,
            _always: always,
        }
    }

    fn asked(&self) -> usize {
        self.counts.asked.load(Ordering::SeqCst)
    }

    /// Polls it once; it waits.
    async fn begin<F: Future>(&self, mut future: Pin<&mut F>) {
        let waits = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending()));
        assert!(waits.await);
    }

    /// Polls it until so many questions have been asked.
    async fn until_asked<F: Future>(&self, questions: usize, mut future: Pin<&mut F>) {
        let asked = poll_fn(|cx| {
            assert!(future.as_mut().poll(cx).is_pending());
            if self.asked() >= questions {
                return Poll::Ready(());
            }
            Poll::Pending
        });
        within(asked).await;
    }
}

fn for_a_while() -> Runtime {
    runtime(Builder::new_current_thread())
}

/// Synchronous code does so.
#[test]
fn a_question_that_follows_another_one_is_asked_by_somebody_who_waits_for_it() {
    for ends in [false, true] {
        let servers = Servers::start();
        let (at_rest, driven) = (for_a_while(), for_a_while());
        let main = servers.near.of("/");
        servers.bus.hold();
        let mut first = pin!(main.fetch_sockets());
        at_rest.block_on(servers.begin(first.as_mut()));
        let mut others = pin!(join_all((0..20).map(|_| main.fetch_sockets())));
        driven.block_on(servers.begin(others.as_mut()));
        servers.bus.release();
        assert!(at_rest.block_on(async { within(first).await }).is_ok());
        let rests = (!ends).then_some(at_rest);
        for found in driven.block_on(async { within(others).await }) {
            assert!(found.unwrap().is_empty());
        }
        assert_eq!(servers.asked(), 2);
        drop(rests);
    }
}

enum Ends {
    Question,
    Runtime,
    Neither,
}

#[test]
fn who_shares_a_question_asks_anew_where_nobody_hears_the_answers() {
    for ends in [Ends::Question, Ends::Runtime, Ends::Neither] {
        let servers = Servers::start();
        let (at_rest, driven) = (for_a_while(), for_a_while());
        let main = servers.near.of("/");
        servers.bus.hold();
        let mut first = pin!(main.fetch_sockets());
        driven.block_on(servers.begin(first.as_mut()));
        let mut rests = Box::pin(main.fetch_sockets());
        at_rest.block_on(servers.begin(rests.as_mut()));
        // Where that is known at once there is no time to be lost.
        let time = Duration::from_millis(if matches!(ends, Ends::Neither) { 5000 } else { 800 });
        let sharing = main.timeout(time);
        let mut shares = pin!(sharing.fetch_sockets());
        driven.block_on(servers.begin(shares.as_mut()));
        servers.bus.release();
        assert!(driven.block_on(async { within(first).await }).is_ok());
        at_rest.block_on(servers.until_asked(2, rests.as_mut()));
        let (mut at_rest, mut rests) = (Some(at_rest), Some(rests));
        match ends {
            Ends::Question => drop(rests.take()),
            Ends::Runtime => drop(at_rest.take()),
            Ends::Neither => {}
        }
        let found = driven.block_on(async { within(shares).await });
        assert!(found.unwrap().is_empty());
        assert_eq!(servers.asked(), 3);
    }
}

#[test]
fn a_question_that_is_given_up_keeps_no_turn_though_nobody_drives_its_runtime() {
    let servers = Servers::start();
    let (at_rest, driven) = (for_a_while(), for_a_while());
    let main = servers.near.of("/");
    servers.bus.hold();
    let rooms: Vec<_> = (0..16)
        .map(|number| main.except(format!("room {number}")))
        .collect();
    let mut given_up = Box::pin(join_all(rooms.iter().map(Broadcast::fetch_sockets)));
    at_rest.block_on(servers.begin(given_up.as_mut()));
    let mut waits = pin!(main.fetch_sockets());
    driven.block_on(servers.begin(waits.as_mut()));
    assert_eq!(servers.asked(), 16);
    drop(given_up);
    driven.block_on(servers.begin(waits.as_mut()));
    assert_eq!(servers.asked(), 17);
    servers.bus.release();
    assert!(driven.block_on(async { within(waits).await }).is_ok());
}

/// What says an answer.
type Answer = Box<dyn FnOnce() + Send>;

/// A place on the bus of which answers go by the test.
#[derive(Debug)]
struct Slow(Arc<dyn Adapter>, mpsc::UnboundedSender<Answer>);

impl Adapter for Slow {
    fn join(&self, me: &ServerId) -> Incoming {
        self.0.join(me)
    }

    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        let (Message::Fetched { .. }, Destination::One(to)) = (&envelope.message, to) else {
            return self.0.publish(to, envelope);
        };
        let (bus, to, envelope) = (self.0.clone(), to.clone(), envelope.clone());
        let say = move || drop(bus.publish(Destination::One(&to), &envelope));
        self.1
            .send(Box::new(say))
            .map_err(|_| AdapterError::new("closed"))
    }

    fn close(&self) -> Closing<'_> {
        self.0.close()
    }
}

/// Those who have less time than the answers take come and go all the time.
#[expect(clippy::disallowed_methods, reason = "the clock is paused")]
#[tokio::test(start_paused = true)]
async fn who_gives_up_what_he_has_asked_takes_the_answer_from_nobody_who_shares_it() {
    let bus = Bus::new();
    let (sent, mut answers) = mpsc::unbounded_channel::<Answer>();
    let [near, _far] = [(); 2].map(|()| server(Slow(Arc::new(bus.adapter()), sent.clone())));
    tokio::spawn(async move {
        while let Some(say) = answers.recv().await {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(400)).await;
                say();
            });
        }
    });
    knows(&near, 2).await;
    let main = near.of("/");
    let hasty = main.timeout(Duration::from_millis(250));
    tokio::spawn(async move {
        loop {
            let hasty = hasty.clone();
            tokio::spawn(async move { hasty.fetch_sockets().await.map(drop) });
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let mut patient = pin!(main.fetch_sockets());
    assert!(patient.as_mut().now_or_never().is_none());
    // One of the others asks what is asked next, after a tenth of a second.
    tokio::time::sleep(Duration::from_millis(140)).await;
    let in_time = tokio::time::timeout(Duration::from_millis(400), patient);
    assert!(in_time.await.expect("the answer has come").unwrap().is_empty());
}
