//! The limit of handlers that wait, where events wait too.

use std::sync::{Arc, Mutex, mpsc};

use axum_socketio::{Socket, SocketIo, limit::Limit};
use tokio::sync::{Notify, Semaphore};

use crate::{
    ground::Ground,
    limits::Told,
    wire::{Eio, TestClient, Via},
};

/// A handler of an event that has waited for another one in its sequential namespace waits for its client, and goes on to when that has left.
#[tokio::test]
async fn handlers_of_events_that_have_waited_count_for_their_client() {
    const CYCLES: usize = 10;
    const MOST: usize = 2 * 2;

    for via in [Via::Polling, Via::WebSocket] {
        let (first, database) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (started, begun) = (Arc::new(Mutex::new(0)), Arc::new(Semaphore::new(0)));
        let told = Told::default();
        let builder = SocketIo::builder().max_events_in_flight(2).max_namespaces(2);
        let ground = Ground::new(told.hook(builder)).await;
        let (comes, waits) = (first.clone(), database.clone());
        let (count, begins) = (started.clone(), begun.clone());
        let _ = ground
            .io
            .of("/again")
            .sequential()
            .on("first", async move |_: Socket| comes.notified().await)
            .on("wait", async move |_: Socket| {
                *count.lock().unwrap() += 1;
                begins.add_permits(1);
                waits.notified().await;
            });
        let mut client = ground.client(Eio::V4, via).await;
        let mut flood = tokio::task::JoinSet::new();
        flood.spawn(async move {
            for _ in 0..CYCLES {
                client
                    .send_all(["40/again,", r#"42/again,["first"]"#, r#"42/again,["wait"]"#])
                    .await;
                begun.acquire().await.unwrap().forget();
                client.send("41/again,").await;
            }
            client
        });
        let mut other = TestClient::connect(&ground.server, Eio::V4, Via::Polling).await;
        for done in 0..CYCLES {
            let expected = (done + MOST).min(CYCLES);
            while *started.lock().unwrap() < expected {
                other.expect_nothing().await;
                first.notify_waiters();
            }
            for _ in 0..10 {
                other.expect_nothing().await;
                first.notify_waiters();
            }
            assert_eq!(*started.lock().unwrap(), expected, "via {via:?}");
            database.notify_one();
        }
        flood.join_next().await.unwrap().unwrap();
        let told = told.0.lock().unwrap();
        assert!(!told.is_empty());
        assert!(
            told.iter().all(|line| *line == (Limit::EventsInFlight, 2, None)),
            "{told:?}"
        );
    }
}

/// What says that all before it has been read, also where nothing can be answered.
fn reads(ground: &Ground) -> Arc<Semaphore> {
    let read = Arc::new(Semaphore::new(0));
    let reads = read.clone();
    let main = ground.io.of("/");
    let _ = main.on("read", async move |_: Socket| reads.add_permits(1));
    read
}

/// They came while its connect handlers were still to start, in a task of their own behind a middleware that has waited.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_handlers_of_queued_events_start_than_may_wait() {
    const MOST: usize = 4;
    const EVENTS: usize = 20;

    let ways = [Via::Polling, Via::WebSocket];
    for (via, is_sent_away) in ways.into_iter().flat_map(|via| [(via, true), (via, false)]) {
        let (go_on, told) = mpsc::channel::<()>();
        let told = Arc::new(Mutex::new(told));
        let (started, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (begins, waits) = (started.clone(), go.clone());
        let ground = Ground::new(SocketIo::builder().max_events_in_flight(MOST)).await;
        let read = reads(&ground);
        let busy = ground
            .io
            .of("/busy")
            .middleware(async || tokio::task::yield_now().await)
            .on_connect(async move |_: Socket| {
                tokio::task::block_in_place(|| told.lock().unwrap().recv().unwrap());
            })
            .on("wait", async move |_: Socket| {
                begins.add_permits(1);
                waits.acquire().await.unwrap().forget();
            });
        let mut client = ground.client(Eio::V4, via).await;
        let mut other = ground.client(Eio::V4, via).await;
        client.send("40/busy,").await;
        // It is told when the connect handlers have started, and doesn't wait for that.
        while busy.is_empty() {
            other.expect_nothing().await;
        }
        for _ in 0..EVENTS {
            client.send(r#"42/busy,["wait"]"#).await;
        }
        client.send(r#"42["read"]"#).await;
        read.acquire().await.unwrap().forget();
        go_on.send(()).unwrap();
        assert!(client.text().await.starts_with("40/busy,"));
        for _ in 0..EVENTS / 2 {
            started.acquire().await.unwrap().forget();
            other.expect_nothing().await;
            assert!(started.available_permits() < MOST, "via {via:?}");
            go.add_permits(1);
        }
        started.acquire_many(MOST as u32).await.unwrap().forget();
        let socket = busy.sockets().remove(0);
        if is_sent_away {
            socket.disconnect(false);
            client.expect("41/busy,").await;
        } else {
            socket.connection().close();
            assert_eq!(client.recv().await, None);
        }
        while !busy.is_empty() {
            other.expect_nothing().await;
        }
        // A leave waits for none of them: what is queued behind that of the server is given up, and heard before that of a connection that ends.
        let heard = if is_sent_away {
            0
        } else {
            EVENTS - EVENTS / 2 - MOST
        };
        assert_eq!(started.available_permits(), heard, "via {via:?}");
        go.add_permits(EVENTS);
    }
}
