//! Wakers are dropped without the lock: one may own the last of a task, whose drop may use the connection.

use std::{pin::pin, sync::mpsc, task::Wake};

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
