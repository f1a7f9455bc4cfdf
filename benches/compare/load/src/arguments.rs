//! What the command line asks for.

use std::path::PathBuf;

use regex_lite::Regex;

use crate::Result;

pub struct Arguments {
    pub growth: bool,
    /// Fewer rounds, shorter slices, fewer connections: to see that it works.
    pub quick: bool,
    pub only: Option<Regex>,
    pub rounds: Option<usize>,
    /// The folder of the comparison.
    pub here: PathBuf,
    /// Where the servers were built.
    pub binaries: PathBuf,
    /// Node's server, beside its packages.
    pub node: PathBuf,
    /// Where the tables and plots of an incomplete run go.
    pub scratch: PathBuf,
}

impl Arguments {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self {
            growth: false,
            quick: false,
            only: None,
            rounds: None,
            here: PathBuf::new(),
            binaries: PathBuf::new(),
            node: PathBuf::new(),
            scratch: PathBuf::new(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--growth" => arguments.growth = true,
                "--quick" => arguments.quick = true,
                "--only" => arguments.only = Some(Regex::new(&value()?)?),
                "--rounds" => {
                    arguments.rounds = Some(
                        value()?
                            .parse()
                            .ok()
                            .filter(|&rounds| rounds > 0)
                            .ok_or("--rounds needs a number above 0")?,
                    )
                }
                "--here" => arguments.here = value()?.into(),
                "--binaries" => arguments.binaries = value()?.into(),
                "--node" => arguments.node = value()?.into(),
                "--scratch" => arguments.scratch = value()?.into(),
                _ => return Err(format!(
                    "{word}: unknown. benches/compare/run [--quick] [--only REGEX] [--rounds N] [--growth]"
                )
                .into()),
            }
        }
        Ok(arguments)
    }

    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.is_match(name))
    }

    /// An incomplete run does not replace the results of a complete one.
    pub fn output(&self) -> &PathBuf {
        if self.quick || self.only.is_some() {
            &self.scratch
        } else {
            &self.here
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Arguments> {
        Arguments::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn parts_of_a_run_leave_the_published_results_alone() {
        let paths = "--here here --scratch scratch";
        assert_eq!(parse(paths).unwrap().output(), &PathBuf::from("here"));
        assert_eq!(
            parse(&format!("{paths} --rounds 9")).unwrap().output(),
            &PathBuf::from("here")
        );
        assert_eq!(
            parse(&format!("{paths} --quick")).unwrap().output(),
            &PathBuf::from("scratch")
        );
        let only = parse(&format!("{paths} --only ^echo-1$")).unwrap();
        assert_eq!(only.output(), &PathBuf::from("scratch"));
        assert!(only.wants("echo-1") && !only.wants("echo-16"));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(parse("--fast").is_err());
        assert!(parse("--rounds 0").is_err());
        assert!(parse("--only").is_err());
    }
}
