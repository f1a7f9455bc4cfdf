//! What a server with the feature `metrics` reports, held to the table in `docs/observability.md`.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the protocol suites")]
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use axum_socketio::{Socket, SocketIo};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use wire::{Eio, Request, TestClient, TestServer, Via, Ws, within};

type Hook = Box<dyn Fn() + Send + Sync>;

/// A recorder that remembers everything.
#[derive(Default)]
struct Recorded {
    /// Called at every change.
    hook: Arc<OnceLock<Hook>>,
    /// Kind and unit by name.
    described: Mutex<BTreeMap<String, (&'static str, &'static str)>>,
    /// By name and labels, `name{label=value,…}`.
    series: Mutex<BTreeMap<String, Arc<Series>>>,
}

/// One counter, gauge or histogram.
struct Series {
    hook: Arc<OnceLock<Hook>>,
    kind: &'static str,
    /// What it says; of a histogram, the sum.
    value: Mutex<f64>,
    updated: tokio::sync::watch::Sender<u64>,
}

impl Series {
    fn change(&self, change: impl FnOnce(&mut f64)) {
        change(&mut self.value.lock().unwrap());
        if let Some(hook) = self.hook.get() {
            hook();
        }
        self.updated.send_modify(|count| *count += 1);
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.change(|sum| *sum += value as f64);
    }

    fn absolute(&self, value: u64) {
        self.change(|sum| *sum = value as f64);
    }
}

impl GaugeFn for Series {
    fn increment(&self, value: f64) {
        self.change(|sum| *sum += value);
    }

    fn decrement(&self, value: f64) {
        self.change(|sum| *sum -= value);
    }

    fn set(&self, value: f64) {
        self.change(|sum| *sum = value);
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        self.change(|sum| *sum += value);
    }
}

impl Recorded {
    fn describe(&self, name: &KeyName, kind: &'static str, unit: Option<Unit>) {
        let described = (kind, unit.unwrap().as_str());
        self.described
            .lock()
            .unwrap()
            .insert(name.as_str().to_owned(), described);
    }

    fn register(&self, key: &Key, kind: &'static str) -> Arc<Series> {
        let labels = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()));
        let labels: Vec<_> = labels.collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        let new = || {
            Arc::new(Series {
                hook: self.hook.clone(),
                kind,
                value: Mutex::new(0.0),
                updated: tokio::sync::watch::Sender::new(0),
            })
        };
        self.series
            .lock()
            .unwrap()
            .entry(name)
            .or_insert_with(new)
            .clone()
    }

    fn series(&self, name: &str) -> Arc<Series> {
        self.series
            .lock()
            .unwrap()
            .get(name)
            .unwrap_or_else(|| panic!("no {name}"))
            .clone()
    }

    fn value(&self, name: &str) -> f64 {
        *self.series(name).value.lock().unwrap()
    }

    /// Waits until it says this.
    async fn says(&self, name: &str, value: f64) {
        let series = self.series(name);
        let mut updated = series.updated.subscribe();
        within(updated.wait_for(|_| *series.value.lock().unwrap() == value))
            .await
            .unwrap();
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, "counter", unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, "gauge", unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, "histogram", unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.register(key, "counter").into()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.register(key, "gauge").into()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.register(key, "histogram").into()
    }
}

/// A server that reports to the recorder.
async fn serve(build: impl FnOnce() -> SocketIo) -> (Recorded, SocketIo, TestServer) {
    let recorded = Recorded::default();
    let io = metrics::with_local_recorder(&recorded, build);
    let _ = io.sockets().on("message", async |socket: Socket| {
        socket.emit("message-back", "marker")
    });
    let server = TestServer::start(&io).await;
    (recorded, io, server)
}

/// A row of the table: kind, unit, and the labels with their values.
type Row = (String, String, Vec<(String, Vec<String>)>);

/// The table of metrics, by name.
fn documented() -> BTreeMap<String, Row> {
    let text = include_str!("../docs/observability.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `socketio_"));
    let row = |row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(';').filter_map(|label| label.split_once(':'));
        let quoted = |text: &str| {
            text.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let labels = labels.map(|(name, values)| (quoted(name)[0].clone(), quoted(values)));
        let name = format!("socketio_{}", cells[0].trim_end_matches('`'));
        (name, (cells[1].to_owned(), cells[2].to_owned(), labels.collect()))
    };
    rows.map(row).collect()
}

/// All series that a row promises.
fn series_of(name: &str, labels: &[(String, Vec<String>)]) -> Vec<String> {
    let mut series = vec![String::new()];
    for (label, values) in labels {
        let with = |start: &String| {
            let comma = if start.is_empty() { "" } else { "," };
            values
                .iter()
                .map(|value| format!("{start}{comma}{label}={value}"))
                .collect::<Vec<_>>()
        };
        series = series.iter().flat_map(with).collect();
    }
    series
        .iter()
        .map(|labels| format!("{name}{{{labels}}}"))
        .collect()
}

#[tokio::test]
async fn names_kinds_units_and_labels_are_those_of_the_table() {
    let (recorded, _io, _server) = serve(SocketIo::new).await;
    let documented = documented();
    assert_eq!(documented.len(), 13, "the table can be read");
    let described = recorded.described.lock().unwrap();
    let described = described
        .iter()
        .map(|(name, (kind, unit))| (&**name, (*kind, *unit)));
    let promised = documented
        .iter()
        .map(|(name, (kind, unit, _))| (&**name, (&**kind, &**unit)));
    assert_eq!(described.collect::<BTreeMap<_, _>>(), promised.collect());
    let promised = documented
        .iter()
        .flat_map(|(name, (_, _, labels))| series_of(name, labels));
    let series = recorded.series.lock().unwrap();
    assert_eq!(
        series.keys().cloned().collect::<BTreeSet<_>>(),
        promised.collect()
    );
    for (name, series) in &*series {
        let (kind, ..) = &documented[name.split('{').next().unwrap()];
        assert_eq!(series.kind, kind, "{name}");
    }
}

#[tokio::test]
async fn every_name_of_the_table_is_counted_by_traffic() {
    let (recorded, io, server) = serve(|| SocketIo::builder().max_namespaces(1).build().unwrap()).await;
    let _ = io.of("/other");
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    client.send(r#"42["message"]"#).await;
    client.expect(r#"42["message-back","marker"]"#).await;
    // A limit, a drop, a refusal.
    client.send("40/other").await;
    client
        .expect(r#"44/other,{"message":"too many namespaces"}"#)
        .await;
    assert_eq!(
        recorded.value("socketio_limits_exceeded_total{limit=max_namespaces}"),
        1.0
    );
    io.sockets().volatile().emit("volatile", 1);
    Request::get(format!("{}&sid=nobody", Eio::V4.target("polling")))
        .send(server.addr)
        .await;
    // An acknowledgement.
    let ack = io.sockets().sockets()[0].emit_with_ack::<u8>("question", ());
    client.expect(r#"420["question"]"#).await;
    client.send("430[7]").await;
    assert_eq!(ack.await.unwrap(), 7);
    // An upgrade, and one that comes to nothing.
    let (target, upgrade) = (client.target(), client.upgrade_target());
    Ws::open(server.addr, &upgrade).await.close().await;
    recorded.says("socketio_upgrades_total{result=failed}", 1.0).await;
    let mut ws = Ws::open(server.addr, &upgrade).await;
    ws.send("2probe").await;
    ws.expect("3probe").await;
    Request::get(target).send(server.addr).await;
    ws.send("5").await;
    recorded
        .says("socketio_upgrades_total{result=completed}", 1.0)
        .await;
    assert_eq!(
        recorded.value("socketio_connections{transport=websocket,protocol=4}"),
        1.0
    );
    ws.close().await;
    recorded
        .says("socketio_connections_closed_total{reason=transport close}", 1.0)
        .await;
    let series = recorded.series.lock().unwrap();
    for name in documented().keys() {
        let mut of_name = series
            .iter()
            .filter(|(series, _)| series.split('{').next() == Some(name));
        assert!(
            of_name.any(|(_, series)| *series.updated.borrow() > 0),
            "{name} was never counted"
        );
    }
}

#[tokio::test]
async fn connections_are_counted_up_and_down_by_transport_and_protocol() {
    let (recorded, _io, server) = serve(SocketIo::new).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let transport = match via {
            Via::Polling => "polling",
            Via::WebSocket => "websocket",
        };
        let labels = format!("{{transport={transport},protocol={}}}", eio as u8);
        let client = TestClient::connect(&server, eio, via).await;
        assert_eq!(recorded.value(&format!("socketio_connections{labels}")), 1.0);
        client.close().await;
        recorded.says(&format!("socketio_connections{labels}"), 0.0).await;
        assert_eq!(
            recorded.value(&format!("socketio_connections_opened_total{labels}")),
            1.0
        );
    }
    assert_eq!(
        recorded.value("socketio_connections_closed_total{reason=transport close}"),
        4.0
    );
}

#[tokio::test]
async fn packets_and_bytes_are_counted_both_ways_with_their_attachments() {
    let (recorded, io, server) = serve(SocketIo::new).await;
    let _ = io.sockets().on("binary", async |socket: Socket| {
        socket.emit("binary", bytes::Bytes::from_static(&[1, 2, 3]));
    });
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let counted = || {
        ["packets_received", "received_bytes", "packets_sent", "sent_bytes"]
            .map(|name| recorded.value(&format!("socketio_{name}_total{{transport=websocket}}")))
    };
    let before = counted();
    client.send(r#"42["binary"]"#).await;
    client
        .expect(r#"451-["binary",{"_placeholder":true,"num":0}]"#)
        .await;
    client.recv().await.unwrap();
    let after = counted();
    let sent = r#"51-["binary",{"_placeholder":true,"num":0}]"#.len() + 3;
    let counts: Vec<_> = after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect();
    assert_eq!(counts, [1.0, r#"2["binary"]"#.len() as f64, 2.0, sent as f64]);
    client
        .send_all([
            r#"451-["binary",{"_placeholder":true,"num":0}]"#.into(),
            wire::Packet::Binary(vec![9; 5]),
        ])
        .await;
    client
        .expect(r#"451-["binary",{"_placeholder":true,"num":0}]"#)
        .await;
    assert_eq!(counted()[0] - after[0], 2.0);
}

#[tokio::test]
async fn drops_and_refusals_are_counted_by_reason() {
    let (recorded, io, server) = serve(SocketIo::new).await;
    let guarded = io.of("/guarded");
    let _ = guarded.middleware(async || Err::<(), _>(axum_socketio::ConnectError::new("no")));
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    for _ in 0..3 {
        io.sockets().volatile().emit("volatile", 1);
    }
    assert_eq!(
        recorded.value("socketio_packets_dropped_total{reason=volatile}"),
        3.0
    );
    client.send("40/guarded").await;
    client.send("40/nowhere").await;
    for reason in ["middleware", "invalid_namespace"] {
        assert_eq!(
            recorded.value(&format!("socketio_refusals_total{{reason={reason}}}")),
            1.0
        );
    }
    Request::get("/socket.io/?EIO=4&transport=carrier")
        .send(server.addr)
        .await;
    Request::new("PUT", client.target()).send(server.addr).await;
    for reason in ["transport_unknown", "method_not_allowed"] {
        assert_eq!(
            recorded.value(&format!("socketio_refusals_total{{reason={reason}}}")),
            1.0
        );
    }
}

/// A recorder may ask the server, and a slow one holds up nobody who uses the same connection.
#[tokio::test]
async fn a_recorder_is_called_without_a_lock() {
    let (recorded, io, server) = serve(SocketIo::new).await;
    let _ = io.sockets().on("tell", async |socket: Socket| {
        socket.broadcast().emit("message-back", "marker");
    });
    let mut polls = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    let mut reads = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    reads.expect_nothing().await;
    let (sockets, asked, locked) = (
        io.sockets().sockets(),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let counts = (asked.clone(), locked.clone());
    let hook = move || {
        let (asked, locked) = &counts;
        asked.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = mpsc::channel();
        let sockets = sockets.clone();
        // Another thread asks, so that a lock that is held makes the test fail and not hang.
        std::thread::spawn(move || {
            for socket in sockets {
                let _ = socket.connection().is_writable();
            }
            answer.send(())
        });
        if answered.recv_timeout(Duration::from_secs(5)).is_err() {
            locked.fetch_add(1, Ordering::Relaxed);
        }
    };
    assert!(recorded.hook.set(Box::new(hook)).is_ok());
    // A reply, a poll, what a handler writes to another, what nobody takes.
    polls.send(r#"42["message"]"#).await;
    polls.expect(r#"42["message-back","marker"]"#).await;
    reads.send(r#"42["message"]"#).await;
    reads.expect(r#"42["message-back","marker"]"#).await;
    polls.send(r#"42["tell"]"#).await;
    reads.expect(r#"42["message-back","marker"]"#).await;
    io.sockets().volatile().emit("volatile", 1);
    assert!(asked.load(Ordering::Relaxed) > 10);
    assert_eq!(locked.load(Ordering::Relaxed), 0, "calls with a lock held");
}

/// Of a client of Engine.IO 3 the server knows before its connection is counted.
#[tokio::test]
async fn a_recorder_may_ask_about_who_connects_and_who_upgrades() {
    let (recorded, io, server) = serve(SocketIo::new).await;
    let polls = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    let (asked, locked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (asked.clone(), locked.clone());
    let hook = move || {
        let (asked, locked) = &counts;
        asked.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = mpsc::channel();
        let sockets = io.sockets().sockets();
        std::thread::spawn(move || {
            for socket in sockets {
                let _ = socket.connection().is_writable();
            }
            answer.send(())
        });
        if answered.recv_timeout(Duration::from_secs(5)).is_err() {
            locked.fetch_add(1, Ordering::Relaxed);
        }
    };
    assert!(recorded.hook.set(Box::new(hook)).is_ok());
    let mut ws = Ws::open(server.addr, &polls.upgrade_target()).await;
    ws.send("2probe").await;
    ws.expect("3probe").await;
    Request::get(polls.target()).send(server.addr).await;
    ws.send("5").await;
    recorded
        .says("socketio_upgrades_total{result=completed}", 1.0)
        .await;
    for via in [Via::Polling, Via::WebSocket] {
        let _ = TestClient::connect(&server, Eio::V3, via).await;
    }
    assert!(asked.load(Ordering::Relaxed) > 5);
    assert_eq!(locked.load(Ordering::Relaxed), 0, "calls with a lock held");
}

/// What a session sends goes through its history, which has a lock of its own.
#[tokio::test]
async fn a_recorder_may_emit_to_a_session_that_can_be_recovered() {
    let recovery = axum_socketio::recovery::ConnectionStateRecovery::new;
    let build = || {
        SocketIo::builder()
            .connection_state_recovery(recovery())
            .build()
            .unwrap()
    };
    let (recorded, io, server) = serve(build).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let socket = io.sockets().sockets().pop().unwrap();
    let (asked, locked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (asked.clone(), locked.clone());
    let hook = move || {
        let (asked, locked) = &counts;
        if asked.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let (answer, answered) = mpsc::channel();
        let socket = socket.clone();
        std::thread::spawn(move || answer.send(socket.try_emit("again", ()).is_ok()));
        if answered.recv_timeout(Duration::from_secs(5)) != Ok(true) {
            locked.fetch_add(1, Ordering::Relaxed);
        }
    };
    assert!(recorded.hook.set(Box::new(hook)).is_ok());
    io.sockets().emit("news", ());
    let news = client.text().await;
    assert!(news.starts_with(r#"42["news""#), "{news}");
    assert!(asked.load(Ordering::Relaxed) > 0);
    assert_eq!(locked.load(Ordering::Relaxed), 0, "called with a lock held");
}

#[tokio::test]
async fn a_recorder_that_panics_harms_nobody() {
    let (recorded, io, server) = serve(SocketIo::new).await;
    let left = Arc::new(AtomicUsize::new(0));
    let count = left.clone();
    let _ = io.of("/").on_disconnect(async move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let hook = Box::new(|| panic!("the recorder"));
    assert!(recorded.hook.set(hook).is_ok());
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["message","hello"]"#).await;
        client.expect(r#"42["message-back","marker"]"#).await;
    }
    io.close().await;
    assert_eq!(io.engine().clients_count(), 0);
    assert_eq!(left.load(Ordering::Relaxed), TestClient::EVERY_WAY.len());
}
