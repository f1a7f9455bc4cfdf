//! The machine: its CPUs and who may use which, and the line that names it.

use std::{fs, path::Path, process::Command};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::resource::{Resource, getrlimit, setrlimit},
    unistd::Pid,
};

use crate::Result;

/// The CPUs that this process may use. Servers have the first, the load has the last.
pub struct Cpus(Vec<usize>);

impl Cpus {
    pub fn of_this_process() -> Result<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        let cpus: Vec<_> = (0..CpuSet::count())
            .filter(|&cpu| allowed.is_set(cpu).unwrap_or(false))
            .collect();
        let this = Self(cpus);
        this.pin(this.load())?;
        Ok(this)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn load(&self) -> &[usize] {
        &self.0[self.0.len() - 1..]
    }

    /// Calls `start` where a server of so many threads belongs.
    pub fn as_server<T>(&self, threads: usize, start: impl FnOnce() -> T) -> Result<T> {
        self.pin(&self.0[..threads.min(self.0.len())])?;
        let started = start();
        self.pin(self.load())?;
        Ok(started)
    }

    fn pin(&self, cpus: &[usize]) -> Result<()> {
        let mut set = CpuSet::new();
        for &cpu in cpus {
            set.set(cpu)?;
        }
        Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
    }
}

/// As many open files as this process may have; its children inherit that.
pub fn open_files() -> Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

/// What the figures were made on and with. `here` is the folder of the comparison.
pub fn description(here: &Path, cpus: &Cpus) -> String {
    let locked = |lock: &str, package: &str| {
        let text = fs::read_to_string(here.join(lock)).unwrap_or_default();
        version(&text, package).unwrap_or_else(|| "?".into())
    };
    format!(
        "{} ({} CPUs, {} GiB), Linux {}; {}; Node {}; axum-socketio {}, socketioxide {}, axum {}, tokio {}, socket.io {}",
        cpu_model(),
        cpus.count(),
        memory(),
        fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim(),
        first_line("rustc"),
        first_line("node").trim_start_matches('v'),
        locked("server/Cargo.lock", "axum-socketio"),
        locked("peers/socketioxide/Cargo.lock", "socketioxide"),
        locked("server/Cargo.lock", "axum"),
        locked("server/Cargo.lock", "tokio"),
        locked("peers/node/package-lock.json", "node_modules/socket.io"),
    )
}

/// The version beside the first line that names the package, in a `Cargo.lock` or a `package-lock.json`.
fn version(lock: &str, package: &str) -> Option<String> {
    let mut lines = lock.lines().skip_while(|line| {
        !line.contains(&format!("\"{package}\"")) || line.starts_with(' ') && !line.ends_with('{')
    });
    let line = lines.find(|line| line.trim_start().trim_start_matches('"').starts_with("version"))?;
    line.split('"')
        .rfind(|part| part.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_owned)
}

fn cpu_model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.split(':').next().is_some_and(|field| field.trim() == name))?;
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    };
    match field("model name") {
        Some(name) if name != "unknown" => name,
        _ => format!(
            "{} family {} model {}",
            field("vendor_id").unwrap_or_else(|| std::env::consts::ARCH.into()),
            field("cpu family").unwrap_or_else(|| "?".into()),
            field("model").unwrap_or_else(|| "?".into())
        ),
    }
}

fn memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    total.map_or(0, |kib: u64| (kib + (1 << 19)) >> 20)
}

fn first_line(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    text.lines().next().unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_both_kinds_of_lock_file() {
        let cargo = "[[package]]\nname = \"a\"\nversion = \"0.1.0\"\ndependencies = [\n \"tokio\",\n]\n\n\
                     [[package]]\nname = \"tokio\"\nversion = \"1.52.3\"\n";
        assert_eq!(version(cargo, "tokio").as_deref(), Some("1.52.3"));
        let npm = "  \"dependencies\": {\n    \"socket.io\": \"4\"\n  },\n    \"node_modules/socket.io\": {\n      \"version\": \"4.8.4\",\n";
        assert_eq!(version(npm, "node_modules/socket.io").as_deref(), Some("4.8.4"));
    }
}
