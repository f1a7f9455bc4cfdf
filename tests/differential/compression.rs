//! Compressed answers to polls, by whoever has compressed them.

use std::io::Read;

use axum_socketio::engine::HttpCompression;
use flate2::read::{GzDecoder, ZlibDecoder};

use crate::{Answer, Node, SocketIo, ask, ask_for_bytes, contract, differences, sid};

/// A session that echoes, and what it is to have echoed.
struct Session<'a> {
    url: &'a str,
    eio: &'a str,
    uri: String,
}

impl<'a> Session<'a> {
    async fn join(url: &'a str, eio: &'a str) -> Self {
        let open = format!("/socket.io/?EIO={eio}&transport=polling&b64=1");
        let answer = ask(url, "GET", &open, &[], "").await;
        let uri = format!("{open}&sid={}", sid(&answer["body"]).unwrap());
        let session = Self { url, eio, uri };
        if eio == "4" {
            session.post("40").await;
            session.poll(None).await;
        }
        session
    }

    fn payload(&self, packet: &str) -> String {
        match self.eio {
            "3" => format!("{}:{packet}", packet.len()),
            _ => packet.to_owned(),
        }
    }

    async fn post(&self, packet: &str) {
        let body = self.payload(packet);
        assert_eq!(ask(self.url, "POST", &self.uri, &[], &body).await["body"], "ok");
    }

    /// The next answer, its body decoded.
    async fn poll(&self, accepted: Option<&str>) -> Answer {
        let headers: Vec<_> = accepted
            .map(|list| ("accept-encoding", list))
            .into_iter()
            .collect();
        let (mut answer, body) = ask_for_bytes(self.url, "GET", &self.uri, &headers, "").await;
        let mut text = String::new();
        match answer.get("content-encoding").map(String::as_str) {
            Some("gzip") => GzDecoder::new(&*body).read_to_string(&mut text).unwrap(),
            Some("deflate") => ZlibDecoder::new(&*body).read_to_string(&mut text).unwrap(),
            _ => (&*body).read_to_string(&mut text).unwrap(),
        };
        answer.insert("body".into(), text);
        answer
    }

    /// The answer that has so many bytes when it isn't compressed.
    async fn echo(&self, event: &str, bytes: usize, accepted: Option<&str>) -> Answer {
        let around = self
            .payload(&format!(r#"42["echo","{}"]"#, "x".repeat(1000)))
            .len()
            - 1000;
        let text = "x".repeat(bytes - around);
        self.post(&format!(r#"42["{event}","{text}"]"#)).await;
        let answer = self.poll(accepted).await;
        assert_eq!(answer["body"].len(), bytes);
        answer
    }
}

#[tokio::test]
async fn what_is_compressed_and_how_is_as_in_node() {
    let accepted = [
        None,
        Some("gzip, deflate, br"),
        Some("deflate, gzip"),
        Some("deflate;q=0.5, gzip;q=0.4"),
        Some("gzip;q=0, deflate;q=0"),
        Some("*"),
        Some("br"),
    ];
    let mut told = String::new();
    for (major, eio) in [("2", "3"), ("4", "4")] {
        let node = Node::start(major, r#"{"cookie": false}"#).await;
        let options = SocketIo::builder().http_compression(HttpCompression::new());
        let ours = contract::Server::start(options).await;
        let theirs = Session::join(&node.url, eio).await;
        let session = Session::join(ours.url(), eio).await;
        for accepted in accepted {
            for (name, event, bytes) in [
                ("short", "echo", 1023),
                ("long", "echo", 1024),
                ("long, plain", "echo plain", 5000),
            ] {
                let case = format!("compression {major}: {name}, {}", accepted.unwrap_or("nothing"));
                let theirs = theirs.echo(event, bytes, accepted).await;
                let answer = session.echo(event, bytes, accepted).await;
                told += &differences(&case, &theirs, &answer);
            }
        }
    }
    assert!(told.is_empty(), "\n{told}");
}
