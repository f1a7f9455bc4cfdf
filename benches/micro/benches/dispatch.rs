//! From the bytes of an event to the bytes of the answer, through a real socket. Divide by [`MESSAGES`].

use std::hint::black_box;

use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group, main};
use micro::{Served, framed, masked};
use serde::{Deserialize, Serialize};

/// What each benchmark sends and gets back.
const MESSAGES: usize = 100;

#[derive(Deserialize, Serialize)]
struct Record {
    id: u64,
    name: String,
    tags: Vec<String>,
    position: (f64, f64),
    active: bool,
}

/// A server with a client, what the client sends at once, how often, and how long the answer is.
struct Talk {
    served: Served,
    batch: Vec<u8>,
    times: usize,
    answer: usize,
}

fn talk(batches: usize, frames: &[Vec<u8>], answer: usize) -> Talk {
    let io = SocketIo::new();
    io.of("/")
        .on("echo", async |socket: Socket, Data(text): Data<String>| {
            socket.emit("echo", text)
        })
        .on("json", async |socket: Socket, Data(record): Data<Record>| {
            socket.emit("json", record)
        })
        .on("ack", async |Data(text): Data<String>| Ack(text))
        .on("binary", async |socket: Socket, Data(bytes): Data<Bytes>| {
            socket.emit("binary", bytes)
        });
    let batch = frames.concat().repeat(MESSAGES / batches);
    let mut talk = Talk {
        served: Served::new(&io, 1),
        batch,
        times: 1,
        answer: answer * (MESSAGES / batches),
    };
    // Whatever is made at the first use is made now.
    exchange(&mut talk);
    talk.times = batches;
    talk
}

fn exchange(talk: &mut Talk) {
    for _ in 0..talk.times {
        talk.served.send(0, &talk.batch);
        talk.served.read(0, talk.answer);
    }
}

/// An event whose answer is the same text without the id that asks for an acknowledgement.
fn echo(batches: usize) -> Talk {
    let packet = format!(r#"42["echo","{}"]"#, "x".repeat(64));
    talk(batches, &[masked(0x81, packet.as_bytes())], framed(packet.len()))
}

fn json(batches: usize) -> Talk {
    let packet = r#"42["json",{"id":1234567,"name":"Ada Lovelace","tags":["mathematics","engines","notes"],"position":[51.5,-0.125],"active":true}]"#;
    talk(batches, &[masked(0x81, packet.as_bytes())], framed(packet.len()))
}

fn ack(batches: usize) -> Talk {
    let text = "x".repeat(64);
    let packet = format!(r#"427["ack","{text}"]"#);
    let answer = format!(r#"437["{text}"]"#);
    talk(batches, &[masked(0x81, packet.as_bytes())], framed(answer.len()))
}

fn binary(batches: usize) -> Talk {
    let packet = r#"451-["binary",{"_placeholder":true,"num":0}]"#;
    let frames = [masked(0x81, packet.as_bytes()), masked(0x82, &[7; 1024])];
    talk(batches, &frames, framed(packet.len()) + framed(1024))
}

#[library_benchmark]
#[bench::echo_one_at_a_time(args = (100), setup = echo)]
#[bench::echo_twenty_at_a_time(args = (5), setup = echo)]
#[bench::json_five_at_a_time(args = (20), setup = json)]
#[bench::ack_five_at_a_time(args = (20), setup = ack)]
#[bench::binary_five_at_a_time(args = (20), setup = binary)]
fn hundred(mut talk: Talk) -> Talk {
    exchange(&mut talk);
    black_box(talk)
}

library_benchmark_group!(name = dispatch; benchmarks = hundred);
main!(library_benchmark_groups = dispatch);
