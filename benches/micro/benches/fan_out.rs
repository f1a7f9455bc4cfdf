//! From a client's event to the bytes at 100 clients, through real sockets. Divide by the clients and the events.

use std::hint::black_box;

use axum_socketio::{SocketIo, extract::Data};
use gungraun::{library_benchmark, library_benchmark_group, main};
use micro::{Served, framed, masked};

const CLIENTS: usize = 100;

/// A server, its clients, and how many events are sent before anybody reads.
struct Audience {
    io: SocketIo,
    served: Served,
    events: usize,
}

/// Of the clients every tenth is in the room.
fn audience(events: usize) -> Audience {
    let io = SocketIo::new();
    io.of("/")
        .on("news", async |io: SocketIo, Data(text): Data<String>| {
            io.of("/").emit("news", text)
        });
    let served = Served::new(&io, CLIENTS);
    for socket in io.of("/").sockets().iter().step_by(10) {
        socket.join("tenth");
    }
    let mut audience = Audience {
        io,
        served,
        events: 1,
    };
    announce(&mut audience);
    audience.events = events;
    audience
}

fn announce(audience: &mut Audience) {
    let packet = format!(r#"42["news","{}"]"#, "x".repeat(128));
    let batch = masked(0x81, packet.as_bytes()).repeat(audience.events);
    audience.served.send(0, &batch);
    audience.served.read_all(framed(packet.len()) * audience.events);
}

#[library_benchmark]
#[bench::one_event(args = (1), setup = audience)]
#[bench::eight_events(args = (8), setup = audience)]
fn everybody(mut audience: Audience) -> Audience {
    announce(&mut audience);
    black_box(audience)
}

// What choosing ten of a hundred costs, without what sending to them costs.
#[library_benchmark]
#[bench::a_tenth(args = (1), setup = audience)]
fn selection(audience: Audience) -> Audience {
    black_box(audience.io.of("/").to("tenth").sockets().len());
    audience
}

library_benchmark_group!(name = fan_out; benchmarks = everybody, selection);
main!(library_benchmark_groups = fan_out);
