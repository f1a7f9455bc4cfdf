//! Tables and pictures.

mod markdown;
mod plots;
mod svg;

use std::{fs, path::Path};

use crate::{Result, growth::Growth, plan::Results, plan::progress, rounds::Timing};

pub fn comparison(results: &Results, machine: &str, timing: Timing, folder: &Path) -> Result<()> {
    let mut files = vec![("results.md", markdown::comparison(results, machine, timing))];
    if !results.rows.is_empty() {
        files.push(("cpu.svg", plots::cpu(&results.rows)));
    }
    if !results.memory.is_empty() {
        files.push(("memory.svg", plots::memory(&results.memory)));
    }
    write(folder, &files)
}

pub fn growth(growth: &Growth, machine: &str, timing: Timing, folder: &Path) -> Result<()> {
    let text = markdown::growth(growth, machine, timing);
    write(
        folder,
        &[("growth.md", text), ("growth.svg", plots::growth(&growth.curves))],
    )
}

/// Puts the figures into the README of the project, between two marks.
pub fn readme(results: &Results, machine: &str, path: &Path) -> Result<()> {
    const START: &str = "<!-- figures of benches/compare/run -->\n";
    const END: &str = "<!-- end of the figures -->";
    let text = fs::read_to_string(path)?;
    let parts = text.split_once(START).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        parts.ok_or_else(|| format!("{} has lost the marks around the figures", path.display()))?;
    let figures = markdown::readme(results, machine);
    fs::write(path, format!("{before}{START}\n{figures}\n{END}{after}"))?;
    progress(&format!("wrote the figures into {}", path.display()));
    Ok(())
}

/// The first file is shown, too.
fn write(folder: &Path, files: &[(&str, String)]) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
        progress(&format!("wrote {}", folder.join(name).display()));
    }
    let mut out = std::io::stdout();
    Ok(std::io::Write::write_all(&mut out, files[0].1.as_bytes())?)
}
