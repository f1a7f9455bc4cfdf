//! Acknowledgements that the server waits for, and clients that answer, fall silent or leave meanwhile, in every order.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream as _;
use http::Method;
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::{Client, request};
use crate::{
    SocketId,
    packet::Body,
    server::{
        SocketIo,
        pending_acks::{BroadcastWaiter, NotAwaited, PendingAcks, Waiter},
    },
    sync::{explore, thread},
};

/// A waiter for what one socket owes, and what it is told.
fn waiter() -> (
    Waiter,
    mpsc::UnboundedReceiver<(SocketId, crate::packet::KeptBody)>,
) {
    let (replies, told) = mpsc::unbounded_channel();
    let id = SocketId::from("socket");
    (Waiter::Broadcast(BroadcastWaiter { id, replies }), told)
}

/// Where the time is up, the future is dropped: tokio's timer, which loom doesn't see, does no more than that.
#[test]
fn an_answer_that_meets_the_time_out_and_the_leave_is_told_once_or_given_up() {
    explore(2, || {
        let acks = Arc::new(PendingAcks::default());
        let (waiter, mut told) = waiter();
        acks.insert(0, waiter, 1).unwrap();
        let (answered, left) = (acks.clone(), acks.clone());
        let threads = [
            thread::spawn(move || answered.resolve(0, || Body::Values(&[]).keep())),
            thread::spawn(move || left.clear()),
        ];
        let given_up = acks.remove(0).is_some();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        if told.try_recv().is_ok() {
            assert!(!given_up);
        }
        assert_eq!(told.try_recv().unwrap_err(), TryRecvError::Disconnected);
        let (waiter, _told) = self::waiter();
        assert_eq!(acks.insert(1, waiter, 1), Err(NotAwaited::Left));
    });
}

#[test]
fn who_asks_a_socket_that_is_leaving_does_not_wait() {
    explore(2, || {
        let io = SocketIo::new();
        let client = Client::connect(&io);
        let (asked, asking) = (client.socket.clone(), io.clone());
        let asking = thread::spawn(move || {
            let answer = asked.emit_with_ack::<u32>("question", ());
            (answer, asking.sockets().emit_with_ack::<u32>("question", ()))
        });
        let (away, sid) = (io.clone(), client.sid.clone());
        let answering = thread::spawn(move || drop(request(&away, &sid, Method::POST, "430[1]")));
        client.socket.disconnect(false);
        let (answer, answers) = asking.join().unwrap();
        answering.join().unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        match pin!(answer).poll(&mut cx) {
            Poll::Ready(Ok(answer)) => assert_eq!(answer, 1),
            Poll::Ready(Err(error)) => assert!(error.is_disconnected()),
            Poll::Pending => panic!("it waits for an answer"),
        }
        assert!(matches!(pin!(answers).poll_next(&mut cx), Poll::Ready(None)));
    });
}
