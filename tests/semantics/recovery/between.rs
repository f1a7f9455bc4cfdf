//! Nothing falls between two connections, whoever emits meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use axum_socketio::{Namespace, Value};

use super::{Client, WAYS, recovering, told};
use crate::wire::{TestServer, within};

/// How far emitters may be ahead of what the client has heard.
const AHEAD: u64 = 500;

/// Threads that emit numbered events, each its own row of numbers.
struct Emitters {
    stop: Arc<AtomicBool>,
    heard: Arc<[AtomicU64; 2]>,
    threads: [thread::JoinHandle<u64>; 2],
}

impl Emitters {
    fn start(main: &Namespace) -> Self {
        let (stop, heard) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new([const { AtomicU64::new(0) }; 2]),
        );
        let threads = [0, 1].map(|who| {
            let (main, stop, heard) = (main.clone(), stop.clone(), heard.clone());
            thread::spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    if number < heard[who].load(Ordering::Relaxed) + AHEAD {
                        main.to("room").emit("number", (who, number));
                        number += 1;
                    }
                    // Others get their turn, on one processor too.
                    thread::yield_now();
                }
                number
            })
        });
        Self { stop, heard, threads }
    }

    /// Nobody emits any more; how many each has.
    fn stop(self) -> [u64; 2] {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.map(|thread| thread.join().unwrap())
    }
}

/// The client hears an event: it is the next one of its row.
fn hear(heard: &[AtomicU64; 2], event: &Value) {
    let event = event.as_array().unwrap();
    let (who, number) = (event[1].as_u64().unwrap() as usize, event[2].as_u64().unwrap());
    assert_eq!(
        number,
        heard[who].swap(number + 1, Ordering::Relaxed),
        "{event:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_number_comes_once_and_in_order_while_connections_come_and_go() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, WAYS[0]).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let emitters = Emitters::start(&main);
    let numbers = emitters.heard.clone();
    for round in 0..40 {
        // Some of what was sent over the old connection is read, some isn't.
        for _ in 0..25 {
            hear(&numbers, &within(client.event()).await);
        }
        let memory = client.memory.clone();
        let way = WAYS[round / 2 % 2];
        // The server notices first, or the client is back before.
        let old = if round % 2 == 0 {
            client.lose_connection(&mut heard).await;
            None
        } else {
            Some(client)
        };
        let (resumed, missed) = within(Client::resume(&server, way, &memory)).await;
        if old.is_some() {
            heard.expect("left: transport close").await;
        }
        heard.expect("recovered room").await;
        assert_eq!(resumed.memory.pid, memory.pid);
        missed.iter().for_each(|event| hear(&numbers, event));
        client = resumed;
    }
    let emitted = emitters.stop();
    while [0, 1].map(|who| numbers[who].load(Ordering::Relaxed)) != emitted {
        hear(&numbers, &within(client.event()).await);
    }
}
