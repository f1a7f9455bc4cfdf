//! What clients say to get into namespaces: how long a name may be, and how much all of it together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum_socketio::{SocketIo, limit::Limit};
use tokio::sync::Notify;

use crate::{
    ground::Ground,
    wire::{Eio, TestClient, Via},
};

/// A name of so many bytes.
fn name(len: usize, last: char) -> String {
    format!("/{}{last}", "a".repeat(len - 2))
}

/// They are kept as long as the socket, and more than once.
#[tokio::test]
async fn names_that_a_client_makes_up_count_like_auth() {
    for (eio, refusal) in [
        (Eio::V4, r#"{"message":"auth too large"}"#),
        (Eio::V3, r#""auth too large""#),
    ] {
        let ground = Ground::alone(SocketIo::builder().max_http_buffer_size(1000)).await;
        // Those that the application has made are kept for nobody.
        for last in ['x', 'y', 'z'] {
            let _ = ground.io.of(name(400, last));
        }
        let _ = ground.io.of_matching(|_| true);
        let mut client = ground.client(eio, Via::WebSocket).await;
        for last in ['x', 'y', 'z', '1', '2'] {
            let name = name(400, last);
            client.send(format!("40{name},")).await;
            assert!(client.text().await.starts_with(&format!("40{name},")));
        }
        let third = name(400, '3');
        client.send(format!("40{third},")).await;
        client.expect(format!("44{third},{refusal}")).await;
        assert!(ground.io.get(&third).is_none());
        assert_eq!(ground.io.times_exceeded(Limit::HttpBufferSize), 1);
        client.send(format!("41{},", name(400, '1'))).await;
        client.send(format!("40{third},")).await;
        assert!(client.text().await.starts_with(&format!("40{third},")));
        client.close().await;
    }
}

/// Both are kept while a predicate thinks about it.
#[tokio::test]
async fn what_is_asked_for_takes_the_place_of_what_it_may_become() {
    let builder = SocketIo::builder().max_http_buffer_size(1000).max_namespaces(3);
    let ground = Ground::alone(builder).await;
    let known = Arc::new(Notify::new());
    let knows = known.clone();
    let _ = ground.io.of_matching_async(move |_| {
        let knows = knows.clone();
        async move {
            knows.notified().await;
            true
        }
    });
    let mut client = ground.client(Eio::V4, Via::WebSocket).await;
    for last in ['1', '2'] {
        client.send(format!("40{},", name(400, last))).await;
    }
    let third = name(400, '3');
    for (named, why) in [
        ("/custom", "too many namespaces"),
        (&*third, "too many namespaces"),
    ] {
        client.send(format!("40{named},")).await;
        client.expect(format!(r#"44{named},{{"message":"{why}"}}"#)).await;
    }
    known.notify_one();
    assert!(client.text().await.starts_with("40/aaa"));
    // Now there would be a place, but not for so many words.
    client.send("41").await;
    client.send(format!("40{third},")).await;
    client
        .expect(format!(r#"44{third},{{"message":"auth too large"}}"#))
        .await;
    client.join("/custom").await;
    client.close().await;
}

#[tokio::test]
async fn a_name_that_a_client_makes_up_is_no_longer_than_it_may_be() {
    let ground = Ground::alone(SocketIo::builder()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let asks = asked.clone();
    let _ = ground.io.of_matching(move |_| {
        asks.fetch_add(1, Ordering::Relaxed);
        true
    });
    let kept = name(1025, 'x');
    let _ = ground.io.of(&kept);
    asked.store(0, Ordering::Relaxed);
    for (eio, refusal) in [
        (Eio::V4, r#"{"message":"Invalid namespace"}"#),
        (Eio::V3, r#""Invalid namespace""#),
    ] {
        let mut client = ground.client(eio, Via::WebSocket).await;
        let long = name(1025, '1');
        client.send(format!("40{long},")).await;
        client.expect(format!("44{long},{refusal}")).await;
        assert_eq!(asked.swap(0, Ordering::Relaxed), 0);
        let longest = name(1024, '1');
        for name in [&kept, &longest] {
            client.send(format!("40{name},")).await;
            assert!(client.text().await.starts_with(&format!("40{name},")));
        }
        assert_eq!(asked.swap(0, Ordering::Relaxed), 1);
        client.close().await;
        while ground.io.get(&longest).is_some() {
            tokio::task::yield_now().await;
        }
    }
}

/// It becomes a table when a handler asks for one of its parameters.
#[tokio::test]
async fn a_query_behind_a_namespace_is_no_longer_than_that_of_a_request() {
    let ground = Ground::alone(SocketIo::builder()).await;
    let query = |len: usize| format!("a={}", "1".repeat(len - 2));
    let mut client = ground.client(Eio::V3, Via::WebSocket).await;
    client.send(format!("40/custom?{},", query(16 * 1024 + 1))).await;
    client.expect(r#"44/custom,"query too large""#).await;
    client.expect_nothing().await;
    client.send(format!("40/custom?{},", query(16 * 1024))).await;
    client.expect("40/custom,").await;
    let socket = ground.io.of("/custom").sockets().remove(0);
    assert_eq!(
        socket.handshake().query("a").map(|a| a.len()),
        Some(16 * 1024 - 2)
    );
    client.close().await;
}

/// What waits for `/` is kept.
#[tokio::test]
async fn namespaces_that_an_old_client_waits_for_count_as_those_that_it_is_in() {
    let auth = "a".repeat(600);
    let refuses = async || Err::<(), _>("not here");
    let too_many = r#"44/third,"too many namespaces""#;
    let too_large = r#"44/second,"auth too large""#;
    for (first, second, third) in [("1", "2", Some(too_many)), (&*auth, &*auth, None)] {
        let builder = SocketIo::builder().max_namespaces(2).max_http_buffer_size(1000);
        let ground = Ground::alone(builder).await;
        let _ = ground.io.of("/").middleware(refuses);
        for name in ["/first", "/second", "/third"] {
            let _ = ground.io.of(name);
        }
        let mut client = TestClient::open(&ground.server, Eio::V3, Via::WebSocket).await;
        client.expect(r#"44"not here""#).await;
        client.send(format!("40/first?a={first},")).await;
        client.send(format!("40/second?a={second},")).await;
        match third {
            Some(refusal) => {
                client.send("40/third,").await;
                client.expect(refusal).await;
            }
            None => client.expect(too_large).await,
        }
        // Who gives one up has room for another.
        client.send("41/first,").await;
        client.send(format!("40/third?a={first},")).await;
        client.send("2").await;
        client.expect("3").await;
        client.close().await;
    }
}
