//! The comparison: starts servers, loads them in interleaved rounds, and writes tables and plots.
//!
//! One thread does everything here, on a CPU of its own where there are two. See benches/README.md for the method.

mod arguments;
mod contestants;
mod growth;
mod histogram;
mod machine;
mod memory;
mod net;
mod plan;
mod process;
mod report;
mod rounds;
mod scenario;
mod stalled;
mod storm;

use std::process::ExitCode;

use crate::{arguments::Arguments, machine::Cpus};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn run(arguments: &Arguments) -> Result<()> {
    let files = machine::open_files()?;
    let cpus = Cpus::of_this_process()?;
    if arguments.growth {
        growth::run(arguments, &cpus, files)
    } else {
        plan::run(arguments, &cpus, files)
    }
}

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}
