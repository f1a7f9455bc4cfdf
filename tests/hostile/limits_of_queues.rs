//! The limit of handlers that wait, where events wait too.

use std::sync::{Arc, Mutex};

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
