//! The pure rooms alone: frames, packets and payloads. Each does its work [`TIMES`] times, so that a call costs nothing.

use std::hint::black_box;

use axum_socketio::benching;
use bytes::Bytes;
use gungraun::{library_benchmark, library_benchmark_group, main};
use micro::masked;

const TIMES: usize = 100;

fn text_packet(length: usize) -> String {
    format!(r#"2["echo","{}"]"#, "x".repeat(length))
}

/// A buffer that has been written to before, as those of the server have, and a text.
fn text(length: usize) -> (Vec<u8>, String) {
    (Vec::with_capacity(2 * length), "x".repeat(length))
}

fn attachment(length: usize) -> (Vec<u8>, Bytes) {
    (Vec::with_capacity(128), Bytes::from(vec![7; length]))
}

fn stream(payload: usize) -> Vec<u8> {
    masked(0x81, "x".repeat(payload).as_bytes()).repeat(TIMES)
}

fn payload_v4(packets: usize) -> String {
    let one = format!("4{}", text_packet(64));
    vec![one; packets].join("\u{1e}")
}

fn payload_v3(packets: usize) -> String {
    let one = format!("4{}", text_packet(64));
    format!("{}:{one}", one.len()).repeat(packets)
}

#[library_benchmark]
#[bench::of_64_bytes(args = (64), setup = stream)]
#[bench::of_4_kib(args = (4096), setup = stream)]
fn read_frames(mut stream: Vec<u8>) -> Vec<u8> {
    assert_eq!(benching::frames(&mut stream), TIMES);
    stream
}

#[library_benchmark]
#[bench::of_64_bytes(args = (64), setup = text_packet)]
#[bench::of_4_kib(args = (4096), setup = text_packet)]
fn read_event(packet: String) -> String {
    for _ in 0..TIMES {
        black_box(benching::read_event(black_box(&packet)));
    }
    packet
}

#[library_benchmark]
#[bench::of_64_bytes(args = (64), setup = text)]
#[bench::of_4_kib(args = (4096), setup = text)]
fn write_event((mut buf, text): (Vec<u8>, String)) -> (Vec<u8>, String) {
    for _ in 0..TIMES {
        benching::write_event(&mut buf, "echo", black_box(&text));
    }
    (buf, text)
}

#[library_benchmark]
#[bench::of_1_kib(args = (1024), setup = attachment)]
fn write_event_with_attachment((mut buf, bytes): (Vec<u8>, Bytes)) -> (Vec<u8>, Bytes) {
    for _ in 0..TIMES {
        benching::write_event(&mut buf, "echo", black_box(&bytes));
    }
    (buf, bytes)
}

#[library_benchmark]
#[bench::v4(args = (TIMES), setup = payload_v4)]
fn read_payload_v4(body: String) -> String {
    assert_eq!(benching::payload_v4(&body), TIMES);
    body
}

#[library_benchmark]
#[bench::v3(args = (TIMES), setup = payload_v3)]
fn read_payload_v3(body: String) -> String {
    assert_eq!(benching::payload_v3(&body), TIMES);
    body
}

library_benchmark_group!(
    name = codec;
    benchmarks = read_frames, read_event, write_event, write_event_with_attachment, read_payload_v4, read_payload_v3
);
main!(library_benchmark_groups = codec);
