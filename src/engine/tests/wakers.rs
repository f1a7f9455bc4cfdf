//! Wakers are dropped without the lock: one may own the last of a task, whose drop may use the connection. And one that panics when it wakes
//! keeps nobody else from being woken.

use std::{
    pin::{Pin, pin},
    sync::{atomic::AtomicUsize, mpsc},
    task::Wake,
};

use super::*;

/// Uses the connection when it is dropped, and says whether there was an answer.
struct Curious {
    connection: Connection,
    told: mpsc::Sender<bool>,
}

impl Wake for Curious {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Curious {
    fn drop(&mut self) {
        let (connection, (answer, answered)) = (self.connection.clone(), mpsc::channel());
        // Another thread asks: a lock that is held makes the test fail then, and not hang.
        std::thread::spawn(move || {
            let _ = connection.is_writable();
            answer.send(())
        });
        let answered = answered.recv_timeout(Duration::from_secs(5)).is_ok();
        let _ = self.told.send(answered);
    }
}

/// Begins to wait in a task that is the waker's, and goes on in another one.
fn moves_to_another_task(connection: &Connection, what: &str, future: impl Future) {
    let mut future = pin!(future);
    let (told, heard) = mpsc::channel();
    let connection = connection.clone();
    let first = Waker::from(Arc::new(Curious { connection, told }));
    assert!(
        future
            .as_mut()
            .poll(&mut Context::from_waker(&first))
            .is_pending()
    );
    drop(first);
    assert!(heard.try_recv().is_err(), "{what}: the waker isn't kept");
    assert!(
        future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    assert_eq!(heard.try_recv(), Ok(true), "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_waker_whose_place_another_one_takes_is_dropped_without_the_lock() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    let mut events = client.events();
    moves_to_another_task(connection, "a listener", events.next());
    client.upper.send("queued");
    moves_to_another_task(connection, "a sender", connection.writable());
    client.upper.paused.store(true, Ordering::Release);
    moves_to_another_task(connection, "a POST", client.post("4later"));

    let client = Client::open(Config::default()).await;
    moves_to_another_task(client.upper.connection(), "a GET", client.get());
}

/// Counts how often it is woken, and panics if it is to.
struct Woken {
    panics: bool,
    times: AtomicUsize,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.times.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics, "a test panics on purpose");
    }
}

/// Begins to wait by a waker that is one of those that panic, or not.
fn waits(future: Pin<&mut impl Future>, panics: bool) -> Arc<Woken> {
    let times = AtomicUsize::new(0);
    let woken = Arc::new(Woken { panics, times });
    let waker = Waker::from(woken.clone());
    assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
    woken
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_on_a_connection_is_woken_whatever_the_wakers_of_others_do() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    client.upper.send("queued");
    let mut events: Vec<_> = (0..4).map(|_| connection.events()).collect();
    let mut events: Vec<_> = events.iter_mut().map(|events| Box::pin(events.next())).collect();
    let mut drained: Vec<_> = (0..4).map(|_| Box::pin(connection.writable())).collect();
    let mut woken = Vec::new();
    for (index, events) in events.iter_mut().enumerate() {
        woken.push(waits(events.as_mut(), index < 2));
    }
    for (index, drained) in drained.iter_mut().enumerate() {
        woken.push(waits(drained.as_mut(), index < 2));
    }
    // The packet goes out, of which all are told.
    client.get().await.is(200, "4queued");
    for woken in &woken {
        assert_eq!(woken.times.load(Ordering::Relaxed), 1);
    }
    drop((events, drained));
    // Nor does the end of a connection go wrong because of them.
    let mut events = connection.events();
    let mut next = Box::pin(events.next());
    let last = waits(next.as_mut(), true);
    connection.close();
    let _ = client.get().await;
    assert_eq!(client.upper.close_reasons().len(), 1);
    assert_eq!(last.times.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_on_a_websocket_is_woken_whatever_the_wakers_of_others_do() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open_over(&server, "EIO=4", 200).await;
    let connection = server.last().connection().clone();
    server.last().send(&"x".repeat(10_000));
    settle().await;
    let mut drained: Vec<_> = (0..4).map(|_| Box::pin(connection.writable())).collect();
    let mut woken = Vec::new();
    for (index, drained) in drained.iter_mut().enumerate() {
        woken.push(waits(drained.as_mut(), index < 2));
    }
    ws.text().await;
    settle().await;
    for woken in &woken {
        assert_eq!(woken.times.load(Ordering::Relaxed), 1);
    }
    assert!(server.last().told().is_empty(), "nor is it the WebSocket's end");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_last_connection_and_panics_costs_none_its_end() {
    let client = Client::open(Config::default()).await;
    let mut closed = Box::pin(client.server.engine.closed());
    let woken = waits(closed.as_mut(), true);
    client.upper.connection().close();
    let _ = client.get().await;
    assert_eq!(client.upper.close_reasons().len(), 1);
    assert!(woken.times.load(Ordering::Relaxed) > 0);
    closed.await;
}
