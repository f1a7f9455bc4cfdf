//! A server under load: starting it, its CPU clock, its memory.

use std::{
    fs, io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

use crate::{Result, machine::Cpus};

/// A server to compare, and how it is started. It gets `PORT` and `THREADS`.
#[derive(Clone)]
pub struct Contestant {
    pub name: &'static str,
    pub command: Vec<String>,
    pub settings: Vec<(&'static str, &'static str)>,
    /// How long it takes until the code that runs is the code that was compiled best.
    pub warm_up: Duration,
}

pub struct Server {
    pub port: u16,
    child: Child,
    clock: ClockId,
}

impl Contestant {
    /// Starts it on the CPUs of servers, with one worker thread for each.
    pub fn start(&self, cpus: &Cpus, threads: usize) -> Result<Server> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .envs(self.settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
            .env("PORT", port.to_string())
            .env("THREADS", threads.to_string());
        // A child inherits the CPUs of the thread that starts it.
        let child = cpus
            .as_server(threads, || command.spawn())?
            .map_err(|error| format!("{}: {error}", self.name))?;
        let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(child.id())?))?;
        let mut server = Server { port, child, clock };
        server
            .wait_for_port()
            .map_err(|error| format!("{}: {error}", self.name))?;
        Ok(server)
    }
}

impl Server {
    fn wait_for_port(&mut self) -> Result<()> {
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("ended with {status}").into());
            }
            if started.elapsed() > Duration::from_secs(30) {
                return Err("does not listen on PORT".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// User and system time of all its threads, also of those that have ended.
    pub fn cpu(&self) -> Result<Duration> {
        let time = clock_gettime(self.clock).map_err(|_| "the server has died")?;
        Ok(Duration::new(
            time.tv_sec().try_into()?,
            time.tv_nsec().try_into()?,
        ))
    }

    /// Resident memory, in KiB.
    pub fn rss(&self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The highest it has been since [`Server::reset_peak`], in KiB.
    pub fn peak(&self) -> Result<f64> {
        self.status("VmHWM:")
    }

    pub fn reset_peak(&self) -> io::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")
    }

    fn status(&self, field: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .ok_or("the server has died")?;
        Ok(line.trim_end_matches("kB").trim().parse()?)
    }

    /// Waits until it has used next to no CPU for 150 ms, for 5 s at most.
    pub fn settle(&self) -> Result<()> {
        let (started, mut quiet, mut last) = (Instant::now(), 0, self.cpu()?);
        while quiet < 3 && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.cpu()?;
            quiet = if now - last < Duration::from_millis(1) {
                quiet + 1
            } else {
                0
            };
            last = now;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
