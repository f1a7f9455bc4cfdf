//! `docs/reliability.md` is true to the tests: each promise names some, and they exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A row of the table: promise, tests, load, figure.
type Row = Vec<String>;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of all tables with four columns, without their heads.
fn rows(text: &str) -> Vec<Row> {
    text.lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect())
        .filter(|row: &Row| row.len() == 4 && row[0] != "promise" && !row[0].starts_with("---"))
        .collect()
}

/// What stands in backticks.
fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether a test of this name exists: `semantics::draining::a_test` in `tests`, `lib::engine::tests::a_test` in `src`,
/// `models::engine::models::a_test` among the models there, `fuzz::packet`.
fn exists(name: &str) -> bool {
    let mut parts: Vec<&str> = name.split("::").collect();
    let Some(test) = parts.pop() else { return false };
    let folder: PathBuf = match parts.first() {
        Some(&"fuzz") => return here().join(format!("fuzz/fuzz_targets/{test}.rs")).exists(),
        Some(&"lib" | &"models") => {
            // Only `tests/models` builds the modules of this name, and those inside of them.
            let wants_model = parts.remove(0) == "models";
            if wants_model != parts.contains(&"models") {
                return false;
            }
            here().join("src")
        }
        _ => here().join("tests"),
    };
    files(&folder.join(parts.join("/"))).iter().any(|file| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let mut before = "";
        text.lines().any(|line| {
            let code = line.trim();
            let found = code.contains(&format!("fn {test}()")) && before.starts_with("#[");
            if !code.starts_with("#[should_panic") {
                before = code;
            }
            found
        })
    })
}

/// Where the module of this path may stand.
fn files(module: &Path) -> [PathBuf; 4] {
    let inside = module.parent().map(|parent| parent.with_extension("rs"));
    [
        module.with_extension("rs"),
        module.join("main.rs"),
        module.join("mod.rs"),
        // `mod tests` at the end of a file.
        inside.unwrap_or_default(),
    ]
}

/// The tests in modules `models` of a folder, and in those inside of them.
fn models(folder: &Path) -> Vec<String> {
    let mut models = Vec::new();
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources are there").path();
        if path.is_dir() {
            models.extend(self::models(&path));
        } else if path.ends_with("models.rs") || path.iter().any(|part| part == "models") {
            let text = fs::read_to_string(&path).expect("the sources are there");
            let tests = text.split("#[test]\nfn ").skip(1);
            models.extend(tests.filter_map(|test| Some(test.split_once('(')?.0.to_owned())));
        }
    }
    models
}

#[test]
fn every_promise_names_tests_that_exist_a_load_and_a_figure() {
    let text = fs::read_to_string(here().join("docs/reliability.md")).expect("the page is there");
    let rows = rows(&text);
    assert!(rows.len() >= 40, "{} promises", rows.len());
    for row in rows {
        let tests = names(&row[1]);
        assert!(!tests.is_empty(), "no test for: {}", row[0]);
        for test in tests {
            assert!(exists(test), "`{test}` doesn't exist, for: {}", row[0]);
        }
        assert!(
            !row[2].is_empty() && !row[3].is_empty(),
            "no load or figure for: {}",
            row[0]
        );
    }
}

#[test]
fn every_model_stands_for_a_promise() {
    let text = fs::read_to_string(here().join("docs/reliability.md")).expect("the page is there");
    let rows = rows(&text);
    let named: Vec<_> = rows.iter().flat_map(|row| names(&row[1])).collect();
    let models = models(Path::new("src"));
    assert!(models.len() >= 24, "{models:?}");
    for model in models {
        let is_it = |name: &&str| name.starts_with("models::") && name.ends_with(&format!("::{model}"));
        let named = named.iter().any(is_it);
        assert!(named, "no promise for the model `{model}`");
    }
}

#[test]
fn the_checker_knows_what_exists() {
    assert!(exists("reliability::the_checker_knows_what_exists"));
    assert!(exists(
        "semantics::shutdown::a_server_without_clients_closes_at_once"
    ));
    assert!(exists("hostile::the_tables_have_two_hundred_rows"));
    assert!(exists("lib::engine::session::tests::a_session_is_small"));
    assert!(exists(
        "lib::engine::refusal::tests::refusals_answer_as_node_does"
    ));
    assert!(exists(
        "models::server::models::a_join_that_meets_a_departure_leaves_no_trace"
    ));
    assert!(exists(
        "models::server::models::recovery::what_is_emitted_while_a_session_is_lost_and_resumed_arrives_once_and_in_order"
    ));
    assert!(exists("fuzz::packet"));
    // A function that is no test, and names that are nobody's.
    assert!(!exists("reliability::here"));
    assert!(!exists("semantics::shutdown::a_server_closes_when_it_likes"));
    assert!(!exists(
        "semantics::nowhere::a_server_without_clients_closes_at_once"
    ));
    assert!(!exists("fuzz::nothing"));
    // A model is no unit test, nor the other way round.
    assert!(!exists(
        "lib::server::models::a_join_that_meets_a_departure_leaves_no_trace"
    ));
    assert!(!exists(
        "models::engine::refusal::tests::refusals_answer_as_node_does"
    ));
}

#[test]
fn the_checker_reads_tables() {
    let text =
        "| promise | tests | load | seen |\n|---|---|---|---|\n| it holds | `a::b`, `c::d` | one | two |\n";
    let rows = rows(text);
    assert_eq!(rows.len(), 1);
    assert_eq!(names(&rows[0][1]), ["a::b", "c::d"]);
}
