use std::time::Duration;

use axum::extract::State;
use axum_socketio::{AckSender, Namespace, Socket, SocketIo};
use tokio::{runtime::Handle, task::block_in_place};

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// A server, and one client of each kind with its socket.
async fn four() -> (Namespace, TestServer, Vec<(TestClient, Socket)>) {
    let (io, main) = io(SocketIo::builder());
    let server = TestServer::start(&io).await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let id = client.join("/").await;
        let socket = main.socket(id).expect("connected");
        clients.push((client, socket));
    }
    (main, server, clients)
}

/// The id of the acknowledgement that `42ID["question"]` asks for.
async fn asked(client: &mut TestClient) -> String {
    let question = client.text().await;
    let id = question
        .strip_prefix("42")
        .and_then(|rest| rest.strip_suffix(r#"["question"]"#));
    id.unwrap_or_else(|| panic!("{question} is not the question"))
        .to_owned()
}

#[tokio::test]
async fn an_acknowledgement_gives_what_the_client_passed() {
    let (_main, _server, clients) = four().await;
    for (mut client, socket) in clients {
        let one = socket.emit_with_ack::<String>("question", ());
        let two = socket.emit_with_ack::<(u32, String)>("question", ());
        let none = socket.emit_with_ack::<()>("question", ());
        for answer in [r#"["a"]"#, r#"[1,"b"]"#, "[]"] {
            let id = asked(&mut client).await;
            client.send(format!("43{id}{answer}")).await;
        }
        assert_eq!(within(one).await.unwrap(), "a");
        assert_eq!(within(two).await.unwrap(), (1, "b".to_owned()));
        within(none).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_of_another_type_is_an_error() {
    let (_main, _server, clients) = four().await;
    for (mut client, socket) in clients {
        let number = socket.emit_with_ack::<u32>("question", ());
        let id = asked(&mut client).await;
        client.send(format!(r#"43{id}["no number"]"#)).await;
        assert!(within(number).await.unwrap_err().is_decode());
    }
}

#[tokio::test]
async fn an_acknowledgement_times_out_and_the_late_one_is_ignored() {
    let (_main, _server, clients) = four().await;
    for (mut client, socket) in clients {
        let answer = socket
            .timeout(Duration::from_millis(50))
            .emit_with_ack::<u32>("question", ());
        let id = asked(&mut client).await;
        assert!(within(answer).await.unwrap_err().is_timeout());
        client.send(format!("43{id}[1]")).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_wait() {
    let (_main, _server, clients) = four().await;
    for (mut client, socket) in clients {
        let answer = socket.emit_with_ack::<u32>("question", ());
        asked(&mut client).await;
        client.close().await;
        assert!(within(answer).await.unwrap_err().is_disconnected());
        let answer = socket.emit_with_ack::<u32>("question", ());
        assert!(
            within(answer).await.unwrap_err().is_disconnected(),
            "as it does for one who has left already"
        );
    }
}

#[tokio::test]
async fn a_broadcast_collects_everyones_answer() {
    let (main, _server, mut clients) = four().await;
    let answers = main.emit_with_ack::<usize>("question", ());
    assert_eq!(answers.recipients(), 4);
    for (number, (client, _)) in clients.iter_mut().enumerate() {
        let id = asked(client).await;
        client.send(format!("43{id}[{number}]")).await;
    }
    let mut answers = within(answers.collect_all()).await.unwrap();
    // Those of two connections may be heard by two threads.
    answers.sort_unstable();
    assert_eq!(answers, [0, 1, 2, 3]);
}

/// What a handler sends is held back until it returns or waits. One that blocks its thread for the answers does neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_until_everyone_has_answered_is_answered() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on("ask", async |socket: Socket, State(log): State<Log>| {
            let answers = socket.broadcast().emit_with_ack::<u32>("question", ());
            let collected = block_in_place(|| Handle::current().block_on(within(answers.collect_all())));
            log.say(collected.unwrap().len());
        });
    let server = TestServer::start(&io).await;
    let mut asks = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let mut others = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        others.push(TestClient::connect(&server, eio, via).await);
    }
    asks.send(r#"42["ask"]"#).await;
    for other in &mut others {
        let id = asked(other).await;
        other.send(format!("43{id}[1]")).await;
    }
    heard.expect("4").await;
}

/// One answers, one leaves, one leaves without being asked to: nobody is waited for in vain.
#[tokio::test]
async fn a_broadcast_does_not_wait_for_who_has_left() {
    let (main, _server, mut clients) = four().await;
    let answers = main.emit_with_ack::<usize>("question", ());
    for (number, (mut client, _)) in clients.drain(..).enumerate() {
        let id = asked(&mut client).await;
        if number % 2 == 0 {
            client.close().await;
        } else {
            client.send(format!("43{id}[{number}]")).await;
        }
    }
    assert_eq!(within(answers.collect_all()).await.unwrap(), [1, 3]);
}

#[tokio::test]
async fn a_broadcast_that_times_out_keeps_the_answers_that_came() {
    let (main, _server, mut clients) = four().await;
    let answers = main
        .timeout(Duration::from_secs(3))
        .emit_with_ack::<usize>("question", ());
    let id = asked(&mut clients[1].0).await;
    clients[1].0.send(format!("43{id}[7]")).await;
    let error = within(answers.collect_all()).await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.replies, [7]);
}

#[tokio::test]
async fn a_broadcast_to_nobody_has_no_answers_at_once() {
    let (main, _server, _clients) = four().await;
    let answers = main.to("nowhere").emit_with_ack::<usize>("question", ());
    assert_eq!(within(answers.collect_all()).await.unwrap(), [0; 0]);
}

/// One client can't answer for another.
#[tokio::test]
async fn an_answer_counts_for_the_one_who_was_asked() {
    let (_main, _server, mut clients) = four().await;
    let answer = clients[0].1.emit_with_ack::<u32>("question", ());
    let id = asked(&mut clients[0].0).await;
    clients[1].0.send(format!("43{id}[666]")).await;
    clients[1].0.expect_nothing().await;
    clients[0].0.send(format!("43{id}[1]")).await;
    assert_eq!(within(answer).await.unwrap(), 1);
}

/// A handler can answer when it likes, and need not answer at all.
#[tokio::test]
async fn an_answer_may_come_later_or_never() {
    let (io, main) = io(SocketIo::builder());
    let (log, mut heard) = log();
    let kept = std::sync::Arc::new(std::sync::Mutex::new(Vec::<AckSender>::new()));
    let keeping = kept.clone();
    let _ = main
        .on("later", async move |ack: AckSender| {
            keeping.lock().unwrap().push(ack);
            log.say("kept");
        })
        .on("never", async |_: AckSender| {});
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"421["later"]"#).await;
    heard.expect("kept").await;
    client.send(r#"422["never"]"#).await;
    client.expect_nothing().await;
    kept.lock().unwrap().pop().unwrap().send(("a", 1));
    client.expect(r#"431["a",1]"#).await;
}
