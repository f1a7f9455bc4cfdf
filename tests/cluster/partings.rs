//! A good-bye is the last that others hear, and who has said it is waited for by nobody.

#![expect(
    clippy::disallowed_methods,
    reason = "the clock is paused where it is waited for"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::channel,
    },
    task::{Context, Waker},
    thread,
    time::Duration,
};

use axum_socketio::{
    Drain, Namespace, ServerEvent, ServerId, SocketIo,
    adapter::{Adapter, AdapterError, Bus, Closing, Destination, Envelope, Incoming, Message},
};
use futures::{FutureExt, StreamExt};
use tokio::{
    sync::{Notify, mpsc::unbounded_channel},
    time::Instant,
};

use crate::wire::{Eio, TestClient, TestServer, Via, within};

type Hook = Box<dyn FnMut(&Envelope) + Send>;

/// A place on a bus, where somebody may come in between before a message goes out.
struct Watched {
    place: Box<dyn Adapter>,
    hook: Mutex<Option<Hook>>,
    /// What has gone out, and the end of the back end.
    log: Mutex<Vec<String>>,
    /// The stream ends.
    ends: Arc<Notify>,
}

#[derive(Clone)]
struct Watch(Arc<Watched>);

impl Watch {
    fn on(bus: &Bus) -> Self {
        Self(Arc::new(Watched {
            place: Box::new(bus.adapter()),
            hook: Mutex::default(),
            log: Mutex::default(),
            ends: Arc::default(),
        }))
    }

    /// Called before the first message for which it says so.
    fn before(
        &self,
        is_it: impl Fn(&Envelope) -> bool + Send + 'static,
        hook: impl FnOnce() + Send + 'static,
    ) {
        let mut hook = Some(hook);
        *self.0.hook.lock().unwrap() = Some(Box::new(move |envelope| {
            if is_it(envelope)
                && let Some(hook) = hook.take()
            {
                hook();
            }
        }));
    }

    fn last(&self) -> String {
        self.0.log.lock().unwrap().last().unwrap().clone()
    }

    fn last_in(&self, namespace: &str) -> String {
        let log = self.0.log.lock().unwrap();
        let mut lines = log.iter().rev();
        let line = lines.find_map(|line| line.strip_suffix(namespace)).unwrap();
        line.trim_end().to_owned()
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Adapter for Watch {
    fn join(&self, me: &ServerId) -> Incoming {
        let ends = self.0.ends.clone();
        let end = async move { ends.notified().await };
        self.0.place.join(me).take_until(Box::pin(end)).boxed()
    }

    fn publish(&self, to: Destination<'_>, envelope: &Envelope) -> Result<(), AdapterError> {
        let hook = self.0.hook.lock().unwrap().take();
        if let Some(mut hook) = hook {
            hook(envelope);
            self.0.hook.lock().unwrap().get_or_insert(hook);
        }
        let kind = match envelope.message {
            Message::Close => "close",
            _ => "message",
        };
        let line = format!("{kind} {}", envelope.namespace);
        self.0.log.lock().unwrap().push(line);
        self.0.place.publish(to, envelope)
    }

    fn close(&self) -> Closing<'_> {
        self.0.log.lock().unwrap().push("end".into());
        self.0.place.close()
    }
}

fn server(adapter: impl Adapter) -> SocketIo {
    SocketIo::builder().adapter(adapter).build().unwrap()
}

async fn counts(io: &SocketIo, name: &str, servers: usize) {
    within(async {
        while io.of(name).server_count().await != servers {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn has_ended(io: &SocketIo, name: &str) {
    within(async {
        while io.get(name).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A dynamic namespace that nobody has but whoever gets this.
async fn deserted(io: &SocketIo, server: &TestServer, name: &str) -> Namespace {
    let mut client = TestClient::open(server, Eio::V4, Via::WebSocket).await;
    client.join(name).await;
    let namespace = io.get(name).unwrap();
    client.send(format!("41{name},")).await;
    within(async {
        while !namespace.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    namespace
}

/// With the clock paused, waiting for another server would take five seconds.
async fn waits_for_nobody(namespace: &Namespace) {
    let start = Instant::now();
    let fetched = namespace.fetch_sockets().await;
    assert!(fetched.is_ok(), "{fetched:?}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn an_answer_to_a_server_after_the_end_of_its_namespace_is_no_sign_of_life() {
    let bus = Bus::new();
    let (asks, watch) = (server(bus.adapter()), Watch::on(&bus));
    let hears = server(watch.clone());
    let (keep, mut kept) = unbounded_channel::<ServerEvent>();
    let _parent = hears
        .of_matching(|name| name == "/child")
        .on_server_event("ask", move |event| {
            keep.send(event).unwrap();
            async {}
        });
    let there = TestServer::start(&hears).await;
    let child = deserted(&hears, &there, "/child").await;
    counts(&asks, "/child", 2).await;
    let namespace = asks.of("/child");
    let (answers, event) = tokio::join!(namespace.server_side_emit_with_ack::<u8>("ask", ()), async {
        let event = within(kept.recv()).await.unwrap();
        drop(child);
        event
    });
    assert!(answers.unwrap().is_empty());
    assert!(hears.get("/child").is_none());
    event.ack(1).unwrap();
    assert_eq!(watch.last_in("/child"), "close");
    tokio::time::pause();
    waits_for_nobody(&namespace).await;
    assert_eq!(namespace.server_count().await, 1);
}

fn is_heartbeat_of_a_child(envelope: &Envelope) -> bool {
    envelope.namespace.starts_with("/child") && matches!(envelope.message, Message::Heartbeat)
}

#[tokio::test]
async fn heartbeats_come_before_the_good_bye_of_a_namespace_that_ends_meanwhile() {
    let bus = Bus::new();
    let (other, watch) = (server(bus.adapter()), Watch::on(&bus));
    let ends = server(watch.clone());
    let _parent = ends.of_matching(|name| name.starts_with("/child"));
    let there = TestServer::start(&ends).await;
    for greets in [true, false] {
        let names = ["/child-1", "/child-2", "/child-3"].map(|name| format!("{name}-{greets}"));
        let mut children = Vec::new();
        for name in &names {
            children.push(deserted(&ends, &there, name).await);
        }
        let meet = || names.iter().for_each(|name| drop(other.of(name)));
        if !greets {
            meet();
            for name in &names {
                counts(&other, name, 2).await;
            }
        }
        // On another thread, so that a lock that is held makes the test fail and not hang.
        watch.before(is_heartbeat_of_a_child, move || {
            let (done, is_done) = channel();
            thread::spawn(move || {
                drop(children);
                done.send(())
            });
            is_done.recv_timeout(Duration::from_secs(5)).unwrap();
        });
        if greets {
            meet();
        } else {
            tokio::time::pause();
            for _ in 0..6 {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            tokio::time::resume();
        }
        for name in &names {
            has_ended(&ends, name).await;
            counts(&other, name, 1).await;
            within(async {
                while watch.last_in(name) != "close" {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
        tokio::time::pause();
        for name in &names {
            waits_for_nobody(&other.of(name)).await;
            assert_eq!(watch.last_in(name), "close");
        }
        tokio::time::resume();
    }
}

/// The others go on to count the server, so they have to hear what it says.
#[tokio::test]
async fn a_namespace_that_is_there_again_before_its_good_bye_says_none() {
    let bus = Bus::new();
    let (other, watch) = (server(bus.adapter()), Watch::on(&bus));
    let ends = server(watch.clone());
    let _parent = ends.of_matching(|name| name == "/child");
    let there = TestServer::start(&ends).await;
    let child = deserted(&ends, &there, "/child").await;
    let _ = other.of("/child");
    counts(&other, "/child", 2).await;
    let (io, (again, mut is_again)) = (ends.clone(), unbounded_channel());
    watch.before(is_heartbeat_of_a_child, move || {
        drop(child);
        assert!(io.get("/child").is_none());
        again.send(io.of("/child")).unwrap();
    });
    tokio::time::pause();
    for _ in 0..6 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    tokio::time::resume();
    let child = within(is_again.recv()).await.unwrap();
    let lines = || watch.0.log.lock().unwrap().clone();
    let before = lines().len();
    child.emit("news", ());
    assert_eq!(lines()[before..], ["message /child"]);
    assert!(!lines().contains(&"close /child".into()));
    counts(&other, "/child", 2).await;
}

/// Who publishes says it. The back end isn't closed before.
#[tokio::test(start_paused = true)]
async fn what_is_published_while_the_server_closes_comes_before_the_good_bye() {
    let bus = Bus::new();
    let (other, watch) = (server(bus.adapter()), Watch::on(&bus));
    let closes = server(watch.clone());
    counts(&other, "/", 2).await;
    let is_it = |envelope: &Envelope| matches!(envelope.message, Message::Broadcast { .. });
    let (io, (keep, mut kept)) = (closes.clone(), unbounded_channel());
    watch.before(is_it, move || {
        let mut closing = async move { io.close().await }.boxed();
        let polled = closing.poll_unpin(&mut Context::from_waker(Waker::noop()));
        keep.send((polled.is_pending(), closing)).unwrap();
    });
    closes.of("/").emit("news", 1);
    let (waits, closing) = kept.recv().await.unwrap();
    assert!(waits, "the message is still to be sent");
    closing.await;
    let log = watch.0.log.lock().unwrap().clone();
    assert!(
        log.ends_with(&["message /", "close /", "end"].map(String::from)),
        "{log:?}"
    );
    counts(&other, "/", 1).await;
    waits_for_nobody(&other.of("/")).await;
}

/// A back end whose end is in the hand of the test.
#[derive(Clone, Debug, Default)]
struct SlowEnd {
    closes: Arc<AtomicUsize>,
    may_end: Arc<Notify>,
}

impl Adapter for SlowEnd {
    fn join(&self, _: &ServerId) -> Incoming {
        futures::stream::pending().boxed()
    }

    fn publish(&self, _: Destination<'_>, _: &Envelope) -> Result<(), AdapterError> {
        Ok(())
    }

    fn close(&self) -> Closing<'_> {
        self.closes.fetch_add(1, Ordering::Relaxed);
        Box::pin(self.may_end.notified())
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_close_a_server_wait_for_the_same_end_of_the_back_end() {
    let adapter = SlowEnd::default();
    let io = server(adapter.clone());
    let second = Duration::from_secs(1);
    let mut drained = io.drain(Drain::new(Duration::ZERO)).boxed();
    let mut closed = io.close().boxed();
    assert!(tokio::time::timeout(second / 10, &mut drained).await.is_err());
    assert!(tokio::time::timeout(second / 10, &mut closed).await.is_err());
    // Who gives up doesn't keep the others from it.
    drop(drained);
    assert!(tokio::time::timeout(second / 10, &mut closed).await.is_err());
    adapter.may_end.notify_one();
    assert!(tokio::time::timeout(second / 10, &mut closed).await.is_ok());
    assert_eq!(adapter.closes.load(Ordering::Relaxed), 1);
}

/// It has what others say no longer, so it owes nobody an answer.
#[tokio::test(start_paused = true)]
async fn a_server_whose_stream_has_ended_says_good_bye_and_is_waited_for_by_nobody() {
    let bus = Bus::new();
    let (other, watch) = (server(bus.adapter()), Watch::on(&bus));
    let deaf = server(watch.clone());
    counts(&other, "/", 2).await;
    let told = told(&deaf);
    watch.0.ends.notify_one();
    counts(&other, "/", 1).await;
    is_waited_for_by_nobody(&deaf, &other).await;
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(watch.last(), "end");
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_runtime_has_ended_says_good_bye_and_is_waited_for_by_nobody() {
    let bus = Bus::new();
    let (other, watch) = (server(bus.adapter()), Watch::on(&bus));
    let built_in = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let deaf = {
        let _guard = built_in.enter();
        server(watch.clone())
    };
    counts(&other, "/", 2).await;
    let told = told(&deaf);
    built_in.shutdown_background();
    counts(&other, "/", 1).await;
    is_waited_for_by_nobody(&deaf, &other).await;
    assert_eq!(told.load(Ordering::Relaxed), 1);
    assert_eq!(watch.last(), "close /");
    deaf.close().await;
    assert_eq!(watch.last(), "end");
}

/// Nobody has the server any more when it ends.
#[tokio::test]
async fn a_server_that_is_dropped_with_its_runtime_says_good_bye() {
    let bus = Bus::new();
    let (other, watch) = (server(bus.adapter()), Watch::on(&bus));
    let built_in = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let gone = {
        let _guard = built_in.enter();
        server(watch.clone())
    };
    counts(&other, "/", 2).await;
    drop(gone);
    built_in.shutdown_background();
    assert_eq!(watch.last(), "close /");
    counts(&other, "/", 1).await;
}

fn told(io: &SocketIo) -> Arc<AtomicUsize> {
    let told = Arc::new(AtomicUsize::new(0));
    let telling = told.clone();
    io.on_adapter_error(move |_| {
        telling.fetch_add(1, Ordering::Relaxed);
    });
    told
}

async fn is_waited_for_by_nobody(deaf: &SocketIo, other: &SocketIo) {
    for _ in 0..12 {
        deaf.of("/").emit("news", ());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(other.of("/").server_count().await, 1);
    }
    waits_for_nobody(&other.of("/")).await;
    assert_eq!(deaf.of("/").server_count().await, 1);
}

/// Dynamic namespaces come to be on behalf of clients, with others asking all the while.
#[tokio::test(start_paused = true)]
async fn who_asks_while_a_namespace_comes_to_be_has_an_answer() {
    let bus = Bus::new();
    let (asks, watch) = (server(bus.adapter()), Watch::on(&bus));
    let makes = server(watch.clone());
    let namespace = asks.of("/x");
    let is_it = |envelope: &Envelope| {
        matches!(envelope.message, Message::InitialHeartbeat) && &*envelope.namespace == "/x"
    };
    let (go, may_go) = channel();
    let heard = Arc::new(AtomicBool::new(false));
    let hearing = heard.clone();
    watch.before(is_it, move || {
        hearing.store(true, Ordering::Relaxed);
        may_go.recv_timeout(Duration::from_secs(30)).unwrap();
    });
    let io = makes.clone();
    let making = thread::spawn(move || drop(io.of("/x")));
    while !heard.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
    // It is there for others, who have heard something of it, and not yet for itself.
    let id = makes.server_id().unwrap().clone();
    let envelope = Envelope {
        sender: id,
        namespace: "/x".into(),
        message: Message::Heartbeat,
    };
    watch.0.place.publish(Destination::Everyone, &envelope).unwrap();
    counts(&asks, "/x", 2).await;
    waits_for_nobody(&namespace).await;
    let answers = namespace.emit_with_ack::<u8>("ask", ()).collect_all().await;
    assert!(answers.unwrap().is_empty());
    go.send(()).unwrap();
    making.join().unwrap();
}

#[tokio::test]
async fn who_waits_for_clients_of_other_servers_keeps_the_namespace() {
    let bus = Bus::new();
    let [here, there] = [(); 2].map(|()| server(bus.adapter()));
    let _parents = [&here, &there].map(|io| io.of_matching(|name| name == "/child"));
    let servers = [TestServer::start(&here).await, TestServer::start(&there).await];
    let namespace = deserted(&here, &servers[0], "/child").await;
    let mut client = TestClient::open(&servers[1], Eio::V4, Via::WebSocket).await;
    let id = client.join("/child").await;
    within(async {
        while namespace.server_count().await != 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let all = namespace.emit_with_ack::<u8>("all", ());
    let sockets = namespace.fetch_sockets().await.unwrap();
    let socket = sockets.iter().find(|socket| socket.id().as_str() == id).unwrap();
    let one = socket.emit_with_ack::<u8>("one", ());
    drop((sockets, namespace));
    client.expect(r#"42/child,0["all"]"#).await;
    client.expect(r#"42/child,1["one"]"#).await;
    client.send("43/child,0[1]").await;
    client.send("43/child,1[2]").await;
    assert_eq!(within(all.collect_all()).await.unwrap(), [1]);
    assert_eq!(within(one).await.unwrap(), 2);
    has_ended(&here, "/child").await;
}
